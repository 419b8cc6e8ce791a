"""A whole run: examples to tokens, training, the adapter's file, the check, the record."""

from __future__ import annotations

import contextlib
import hashlib
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from cds_hooks.evaluation.trained_cases import SIDECAR
from cds_hooks.inference.hardware.processor import processor_name
from cds_hooks.inference.model_catalogue.catalogue import ModelEntry
from cds_hooks.inference.model_files.gguf import read_header, sha256_of
from cds_hooks.private_files import make_folder, write_private
from cds_hooks.tuning.example import MarkedTokens
from cds_hooks.tuning.manifest import MANIFEST
from cds_hooks.tuning.training.adapter_check import (
    AdapterCheck,
    check_adapter,
    logits_of,
    tokens_to_check,
)
from cds_hooks.tuning.training.adapter_file import trained_halves, write_adapter
from cds_hooks.tuning.training.answer_forms import AnswerForm
from cds_hooks.tuning.training.base_model import load_base, trained_architecture, with_lora
from cds_hooks.tuning.training.checkpoints import (
    Checkpoint,
    Progress,
    checkpoint_precision,
    restore_lora,
)
from cds_hooks.tuning.training.cpu_recipe import CpuRecipe
from cds_hooks.tuning.training.precision import network_to_train
from cds_hooks.tuning.training.run_record import CheckFacts, RunRecord, write_run
from cds_hooks.tuning.training.threads import threads_to_use
from cds_hooks.tuning.training.training_loop import Told, train
from cds_hooks.tuning.training.training_set import part_tokens
from cds_hooks.tuning.training.tuning_errors import TuningError
from cds_hooks.tuning.training.tuning_extra import require_extra

__all__ = ["ADAPTER", "TuningOrder", "removed_unless_checked", "run_tuning"]

ADAPTER = "adapter.gguf"
_CHECKPOINT = "checkpoint.pt"
_PACKAGES = ("torch", "transformers", "peft", "gguf")


@dataclass(frozen=True, slots=True)
class TuningOrder:
    """What to train: the base model's file and catalogue entry, a folder of `tune prepare`, how
    answers are learned, and where the adapter goes. `precision` empty: what is faster here."""

    base: Path
    entry: ModelEntry
    training_set: Path
    output: Path
    recipe: CpuRecipe
    answers: AnswerForm
    precision: str = ""
    threads: int = 0


def run_tuning(
    order: TuningOrder,
    *,
    told: Told = lambda *_: None,
    stage: Callable[[str], None] = lambda _: None,
) -> RunRecord:
    """Train, write `adapter.gguf`, check it token by token, write `run.json`. Raises TuningError.

    An adapter that is not what was trained is removed and told as an error.
    """
    require_extra()
    import torch

    torch.set_num_threads(threads_to_use(order.threads))
    architecture = trained_architecture(read_header(order.base), order.base)
    make_folder(order.output)
    stage("reading")
    parts = (_part(order, name) for name in ("train", "heldout"))
    examples, held_out = parts
    stage("training")
    began = time.monotonic()
    trained = _trained(order, examples, held_out, told)
    seconds = time.monotonic() - began
    stage("checking")
    check = _written_and_checked(order, architecture, trained.progress, held_out)
    record = _record(order, examples, held_out, trained, check, seconds)
    if record.fault:
        (order.output / ADAPTER).unlink()
        write_run(order.output, record)
        raise TuningError(
            "tune-adapter-differs", f"The adapter is not what was trained ({record.fault})",
            where=ADAPTER, hint="run.json has the figures; the adapter was removed.",
        )  # fmt: skip
    write_run(order.output, record)
    return record


@dataclass(frozen=True, slots=True)
class _Trained:
    progress: Progress
    precision: str


