"""Stored thresholds of agreement: which sets hold the truth, and on what data that was learnt.

A threshold is used for the very panel, error rate and kind of task it was calibrated for, or not
at all: a promise does not travel.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from cds_hooks.consultation import Assessment, TruthSet
from cds_hooks.errors import ChartsideError
from cds_hooks.plausibility.agreement.conformal import conformal_set
from cds_hooks.plausibility.data_files import data_file

__all__ = ["Calibration", "CalibrationError", "Threshold", "load_calibration", "truth_set"]

Task = Literal["open-ended", "closed-list"]


class CalibrationError(ChartsideError):
    """A file of thresholds cannot be used."""

    code = "calibration-invalid"
    status = 500


class _Data(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Cases(_Data):
    """The cases that thresholds were calibrated on."""

    title: str = Field(min_length=1)
    origin: str = Field(min_length=1)
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    task: Task
    n: int = Field(ge=1)


class Threshold(_Data):
    """The least share of votes in the set of one panel at one error rate; None when no set short
    of every diagnosis holds the truth so often."""

    data: str
    panel: tuple[str, ...] = Field(min_length=1)
    error: float = Field(gt=0, lt=1)
    share: float | None = Field(default=None, gt=0, le=1)


class Calibration(_Data):
    """A file of thresholds (`data/conformal.toml`, or a site's own)."""

    version: str
    source: str
    data: dict[str, Cases]
    threshold: tuple[Threshold, ...]

    @model_validator(mode="after")
    def _whole(self) -> Calibration:
        unknown = {t.data for t in self.threshold} - self.data.keys()
        if unknown:
            raise ValueError(f"thresholds name data that is not described: {sorted(unknown)}")
        return self

    def find(self, panel: Iterable[str], error: float, task: Task) -> Threshold | None:
        """The threshold of this very panel, in any order, for this error and task."""
        asked = sorted(panel)
        return next(
            (
                t
                for t in self.threshold
                if sorted(t.panel) == asked
                and abs(t.error - error) < 1e-9
                and self.data[t.data].task == task
            ),
            None,
        )


@cache
def load_calibration(path: Path | None = None) -> Calibration:
    """The shipped thresholds, or those of a site's file. Raises CalibrationError."""
    shipped = data_file("conformal.toml")
    try:
        text = shipped.read_text("utf-8") if path is None else path.read_text("utf-8")
        return Calibration.model_validate(tomllib.loads(text))
    except (OSError, RecursionError, ValueError, ValidationError) as error:
        raise CalibrationError(
            f"the thresholds of agreement cannot be read ({type(error).__name__})",
            where=path.name if path else "conformal.toml",
            hint="See docs/design/plausibility.md, Agreement.",
        ) from error


def truth_set(
    assessments: Sequence[Assessment],
    models: Iterable[str],
    error: float,
    known: Calibration,
    *,
    task: Task = "open-ended",
) -> TruthSet | None:
    """The diagnoses that hold the truth in all but a share `error` of cases like the calibration's.

    None when nothing was calibrated for this panel, error and task, or no threshold holds.
    """
    threshold = known.find(set(models), error, task)
    if threshold is None or threshold.share is None:
        return None
    shares = {a.name: a.agreement for a in assessments}
    names = conformal_set(shares, threshold.share) or ()
    cases = known.data[threshold.data]
    return TruthSet(names, threshold.share, error, cases.n, f"{cases.title}; {cases.origin}")
