"""A case with each of its diagnoses compared with each of its outcomes: done once a report."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from cds_hooks.trial.cases import MatchLevel, Outcome, Proposed, TrialCase
from cds_hooks.trial.report.matching import Matcher, nearest

__all__ = ["JudgedCase", "JudgedDiagnosis", "judge"]


@dataclass(frozen=True, slots=True)
class JudgedDiagnosis:
    """A proposed diagnosis with the strictest level at which it matches any outcome, None where it
    matches none. `rank` counts those that were shown, from 1; None was struck out."""

    proposed: Proposed
    rank: int | None
    level: MatchLevel | None

    def right(self, level: MatchLevel) -> bool:
        """Whether it matches an outcome at this level."""
        return self.level is not None and level in self.level.within


@dataclass(frozen=True, slots=True)
class JudgedOutcome:
    """An outcome, with the rank of the first shown diagnosis that matches it, for each level."""

    outcome: Outcome
    ranks: dict[MatchLevel, int | None]


@dataclass(frozen=True, slots=True)
class JudgedCase:
    """A case, its diagnoses in rank order, and its outcomes, each code once."""

    case: TrialCase
    diagnoses: tuple[JudgedDiagnosis, ...]
    outcomes: tuple[JudgedOutcome, ...]

    @property
    def shown(self) -> Iterator[JudgedDiagnosis]:
        """The diagnoses that were not struck out."""
        return (each for each in self.diagnoses if each.rank is not None)

    def within(self, k: int, level: MatchLevel) -> bool:
        """Whether one of the first `k` shown diagnoses matches an outcome at this level."""
        return any(d.rank is not None and d.rank <= k and d.right(level) for d in self.diagnoses)


def judge(case: TrialCase, matcher: Matcher) -> JudgedCase:
    """Compare all diagnoses of a case with all of its outcomes."""
    outcomes = _distinct(case)
    levels = [
        [nearest(matcher, each.codes, outcome.coded) for outcome in outcomes]
        for each in case.proposed
    ]
    ranks = list(_ranks(case))
    diagnoses = tuple(
        JudgedDiagnosis(each, rank, _strictest(row))
        for each, rank, row in zip(case.proposed, ranks, levels, strict=True)
    )
    told = tuple(
        JudgedOutcome(outcome, _first_ranks(ranks, [row[place] for row in levels]))
        for place, outcome in enumerate(outcomes)
    )
    return JudgedCase(case, diagnoses, told)


def _distinct(case: TrialCase) -> tuple[Outcome, ...]:
    """Each code once, as it was first charted."""
    first: dict[tuple[str, str], Outcome] = {}
    for each in sorted(case.outcomes or (), key=lambda each: (each.charted, each.coded)):
        first.setdefault(each.coded, each)
    return tuple(first.values())


def _ranks(case: TrialCase) -> Iterator[int | None]:
    rank = 0
    for each in case.proposed:
        rank += not each.struck_out
        yield None if each.struck_out else rank


def _strictest(levels: list[MatchLevel | None]) -> MatchLevel | None:
    return next((level for level in MatchLevel if level in levels), None)


def _first_ranks(
    ranks: list[int | None], levels: list[MatchLevel | None]
) -> dict[MatchLevel, int | None]:
    found: dict[MatchLevel, int | None] = dict.fromkeys(MatchLevel)
    for rank, level in zip(ranks, levels, strict=True):
        for each in level.within if rank is not None and level is not None else ():
            if found[each] is None:
                found[each] = rank
    return found
