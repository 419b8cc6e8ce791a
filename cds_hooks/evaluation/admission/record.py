"""What an admission says: which model, measured how, what it reached, who decided, and when."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import datetime

from pydantic import BaseModel, ConfigDict

from cds_hooks.consultation import Verdict
from cds_hooks.evaluation.admission.acceptance import Limit, Purpose, acceptance
from cds_hooks.evaluation.matching import Match
from cds_hooks.evaluation.metrics import Figure, proportion
from cds_hooks.evaluation.runs.manifest import Manifest
from cds_hooks.evaluation.runs.results import CaseResult
from cds_hooks.evaluation.runs.summary import Summary, summarise

__all__ = ["AdmissionRecord", "Reached", "Requirement", "decide"]

_DIGITS = 6


class _Data(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Reached(_Data):
    """A figure with its n and 95 % interval; None is not defined."""

    value: float | None
    n: int
    low: float | None
    high: float | None

    @classmethod
    def of(cls, figure: Figure) -> Reached:
        """Rounded, so that the record reads the same wherever it is read."""
        value, low, high = (_rounded(v) for v in (figure.value, figure.low, figure.high))
        return cls(value=value, n=figure.n, low=low, high=high)


class Requirement(_Data):
    """A bound, and whether it was met."""

    figure: str
    bound: str
    why: str
    met: bool


class AdmissionRecord(_Data):
    """The record that is signed. `admitted` is what all requirements of `purpose` say."""

    version: int = 1
    purpose: Purpose
    admitted: bool
    demonstration: bool
    manifest: Manifest
    figures: Mapping[str, Reached]
    requirements: tuple[Requirement, ...]
    date: str
    who: str

    @property
    def model_sha256(self) -> str:
        """The digest of the model's file."""
        return self.manifest.model["sha256"]


def decide(
    manifest: Manifest,
    results: Sequence[CaseResult],
    *,
    purpose: Purpose,
    who: str,
    now: datetime,
) -> AdmissionRecord:
    """Hold the results against what the purpose asks for.

    A demonstration model is never admitted for anything else, whatever it reaches.
    """
    figures = _figures(summarise(results))
    limits = acceptance().require[purpose]
    requirements = tuple(_held(name, limit, figures[name]) for name, limit in limits.items())
    only_shows = manifest.demonstration and purpose is not Purpose.DEMONSTRATION
    return AdmissionRecord(
        purpose=purpose,
        admitted=all(r.met for r in requirements) and not only_shows,
        demonstration=manifest.demonstration,
        manifest=manifest,
        figures={name: Reached.of(figure) for name, figure in figures.items()},
        requirements=requirements,
        date=now.date().isoformat(),
        who=who,
    )


def _figures(summary: Summary) -> dict[str, Figure]:
    by_rule = {a.match: a for a in summary.accuracy}
    verdicts = {v.verdict: v for v in summary.listed.verdicts}
    contradicted = verdicts[Verdict.CONTRADICTED]
    return {
        "answered": summary.answered,
        "samples_failed": summary.samples_failed,
        "unrecognised": summary.listed.unrecognised,
        "contradicted": _share_of(contradicted.right + contradicted.wrong, summary),
        "top1": by_rule[Match.ANCESTOR].top1,
        "top5": by_rule[Match.ANCESTOR].top5,
        "seconds": summary.costs[0].median,
    }


def _share_of(count: int, summary: Summary) -> Figure:
    return proportion(count, summary.listed.unrecognised.n)


def _held(name: str, limit: Limit, figure: Figure) -> Requirement:
    return Requirement(figure=name, bound=limit.text, why=limit.why, met=limit.met(figure.value))


def _rounded(value: float) -> float | None:
    return None if math.isnan(value) else round(value, _DIGITS)
