"""What a tuning run was of and what came out: `run.json` beside the adapter."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
from pydantic import BaseModel, ConfigDict

from cds_hooks.private_files import write_private
from cds_hooks.tuning.training.answer_forms import AnswerForm
from cds_hooks.tuning.training.cpu_recipe import CpuRecipe
from cds_hooks.tuning.training.loss_course import LossPoint
from cds_hooks.tuning.tuning_errors import TuningDataError

__all__ = ["RUN", "CheckFacts", "RunRecord", "read_run", "write_run"]

RUN = "run.json"


class _Data(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class CheckFacts(_Data):
    """One comparison token by token, in numbers."""

    sequences: int
    positions: int
    agreed: int
    tied: int
    largest: float
    mean: float


class RunRecord(_Data):
    """Digests of everything that went in, the course of the loss, and the adapter that came out.

    `fault` is the code of the check, empty where the adapter is what was trained. `seconds` and
    `processor_s` are of the training; `stopped_early` whether the held-out loss ended it.
    """

    version: int = 1
    made: str
    chartside: str
    base: str
    base_sha256: str
    training_set_sha256: str
    examples: int
    held_out: int
    answers: AnswerForm
    recipe: CpuRecipe
    recipe_sha256: str
    precision: str
    packages: dict[str, str]
    processor: str
    course: tuple[LossPoint, ...]
    steps: int
    stopped_early: bool
    seconds: float
    processor_s: float
    trained_tokens: int
    adapter_sha256: str
    checks: dict[str, CheckFacts]
    fault: str


def write_run(folder: Path, record: RunRecord) -> None:
    """Write it into a folder, for its owner alone."""
    document = record.model_dump(mode="json")
    write_private(folder / RUN, orjson.dumps(document, option=orjson.OPT_INDENT_2).decode())


def read_run(folder: Path) -> RunRecord:
    """The record of a run. Raises TuningDataError where there is none."""
    path = folder / RUN
    try:
        raw: Any = orjson.loads(path.read_bytes())
        return RunRecord.model_validate(raw)
    except (OSError, ValueError) as error:
        raise TuningDataError("no record of a tuning run", where=str(path)) from error
