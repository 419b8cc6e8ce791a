"""The same accuracy for each group of patients and hooks, where there are enough."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from cds_hooks.figures import Figure
from cds_hooks.statistics.suppression import hidden
from cds_hooks.trial.cases import MatchLevel, TrialCase
from cds_hooks.trial.report.clusters import Counted, Patients
from cds_hooks.trial.report.judged import JudgedCase
from cds_hooks.trial.report.report_settings import RANKS

__all__ = ["DIMENSIONS", "SubgroupRow", "subgroups"]

_HOURS = 6


@dataclass(frozen=True, slots=True)
class SubgroupRow:
    """The cases with an outcome of one group. `named` has the share right within each k, None where
    the counts are too small to be told, or would tell those of another group."""

    dimension: str
    group: str
    named: dict[int, Figure] | None


def _hours(case: TrialCase) -> str:
    start = case.hour // _HOURS * _HOURS
    return f"{start:02} to {start + _HOURS - 1:02} h"


DIMENSIONS: dict[str, Callable[[TrialCase], str]] = {
    "age": lambda case: case.age_band,
    "sex": lambda case: case.sex,
    "service": lambda case: case.service,
    "hour": _hours,
}


def subgroups(
    cases: Sequence[JudgedCase], level: MatchLevel, least: int, patients: Patients
) -> tuple[SubgroupRow, ...]:
    """One row for each group of each dimension, over cases with an outcome.

    A group's n and counts are told by the rules of `cds_hooks.statistics.suppression`: no count
    from 1 to `least` - 1, and none by which such a count could be worked out.
    """
    rows: list[SubgroupRow] = []
    for dimension, group_of in DIMENSIONS.items():
        groups: dict[str, list[JudgedCase]] = {}
        for case in cases:
            groups.setdefault(group_of(case.case), []).append(case)
        rows += _rows(dimension, dict(sorted(groups.items())), level, least, patients)
    return tuple(rows)


def _rows(
    dimension: str,
    groups: dict[str, list[JudgedCase]],
    level: MatchLevel,
    least: int,
    patients: Patients,
) -> list[SubgroupRow]:
    counted = {name: _counted(cases, level) for name, cases in groups.items()}
    small = hidden(_columns(list(counted.values())), least) if counted else frozenset()
    return [
        SubgroupRow(
            dimension,
            name,
            None if place in small else {k: patients.share(hits) for k, hits in own.items()},
        )
        for place, (name, own) in enumerate(counted.items())
    ]


def _counted(cases: Sequence[JudgedCase], level: MatchLevel) -> dict[int, list[Counted]]:
    return {k: [Counted(c.case.patient, float(c.within(k, level))) for c in cases] for k in RANKS}


def _columns(groups: Sequence[dict[int, list[Counted]]]) -> list[list[int]]:
    """For each k how many were right in each group, and how many were not."""
    columns = []
    for k in RANKS:
        hits = [round(sum(each.value for each in own[k])) for own in groups]
        sizes = [len(own[k]) for own in groups]
        columns += [hits, [size - hit for size, hit in zip(sizes, hits, strict=True)]]
    return columns
