"""A trial's report as a value: what a page, a file and a signed decision are made of."""

from __future__ import annotations

from dataclasses import dataclass

from cds_hooks.figures import Figure
from cds_hooks.trial.cases import MatchLevel
from cds_hooks.trial.report.accuracy import AccuracyRow, StruckOut, VerdictRow
from cds_hooks.trial.report.calibration import Reliability
from cds_hooks.trial.report.leaks import LeakCheck
from cds_hooks.trial.report.rule_findings import RuleFindings
from cds_hooks.trial.report.selection import Coverage
from cds_hooks.trial.report.subgroups import SubgroupRow
from cds_hooks.trial.report.time_gained import TimeGained

__all__ = ["Seconds", "Subject", "TrialReport"]


@dataclass(frozen=True, slots=True)
class Subject:
    """What was tried: the UTC days of the first and the last hook, the digests of models and
    settings with their numbers of consultations, and how many of them nobody saw (`silent`)."""

    first: str
    last: str
    services: dict[str, int]
    models: dict[str, int]
    settings: dict[str, int]
    silent: int


@dataclass(frozen=True, slots=True)
class Seconds:
    """What a consultation costs in seconds: median, 9 of 10, and the mean."""

    median: Figure
    ninety: Figure
    mean: Figure


@dataclass(frozen=True, slots=True)
class TrialReport:
    """Every figure with its n and a 95 % interval over patients.

    `leaks` comes first for a reader: cases with one are in no other figure. `accuracy`,
    `subgroups` and `struck_out.lost` are over cases with an outcome, all else over cases whose
    outcomes were looked for, whether or not something was found. `level` is the match level of
    every figure that names none. `least` is the smallest count told of a subgroup or a rule.
    """

    subject: Subject
    level: MatchLevel
    least: int
    leaks: LeakCheck
    coverage: Coverage
    accuracy: tuple[AccuracyRow, ...]
    struck_out: StruckOut
    verdicts: tuple[VerdictRow, ...]
    votes: Reliability | None
    probabilities: Reliability | None
    rules: RuleFindings
    time_gained: TimeGained
    subgroups: tuple[SubgroupRow, ...]
    seconds: Seconds

    def named(self, k: int, level: MatchLevel | None = None) -> Figure:
        """The share of cases right within the first `k`, at the report's level or another."""
        wanted = level or self.level
        return next(r.named for r in self.accuracy if (r.k, r.level) == (k, wanted))