def _trained(
    order: TuningOrder, examples: list[MarkedTokens], held_out: list[MarkedTokens], told: Told
) -> _Trained:
    checkpoint = order.output / _CHECKPOINT
    chosen = order.precision or checkpoint_precision(checkpoint)
    model, precision = network_to_train(order.base, order.recipe, examples[0], chosen)
    key = _key(order, precision, examples, held_out)
    saved = Checkpoint(checkpoint, key, precision)
    return _Trained(train(model, examples, held_out, order.recipe, saved, told=told), precision)


def _part(order: TuningOrder, name: str) -> list[MarkedTokens]:
    return part_tokens(
        order.training_set, name, order.base, order.entry, order.answers,
        longest=order.recipe.longest_tokens,
    )  # fmt: skip


def _key(order: TuningOrder, precision: str, *parts: list[MarkedTokens]) -> str:
    """What a run is of: another of any of these is another run."""
    told = hashlib.sha256(f"{sha256_of(order.base)} {order.recipe.sha256} {precision}".encode())
    for part in parts:
        for example in part:
            told.update(f"{example.input_ids}{example.labels}\n".encode())
    return told.hexdigest()


def _written_and_checked(
    order: TuningOrder, architecture: str, progress: Progress, held_out: list[MarkedTokens]
) -> AdapterCheck:
    """Write the adapter and its sidecar, and compare the engine with transformers, in 32 bits."""
    sequences = tokens_to_check(held_out)
    base = load_base(order.base)
    alone = logits_of(base, sequences)
    model = with_lora(base, order.recipe)
    restore_lora(model, progress.best)
    adapted = logits_of(model, sequences)
    adapter = order.output / ADAPTER
    halves = trained_halves(model, architecture)
    alpha = order.recipe.alpha
    name = f"{order.base.stem}, tuned"
    write_adapter(adapter, halves, architecture=architecture, alpha=alpha, name=name)
    beside = adapter.with_name(adapter.name + SIDECAR)
    write_private(beside, (order.training_set / MANIFEST).read_text("utf-8"))
    with removed_unless_checked(adapter):
        return check_adapter(
            order.base,
            adapter,
            sequences,
            alone=alone,
            adapted=adapted,
            folder=order.output,
            threads=order.threads,
        )


@contextlib.contextmanager
def removed_unless_checked(adapter: Path) -> Iterator[None]:
    """Whatever ends the check, an engine that fails or Ctrl-C, leaves no adapter that nobody has
    compared; the run goes on from its checkpoint."""
    try:
        yield
    except BaseException:
        adapter.unlink(missing_ok=True)
        raise


def _record(
    order: TuningOrder,
    examples: list[MarkedTokens],
    held_out: list[MarkedTokens],
    trained: _Trained,
    check: AdapterCheck,
    seconds: float,
) -> RunRecord:
    recipe, progress = order.recipe, trained.progress
    compared = {name: CheckFacts(**told) for name, told in asdict(check).items()}
    an_epoch = sum(len(example.input_ids) for example in examples)
    steps_an_epoch = -(-len(examples) // recipe.examples_a_step)
    return RunRecord(
        made=datetime.now(UTC).isoformat(timespec="seconds"),
        chartside=version("chartside"),
        base=order.base.name,
        base_sha256=sha256_of(order.base),
        training_set_sha256=sha256_of(order.training_set / MANIFEST),
        examples=len(examples),
        held_out=len(held_out),
        answers=order.answers,
        recipe=recipe,
        recipe_sha256=recipe.sha256,
        precision=trained.precision,
        packages={name: version(name) for name in _PACKAGES},
        processor=processor_name(),
        course=tuple(progress.course),
        steps=progress.step,
        stopped_early=progress.step < steps_an_epoch * recipe.epochs,
        seconds=round(seconds, 1),
        processor_s=round(progress.processor_s, 1),
        trained_tokens=round(an_epoch * progress.step / steps_an_epoch),
        adapter_sha256=sha256_of(order.output / ADAPTER),
        checks=compared,
        fault=check.fault,
    )
