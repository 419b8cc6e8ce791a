"""Is the adapter that the engine loads the one that was trained? Token by token, on both sides."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cds_hooks.tuning.example import MarkedTokens
from cds_hooks.tuning.training.answer_loss import tail_logits
from cds_hooks.tuning.training.base_model import Network
from cds_hooks.tuning.training.engine_logits import Logits, engine_logits, in_full_precision
from cds_hooks.tuning.training.threads import threads_to_use
from cds_hooks.tuning.training.token_check import TokenCheck, compare_logits

__all__ = ["AdapterCheck", "CheckedTokens", "check_adapter", "logits_of", "tokens_to_check"]

_SEQUENCES = 8
_LONGEST = 160
_ROWS = 64
_TIMES = 4.0
"""How many times the rounding of the base model alone an adapter may add. Ours: with the right
adapter it is below 2, with any of the planted mistakes of the tests above 20."""
_VISIBLE = 2.0
"""How many times that rounding the adapter itself must change, or nothing can be said of it."""

CheckedTokens = Sequence[tuple[int, ...]]


@dataclass(frozen=True, slots=True)
class AdapterCheck:
    """`base` compares both programs without the adapter and `adapted` with it, weights in 32 bits.

    `served_base` and `served` are the same for the file that is served, where the engine also
    rounds activations. `effect` compares transformers with and without the adapter.
    """

    base: TokenCheck
    adapted: TokenCheck
    served_base: TokenCheck
    served: TokenCheck
    effect: TokenCheck

    @property
    def fault(self) -> str:
        """A stable code of what is wrong, or empty."""
        rounding = max(self.base.mean, 1e-6)
        # Two programs that both compute nothing agree at every position.
        if not all(map(math.isfinite, (self.base.mean, self.adapted.mean, self.effect.mean))):
            return "not-a-number"
        if self.base.different:
            return "base-differs"
        if self.effect.mean < _VISIBLE * rounding:
            return "adapter-without-effect"
        if self.adapted.different or self.adapted.mean > _TIMES * rounding:
            return "adapter-differs"
        return ""


def tokens_to_check(examples: Sequence[MarkedTokens]) -> CheckedTokens:
    """The ends of the first held-out examples: some of the prompt, and the answer."""
    return [example.input_ids[-_LONGEST:] for example in examples[:_SEQUENCES]]


def logits_of(model: Network, sequences: CheckedTokens) -> list[Logits]:
    """What transformers computes at the last positions of each sequence."""
    return [tail_logits(model, ids, min(_ROWS, len(ids))) for ids in sequences]


def check_adapter(
    base: Path,
    adapter: Path,
    sequences: CheckedTokens,
    *,
    alone: Sequence[Logits],
    adapted: Sequence[Logits],
    folder: Path,
    threads: int = 0,
) -> AdapterCheck:
    """Compare the engine with what transformers computed for the base alone and with the adapter.

    A copy of the model in 32 bits is made in `folder` and removed. `threads` as in `threads.py`.
    """
    used = threads_to_use(threads)
    with tempfile.TemporaryDirectory(prefix="check-", dir=folder) as temporary:
        exact = Path(temporary) / "exact.gguf"
        in_full_precision(base, exact)
        return AdapterCheck(
            base=_compared(alone, exact, None, sequences, used),
            adapted=_compared(adapted, exact, adapter, sequences, used),
            served_base=_compared(alone, base, None, sequences, used),
            served=_compared(adapted, base, adapter, sequences, used),
            effect=compare_logits(zip(alone, adapted, strict=True)),
        )


def _compared(
    expected: Sequence[Logits],
    base: Path,
    adapter: Path | None,
    sequences: CheckedTokens,
    threads: int,
) -> TokenCheck:
    longest = max(len(ids) for ids in sequences)
    with engine_logits(base, adapter, longest=longest, threads=threads) as engine:
        found = [engine.last(ids, min(_ROWS, len(ids))) for ids in sequences]
    return compare_logits(zip(expected, found, strict=True))
