"""A tiny model trained, written and compared: the check finds every planted mistake.

Needs the extra `tune`; nothing here is faked.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cds_hooks.tuning.example import IGNORED, MarkedTokens
from cds_hooks.tuning.training.adapter_check import AdapterCheck, check_adapter, logits_of
from cds_hooks.tuning.training.adapter_file import Half, trained_halves, write_adapter
from cds_hooks.tuning.training.base_model import load_base, with_lora
from cds_hooks.tuning.training.checkpoints import Checkpoint
from cds_hooks.tuning.training.cpu_recipe import shipped_recipe
from cds_hooks.tuning.training.training_loop import train
from cds_hooks.tuning.training.tuning_errors import TuningError
from cds_hooks.tuning.training.tuning_extra import missing_packages
from tests.inference.tiny_models import write

pytestmark = [
    pytest.mark.slow,
    pytest.mark.model,
    pytest.mark.skipif(
        bool(missing_packages()), reason="the extra `tune` is not installed: make tune-setup"
    ),
]

RECIPE = shipped_recipe(
    rank=4, last_layers=0, epochs=2, learning_rate=0.05, examples_a_step=2, checks_an_epoch=2,
    patience=9,
)  # fmt: skip


def examples(seed: int, count: int) -> list[MarkedTokens]:
    random = np.random.default_rng(seed)
    made = []
    for number in range(count):
        ids = tuple(int(n) for n in random.integers(0, 200, 40))
        labels = (*([IGNORED] * 30), *ids[30:])
        made.append(MarkedTokens(id=str(number), input_ids=ids, labels=labels))
    return made


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("tiny") / "tiny.gguf"
    write("llama", path, seed=3)
    return path


def trained(base: Path, folder: Path, steps: int = 99) -> Any:
    """A model trained to its end, or broken off after some steps."""
    model = with_lora(load_base(base), RECIPE)

    def stop(done: int, *_: float) -> None:
        if done > steps:
            raise KeyboardInterrupt

    checkpoint = Checkpoint(folder / "checkpoint.pt", "key", "float32")
    train(model, examples(1, 8), examples(2, 4), RECIPE, checkpoint, told=stop)
    return model


@pytest.fixture(scope="module")
def model(base: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    return trained(base, tmp_path_factory.mktemp("straight"))


Spoil = Callable[[list[Half]], list[Half]]


def checked(base: Path, model: Any, folder: Path, spoil: Spoil, alpha: float) -> AdapterCheck:
    sequences = [example.input_ids for example in examples(5, 6)]
    adapter = folder / "adapter.gguf"
    halves = spoil(list(trained_halves(model, "llama")))
    write_adapter(adapter, halves, architecture="llama", alpha=alpha, name="tiny")
    alone, adapted = logits_of(load_base(base), sequences), logits_of(model, sequences)
    return check_adapter(base, adapter, sequences, alone=alone, adapted=adapted, folder=folder)


def unpermuted(halves: list[Half]) -> list[Half]:
    """Rows of q as transformers has them."""
    return [
        (name, v.reshape(4, -1, 2, v.shape[1]).swapaxes(1, 2).reshape(v.shape))
        if name.endswith("attn_q.weight.lora_b")
        else (name, v)
        for name, v in halves
    ]


def swapped(halves: list[Half]) -> list[Half]:
    """The halves of gate and up in each other's place."""
    other = {"ffn_gate": "ffn_up", "ffn_up": "ffn_gate"}
    return [
        (next((name.replace(k, v) for k, v in other.items() if k in name), name), values)
        for name, values in halves
    ]


def turned(halves: list[Half]) -> list[Half]:
    """A square half read by columns: o's B has as many rows as the model is wide."""
    return [
        (name, v.T.reshape(v.shape)) if name.endswith("attn_output.weight.lora_b") else (name, v)
        for name, v in halves
    ]


def test_the_engine_computes_what_was_trained(base: Path, model: Any, tmp_path: Path) -> None:
    found = checked(base, model, tmp_path, lambda halves: halves, RECIPE.alpha)
    assert found.fault == ""
    assert found.adapted.positions == 6 * 40
    assert found.effect.mean > 20 * found.base.mean


@pytest.mark.parametrize(
    ("spoil", "alpha"),
    [
        (unpermuted, RECIPE.alpha),
        (swapped, RECIPE.alpha),
        (turned, RECIPE.alpha),
        (lambda halves: halves, RECIPE.alpha * 2),
    ],
    ids=["rows-of-q", "gate-and-up", "transposed", "alpha"],
)
def test_a_planted_mistake_is_found(
    base: Path, model: Any, tmp_path: Path, spoil: Spoil, alpha: float
) -> None:
    assert checked(base, model, tmp_path, spoil, alpha).fault == "adapter-differs"


def test_a_run_that_broke_off_ends_as_one_that_did_not(
    base: Path, model: Any, tmp_path: Path
) -> None:
    with pytest.raises(KeyboardInterrupt):
        trained(base, tmp_path, steps=2)
    assert (tmp_path / "checkpoint.pt").stat().st_mode & 0o077 == 0
    again = trained(base, tmp_path)
    for (_, one), (_, two) in zip(
        trained_halves(model, "llama"), trained_halves(again, "llama"), strict=True
    ):
        np.testing.assert_array_equal(one, two)


def test_a_checkpoint_of_another_run_is_refused(base: Path, tmp_path: Path) -> None:
    trained(base, tmp_path)
    network = with_lora(load_base(base), RECIPE)
    other = Checkpoint(tmp_path / "checkpoint.pt", "another", "float32")
    with pytest.raises(TuningError) as raised:
        train(network, examples(1, 8), examples(2, 4), RECIPE, other)
    assert raised.value.code == "tune-checkpoint-foreign"
