"""The loss on an answer's tokens alone: what the prompt says is read, not learnt."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from cds_hooks.tuning.example import IGNORED, MarkedTokens
from cds_hooks.tuning.training.base_model import Network

__all__ = ["answer_loss", "mean_loss", "tail_logits"]

Tensor = Any
"""A `torch.Tensor`."""


def answer_loss(model: Network, example: MarkedTokens) -> tuple[Tensor, int]:
    """The summed loss (nats) of an example's marked tokens, and how many they are.

    Only positions from the first marked token on pass through the output layer, which costs a
    small model a fifth of all.
    """
    import torch

    targets = example.labels[1:]
    first = next(n for n, label in enumerate(targets) if label != IGNORED)
    ids = torch.tensor([example.input_ids[:-1]])
    logits = model(input_ids=ids, logits_to_keep=len(targets) - first, use_cache=False).logits[0]
    wanted = torch.tensor(targets[first:])
    loss = torch.nn.functional.cross_entropy(
        logits.float(), wanted, ignore_index=IGNORED, reduction="sum"
    )
    return loss, int((wanted != IGNORED).sum())


def mean_loss(model: Network, examples: Iterable[MarkedTokens]) -> float:
    """The loss a marked token over examples, without learning from them."""
    import torch

    total, count = 0.0, 0
    with torch.inference_mode():
        for example in examples:
            loss, marked = answer_loss(model, example)
            total, count = total + float(loss), count + marked
    return total / count


def tail_logits(model: Network, ids: tuple[int, ...], rows: int) -> Any:
    """The logits at the last `rows` of `ids` as a numpy array (rows, vocabulary)."""
    import torch

    with torch.inference_mode():
        made = model(input_ids=torch.tensor([ids]), logits_to_keep=rows, use_cache=False)
    return made.logits[0].float().numpy()
