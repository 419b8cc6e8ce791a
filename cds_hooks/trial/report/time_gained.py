"""How long before it was charted an outcome stood on a list."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from cds_hooks.figures import Figure
from cds_hooks.trial.cases import Code, MatchLevel, Outcome, TrialCase
from cds_hooks.trial.report.clusters import Counted, Patients
from cds_hooks.trial.report.judged import JudgedCase, judge
from cds_hooks.trial.report.leaks import leaks_of
from cds_hooks.trial.report.matching import Matcher

__all__ = ["TimeGained", "time_gained"]

_HOUR = 3600
_Encounter = tuple[str, str]


@dataclass(frozen=True, slots=True)
class TimeGained:
    """`named` is the share of outcomes that some list of the encounter named before they were
    charted, `hours` the median from that list, once it was there, to the charting, over those
    alone. Both leave out
    the `undated` outcomes, of which only a day was written."""

    named: Figure
    hours: Figure
    undated: int


def time_gained(
    judged: Sequence[JudgedCase],
    every: Iterable[TrialCase],
    matcher: Matcher,
    level: MatchLevel,
    patients: Patients,
) -> TimeGained:
    """Of the outcomes of `judged`, by the first list that named them. All hooks of the encounter
    count here (`every`), the later ones too, unless the outcome was visible in their prompt."""
    outcomes: dict[_Encounter, list[Outcome]] = {}
    for each in judged:
        outcomes.setdefault(_encounter(each.case), []).extend(o.outcome for o in each.outcomes)
    undated = {(p, o.coded) for p, found in outcomes.items() for o in found if not o.exact}
    outcomes = {p: [o for o in found if o.exact] for p, found in outcomes.items()}
    first = _first_named(outcomes, every, matcher, level)
    keyed = {(place, o.coded): o for place, found in outcomes.items() for o in found}
    named = [Counted(place[0], float((place, code) in first)) for place, code in keyed]
    gained = [
        Counted(key[0][0], (outcome.charted - first[key]).total_seconds() / _HOUR)
        for key, outcome in keyed.items()
        if key in first
    ]
    return TimeGained(patients.share(named), patients.quantile(gained, 0.5), len(undated))


def _first_named(
    outcomes: Mapping[_Encounter, Sequence[Outcome]],
    every: Iterable[TrialCase],
    matcher: Matcher,
    level: MatchLevel,
) -> dict[tuple[_Encounter, Code], datetime]:
    first: dict[tuple[_Encounter, Code], datetime] = {}
    for case in every:
        place, there = _encounter(case), case.asked + timedelta(seconds=case.seconds or 0)
        later = replace(case, outcomes=tuple(outcomes.get(place, ())))
        leaked = {outcome.coded for outcome, _ in leaks_of(later, matcher)}
        for told in judge(later, matcher).outcomes:
            code = told.outcome.coded
            if told.ranks[level] is None or code in leaked or told.outcome.charted <= there:
                continue
            first[place, code] = min(first.get((place, code), there), there)
    return first


def _encounter(case: TrialCase) -> _Encounter:
    return case.patient, case.encounter or case.consultation
