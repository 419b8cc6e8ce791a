"""Outcomes that the model could see: a case in which it did says nothing of what it can find."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from cds_hooks.trial.cases import MatchLevel, Outcome, TrialCase
from cds_hooks.trial.report.matching import Matcher, nearest

__all__ = ["Leak", "LeakCheck", "check_leaks", "leaks_of"]


class Leak(StrEnum):
    """How an outcome was there before the answer."""

    VISIBLE = "its code or an equivalent was in the prompt"
    CHARTED_BEFORE = "it was charted at or before the hook"


@dataclass(frozen=True, slots=True)
class LeakCheck:
    """`checked` consultations with outcomes, `cases` of them with a leak; `by_kind` and `by_source`
    count outcomes. `similar` cases had a code of an outcome's category in the prompt, and no leak:
    they are counted as cases, for a known disease of the same category is no answer, and told."""

    checked: int
    cases: int
    by_kind: dict[Leak, int]
    by_source: dict[str, int]
    similar: int


def leaks_of(case: TrialCase, matcher: Matcher) -> tuple[tuple[Outcome, Leak], ...]:
    """The outcomes of a case that were there before the answer."""
    found = []
    for outcome in case.outcomes or ():
        if _is_charted_before(outcome, case.asked):
            found.append((outcome, Leak.CHARTED_BEFORE))
        elif nearest(matcher, case.visible_codes, outcome.coded) is MatchLevel.SAME:
            found.append((outcome, Leak.VISIBLE))
    return tuple(found)


def _is_charted_before(outcome: Outcome, asked: datetime) -> bool:
    """A day alone does not tell on which side of a hook within it something was charted: whoever
    read the outcomes decided that, by the chart as it was then."""
    return outcome.exact and outcome.charted <= asked


def check_leaks(cases: Sequence[TrialCase], matcher: Matcher) -> LeakCheck:
    """Look for leaks in all cases, those too that are left out for another reason."""
    checked = [case for case in cases if case.outcomes]
    leaks = [leaks_of(case, matcher) for case in checked]
    every = [leak for found in leaks for leak in found]
    kinds = Counter(kind for _, kind in every)
    return LeakCheck(
        checked=len(checked),
        cases=sum(bool(found) for found in leaks),
        by_kind={kind: kinds[kind] for kind in Leak},
        by_source=dict(sorted(Counter(outcome.source for outcome, _ in every).items())),
        similar=sum(
            not found and _is_similar(case, matcher)
            for case, found in zip(checked, leaks, strict=True)
        ),
    )


def _is_similar(case: TrialCase, matcher: Matcher) -> bool:
    near = (nearest(matcher, case.visible_codes, each.coded) for each in case.outcomes or ())
    return MatchLevel.CATEGORY in near
