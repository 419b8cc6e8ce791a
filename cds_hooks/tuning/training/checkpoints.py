"""What a run that broke off goes on from: weights, the optimiser's state, and the course so far."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cds_hooks.tuning.training.base_model import Network
from cds_hooks.tuning.training.loss_course import LossPoint
from cds_hooks.tuning.training.tuning_errors import TuningError

__all__ = ["Checkpoint", "Progress", "checkpoint_precision", "lora_state", "restore_lora"]

State = dict[str, Any]
"""Tensors by name."""


@dataclass(slots=True)
class Progress:
    """How far a run is: steps done, losses, seconds of processor time, the best weights so far."""

    step: int
    course: list[LossPoint]
    processor_s: float
    best: State


def lora_state(model: Network) -> State:
    """A copy of the trainable weights."""
    return {n: p.detach().clone() for n, p in model.named_parameters() if p.requires_grad}


def restore_lora(model: Network, state: State) -> None:
    """Put weights back; names and shapes are the model's own."""
    import torch

    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.requires_grad:
                parameter.copy_(state[name])


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Where a run is kept; `key` says what it is of, `precision` what it is computed in."""

    path: Path
    key: str
    precision: str

    def save(self, progress: Progress, model: Network, optimiser: Any) -> None:
        """Write the file, complete or not at all."""
        import torch

        told = {
            "key": self.key,
            "precision": self.precision,
            "step": progress.step,
            "course": [point.model_dump() for point in progress.course],
            "processor_s": progress.processor_s,
            "best": progress.best,
            "weights": lora_state(model),
            "optimiser": optimiser.state_dict(),
        }
        part = self.path.with_suffix(".part")
        torch.save(told, part)
        part.chmod(0o600)
        part.replace(self.path)

    def load(self, model: Network, optimiser: Any) -> Progress | None:
        """Where to go on, with weights and optimiser set to it; None when there is no file.

        Raises TuningError (tune-checkpoint-foreign) when it is of another model, data or recipe.
        """
        if not self.path.is_file():
            return None
        told = _read(self.path)
        if told["key"] != self.key:
            raise TuningError(
                "tune-checkpoint-foreign", "The checkpoint is of another model, data or recipe",
                where=self.path.name, hint="Name another output folder, or delete this one.",
            )  # fmt: skip
        restore_lora(model, told["weights"])
        optimiser.load_state_dict(told["optimiser"])
        course = [LossPoint(**point) for point in told["course"]]
        return Progress(told["step"], course, told["processor_s"], told["best"])


def checkpoint_precision(path: Path) -> str:
    """What a run that broke off was computed in, or empty."""
    return str(_read(path)["precision"]) if path.is_file() else ""


def _read(path: Path) -> dict[str, Any]:
    import torch

    try:
        told: dict[str, Any] = torch.load(path, weights_only=True)
    except Exception as error:  # whatever its pickle reader raises
        raise TuningError(
            "tune-checkpoint-foreign", f"The checkpoint cannot be read ({type(error).__name__})",
            where=path.name, hint="Delete it: the run then starts again.",
        ) from error  # fmt: skip
    return told
