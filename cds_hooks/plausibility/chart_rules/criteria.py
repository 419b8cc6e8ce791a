"""Criteria of rules about a chart: findings, limits of results, and what a history tells.

A criterion has an id, as rules and scores name it: a finding of `findings`, a limit of
`data/chart_rules/limits.toml`, or a history of `data/chart_rules/histories.toml`. It is met by
facts of the chart, told with a phrase for a card ("SpO2 90 %"). What is told in words counts only
when it is of now; a history counts whenever it was.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from cds_hooks.plausibility.chart.finding_index import FindingIndex, findings
from cds_hooks.plausibility.chart.gestation import weeks_told
from cds_hooks.plausibility.chart.indexed_chart import OVER
from cds_hooks.plausibility.chart_rules.phrases import ago, measured, name_of, value_of
from cds_hooks.plausibility.data_files import read_toml
from fhir_mapping.chart import Experiencer, Fact, Flag, Kind, PatientFacts, Polarity

__all__ = [
    "Criteria",
    "History",
    "ResultLimit",
    "MetCriterion",
    "histories",
    "is_background",
    "known_criteria",
    "result_limits",
]

_NOW_DAYS = {
    Kind.COMPLAINT: 7.0,
    Kind.PROBLEM: 14.0,
    Kind.NOTE: 3.0,
    Kind.OBSERVATION: 3.0,
    Kind.REPORT: 3.0,
}
"""How old a statement in words may be to tell of the present illness: this service's own limits.
A symptom that a problem list holds for longer is no finding of today."""
_GESTATION = "gestational-age"
_POSITIVE = ("positive", "detected", "reactive", "present")
_EARLIER_DAYS = (7.0, 365.0)
"""A result this much older that lay there too makes a value a known one: our own limits."""


@dataclass(frozen=True, slots=True)
class MetCriterion:
    """A criterion that a chart meets: its phrase and its facts; `background`: not of now."""

    name: str
    phrase: str
    fact_ids: tuple[str, ...]
    background: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultLimit:
    """The newest result of `analyte`, up to `within_days` old, against a number for each unit.

    `positive` counts a qualitative result that was positive, `flag` a result by its flag.
    `unless_before`: silent when an earlier result lay there too (a known, chronic value).
    """

    id: str
    analyte: str
    within_days: float
    at_least: Mapping[str, float] | None = None
    above: Mapping[str, float] | None = None
    at_most: Mapping[str, float] | None = None
    below: Mapping[str, float] | None = None
    positive: bool = False
    flag: str = ""
    unless_before: bool = False
    from_years: float = 0.0
    below_years: float = 200.0

    def speaks_of(self, patient: PatientFacts) -> bool:
        """Whether the limit is one of the patient's age; an adult's holds of an unknown age."""
        age = 40.0 if patient.age_years is None else patient.age_years
        return self.from_years <= age < self.below_years

    def lies(self, fact: Fact) -> bool:
        """Whether the result lies beyond the limit."""
        if fact.polarity is not Polarity.PRESENT:
            return False
        if self.flag:
            return fact.flag is not None and _has_flag(self.flag, fact.flag)
        value = value_of(self.analyte, fact)
        if value is None:
            return self.positive and _is_positive(fact)
        return self.beyond(value, fact.unit or "")

    def beyond(self, value: float, unit: str) -> bool:
        """Whether a value in a unit lies beyond the limit; not, where the unit is another."""
        tests: tuple[tuple[Mapping[str, float] | None, Callable[[float, float], bool]], ...] = (
            (self.at_least, operator.ge),
            (self.above, operator.gt),
            (self.at_most, operator.le),
            (self.below, operator.lt),
        )
        asked = [test(value, table[unit]) for table, test in tests if table and unit in table]
        return bool(asked) and all(asked)


def _has_flag(wanted: str, flag: Flag) -> bool:
    return {"high": flag.is_high, "low": flag.is_low, "normal": flag is Flag.NORMAL}[wanted]


def _is_positive(fact: Fact) -> bool:
    text = fact.text.lower()
    return any(word in text for word in _POSITIVE) and not any(
        word in text for word in ("not detected", "negative", "non-reactive", "nonreactive")
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """Recorded problems by ICD-10-CM `codes`, findings in words (`findings`), and words of current
    medications (`medication`), of the social history (`social`, its beginning) and of
    `procedures`. `active`: only while it is so; `within_days`: only when that recent."""

    id: str
    label: str
    codes: tuple[str, ...] = ()
    findings: tuple[str, ...] = ()
    medication: tuple[str, ...] = ()
    social: tuple[str, ...] = ()
    procedures: tuple[str, ...] = ()
    active: bool = False
    within_days: float = 0.0

    def is_in(self, fact: Fact, codes: Iterable[str]) -> bool:
        """Whether a problem that the patient has, with its codes, is such a history."""
        if not any(c.startswith(self.codes) for c in codes):
            return False
        if self.active and fact.status in OVER:
            return False
        return not self.within_days or _is_within(fact, self.within_days)


def _is_within(fact: Fact, days: float) -> bool:
    return fact.days_ago is not None and -1 <= fact.days_ago <= days


@cache
def result_limits() -> Mapping[str, ResultLimit]:
    """`data/chart_rules/limits.toml`, by id. Unknown keys are an error."""
    return {k: ResultLimit(id=k, **v) for k, v in _table("limits").items()}


@cache
def histories() -> Mapping[str, History]:
    """`data/chart_rules/histories.toml`, by id. Unknown keys are an error."""
    frozen: Iterator[tuple[str, dict[str, Any]]] = (
        (k, {n: tuple(x) if isinstance(x, list) else x for n, x in v.items()})
        for k, v in _table("histories").items()
    )
    return {k: History(id=k, **v) for k, v in frozen}


def _table(name: str) -> dict[str, dict[str, Any]]:
    table = read_toml("chart_rules", f"{name}.toml")
    return {k: v for k, v in table.items() if isinstance(v, dict)}


def known_criteria() -> frozenset[str]:
    """The ids that rules and scores may name."""
    return frozenset(findings()) | frozenset(result_limits()) | frozenset(histories())


def is_background(name: str) -> bool:
    """Whether a criterion tells of a history or a medication rather than of now."""
    if name in histories():
        return not histories()[name].within_days
    if name in result_limits():
        return False
    finding = findings()[name]
    return bool(finding.history or finding.medication)


class Criteria:
    """Which criteria a chart meets, each looked for once."""

    def __init__(self, finding_index: FindingIndex) -> None:
        self.finding_index = finding_index
        self.patient = finding_index.indexed.chart.patient
        self._known: dict[str, MetCriterion | None] = {}
        self._recorded = [
            (p.fact, tuple(p.codes or {c.code for c in p.concepts}))
            for p in finding_index.indexed.problems
            if p.fact.polarity is Polarity.PRESENT and p.fact.experiencer is Experiencer.PATIENT
        ]

    def met(self, name: str) -> MetCriterion | None:
        """The criterion with its phrase and facts; None when the chart does not tell it."""
        if name not in self._known:
            self._known[name] = self._look(name)
        return self._known[name]

    def any_of(self, names: Iterable[str]) -> list[MetCriterion]:
        """Those of the criteria that the chart meets."""
        return [m for n in names if (m := self.met(n)) is not None]

    def _look(self, name: str) -> MetCriterion | None:
        if name in result_limits():
            return self._limit(result_limits()[name])
        if name in histories():
            return self._history(histories()[name])
        return self._finding(name)

    def _limit(self, limit: ResultLimit) -> MetCriterion | None:
        found = self.finding_index.indexed.results.of(limit.analyte, limit.within_days)
        if limit.analyte == _GESTATION and not found:
            return self._told_weeks(limit)
        if not found or not limit.speaks_of(self.patient) or not limit.lies(found[0]):
            return None
        if limit.unless_before and self._lay_there_before(limit):
            return None
        return MetCriterion(limit.id, measured(limit.analyte, found[0]), (found[0].id,))

    def _told_weeks(self, limit: ResultLimit) -> MetCriterion | None:
        told = weeks_told(self.finding_index.indexed.chart.facts)
        if told is None or not limit.beyond(told[0], "wk"):
            return None
        return MetCriterion(limit.id, f"{told[0]:g} weeks of gestation", (told[1],))

    def _lay_there_before(self, limit: ResultLimit) -> bool:
        first, last = _EARLIER_DAYS
        earlier = self.finding_index.indexed.results.of(limit.analyte, last)
        return any(limit.lies(f) for f in earlier if (f.days_ago or 0.0) >= first)

    def _history(self, history: History) -> MetCriterion | None:
        ids = [fact.id for fact, codes in self._recorded if history.is_in(fact, codes)]
        ids += self._stated(history)
        for name in history.findings:
            found = self._finding(name)
            ids += found.fact_ids if found is not None else ()
        taken = (
            self.finding_index.indexed.taken(_words(history.medication))
            if history.medication
            else ()
        )
        label = history.label
        if taken and not ids:
            label = _drug(history.medication, self.finding_index.indexed.facts[taken[0]])
        told = tuple(dict.fromkeys((*ids, *taken)))
        return MetCriterion(history.id, label, told, is_background(history.id)) if told else None

    def _stated(self, history: History) -> Iterator[str]:
        """Statements of the social history, and procedures within the days of the history."""
        for fact in self.finding_index.indexed.of(Kind.SOCIAL, Kind.PROCEDURE):
            text, is_social = fact.text.lower(), fact.kind is Kind.SOCIAL
            if fact.polarity is not Polarity.PRESENT:
                continue
            if is_social and history.social and text.startswith(history.social):
                yield fact.id
            done = not is_social and _is_within(fact, history.within_days)
            if done and any(word in text for word in history.procedures):
                yield fact.id

    def _finding(self, name: str) -> MetCriterion | None:
        finding, facts = findings()[name], self.finding_index.indexed.facts
        found = [facts[i] for i in self.finding_index.facts(name)]
        if not is_background(name) and not finding.procedure:
            found = [f for f in found if f.value is not None or _is_of_now(f)]
        if not found:
            return None
        phrase = name_of(name)
        if finding.procedure:
            phrase = f"{found[0].text.lower()} {ago(found[0])}"
        elif finding.medication:
            phrase = _drug(finding.medication, found[0])
        elif finding.result is not None and found[0].value is not None:
            phrase = measured(finding.result.analyte, found[0])
        return MetCriterion(name, phrase, tuple(f.id for f in found), is_background(name))


@cache
def _words(words: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile(rf"(?<![a-z])(?:{'|'.join(re.escape(w) for w in words)})")


def _drug(words: Iterable[str], fact: Fact) -> str:
    text = fact.text.lower()
    return "on " + next((word for word in words if word in text), fact.text)


def _is_of_now(fact: Fact) -> bool:
    if fact.days_ago is None:
        return fact.kind is Kind.COMPLAINT
    return -1 <= fact.days_ago <= _NOW_DAYS.get(fact.kind, 0.0)
