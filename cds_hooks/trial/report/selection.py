"""Which consultations a report counts, and why it leaves others out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC
from enum import StrEnum

from cds_hooks.trial.cases import TrialCase
from cds_hooks.trial.report.leaks import leaks_of
from cds_hooks.trial.report.matching import Matcher

__all__ = ["Coverage", "Exclusion", "Selected", "select"]

_ANSWERS = frozenset({"answered", "last-answer-stands", "entry-checked"})


class Exclusion(StrEnum):
    """Why a consultation is not counted, the first that applies."""

    REPEATED = "a later hook of an encounter that is counted already"
    OPEN = "nobody has looked for outcomes yet"
    LEAK = "an outcome was visible in the prompt, or charted before the hook"


@dataclass(frozen=True, slots=True)
class Coverage:
    """How many hooks became cases. `hooks` is None where nobody counted them.

    consultations = excluded + with_outcome + without_outcome. `unanswered` of those with an outcome
    ended without a list: they count as wrong. `ended` counts consultations by how they ended.
    """

    hooks: int | None
    consultations: int
    patients: int
    encounters: int
    excluded: dict[Exclusion, int]
    with_outcome: int
    without_outcome: int
    unanswered: int
    ended: dict[str, int]


@dataclass(frozen=True, slots=True)
class Selected:
    """`judged` are the first hooks of encounters whose outcomes were looked for, without leaks;
    `with_outcome` those among them in which something new was found."""

    judged: tuple[TrialCase, ...]
    coverage: Coverage

    @property
    def with_outcome(self) -> tuple[TrialCase, ...]:
        return tuple(each for each in self.judged if each.outcomes)


def select(cases: Sequence[TrialCase], matcher: Matcher, *, hooks: int | None = None) -> Selected:
    """The cases that count. Of several hooks of an encounter and service the first counts; without
    an encounter those of one patient on one day (UTC) are taken for one, which is our own rule."""
    ordered = sorted(cases, key=lambda each: (each.asked, each.consultation))
    seen: set[tuple[str, ...]] = set()
    judged: list[TrialCase] = []
    excluded = Counter[Exclusion]()
    for case in ordered:
        why = _why_not(case, seen, matcher)
        if why is None:
            judged.append(case)
        else:
            excluded[why] += 1
    return Selected(tuple(judged), _coverage(ordered, judged, excluded, hooks))


def _why_not(case: TrialCase, seen: set[tuple[str, ...]], matcher: Matcher) -> Exclusion | None:
    key = (case.service, *_encounter(case))
    if key in seen:
        return Exclusion.REPEATED
    seen.add(key)
    if case.outcomes is None:
        return Exclusion.OPEN
    return Exclusion.LEAK if leaks_of(case, matcher) else None


def _encounter(case: TrialCase) -> tuple[str, ...]:
    # With its patient: the hash is of the id alone, which encounters of two servers may share.
    if case.encounter:
        return ("encounter", case.patient, case.encounter)
    return ("day", case.patient, case.asked.astimezone(UTC).date().isoformat())


def _coverage(
    cases: Sequence[TrialCase],
    judged: Sequence[TrialCase],
    excluded: Counter[Exclusion],
    hooks: int | None,
) -> Coverage:
    found = [each for each in judged if each.outcomes]
    return Coverage(
        hooks=hooks,
        consultations=len(cases),
        patients=len({each.patient for each in cases}),
        encounters=len({_encounter(each) for each in cases}),
        excluded={why: excluded[why] for why in Exclusion},
        with_outcome=len(found),
        without_outcome=len(judged) - len(found),
        unanswered=sum(each.ended not in _ANSWERS for each in found),
        ended=dict(sorted(Counter(each.ended for each in cases).items())),
    )
