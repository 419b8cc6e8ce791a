"""Findings that a chart tells: in words (`fhir_mapping.findings`) and by its results."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

from cds_hooks.plausibility.chart.indexed_chart import IndexedChart
from cds_hooks.plausibility.chart.result_agreement import agrees
from cds_hooks.plausibility.chart.results_by_analyte import RESULT_KINDS, analytes, analytes_of
from cds_hooks.plausibility.data_files import read_toml
from cds_hooks.plausibility.rules.diagnosis_rules import ResultRule
from cds_hooks.plausibility.rules.vital_sign_limits import (
    VitalSignLimit,
    diastolic,
    limit_for,
    vital_sign_limits,
    with_limit,
)
from fhir_mapping.chart import Certainty, Fact, Polarity
from fhir_mapping.context import Context, Reading, Temporality
from fhir_mapping.findings import Definition, Told, findings_of, vocabulary

__all__ = ["WAYS", "FindingDefinition", "FindingIndex", "affirmed", "findings"]

_RESULT_DAYS = 3.0
"""Older results are of another state: this service's own limit, where a finding has no other."""
_PREGNANCY = ("pregnant", "postpartum", "recent-delivery")
WAYS = ("high", "low", "positive", "negative", "abnormal")
"""How a result may lie, as the last word of a generated id says it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingDefinition:
    """`words` told (with `history` also of the past), a `result`, or both; or words in a current
    `medication`; or words in a `procedure` of the last `within_days`."""

    id: str
    words: tuple[str, ...] = ()
    history: bool = False
    medication: tuple[str, ...] = ()
    procedure: tuple[str, ...] = ()
    within_days: float = 0.0
    result: ResultRule | None = None

    @property
    def name(self) -> str:
        """As a card says it."""
        return self.id.replace("-", " ")


@cache
def findings() -> Mapping[str, FindingDefinition]:
    """All findings by id: those in words (`fhir_mapping.findings`), those of `data/findings.toml`,
    and one for each way a result of `data/analytes.toml` may lie (`sodium-low`, `hcg-positive`)."""
    raw = {k: v for k, v in read_toml("findings.toml").items() if isinstance(v, dict)}
    told = {d.id: _told(d) for d in vocabulary().values()}
    return {**_of_results(), **told, **{k: _measured(k, v) for k, v in raw.items()}}


def _told(definition: Definition) -> FindingDefinition:
    kind = definition.reads or "words"
    days = definition.within_days or 0.0
    given: dict[str, Any] = {kind: definition.words}
    return FindingDefinition(
        id=definition.id, history=definition.history, within_days=days, **given
    )


def _measured(name: str, raw: dict[str, Any]) -> FindingDefinition:
    rule = ResultRule(id=name, codes=(), mesh=frozenset(), source="", **raw)
    words = vocabulary()[name].words if name in vocabulary() else ()
    return FindingDefinition(id=name, words=words, within_days=rule.within_days, result=rule)


def _of_results() -> dict[str, FindingDefinition]:
    return {
        f"{analyte}-{way}": _measured(
            f"{analyte}-{way}", {"analyte": analyte, "needs": way, "within_days": _RESULT_DAYS}
        )
        for analyte in analytes()
        for way in WAYS
    }


class FindingIndex:
    """Which findings a chart tells, in words and by results, each looked for once."""

    def __init__(self, indexed: IndexedChart) -> None:
        self.indexed = indexed
        self.told = findings_of(indexed.chart, indexed.readings)
        self.patterns: tuple[Any, ...] | None = None
        self._known: dict[str, tuple[str, ...]] = {}

    def facts(self, name: str) -> tuple[str, ...]:
        """The ids of the facts that tell a finding; empty when the chart does not."""
        if name not in self._known:
            found = [*self._results(findings()[name]), *self.told.affirmed(name)]
            self._known[name] = tuple(dict.fromkeys(found))
        return self._known[name]

    def any_of(self, names: Iterable[str]) -> list[str]:
        """Those of the findings that the chart tells."""
        return [n for n in names if self.facts(n)]

    def denied(self, name: str) -> tuple[str, ...]:
        """The ids of the facts that say that a finding is not so; of one that the chart also tells,
        none: it is so."""
        return () if self.facts(name) else self.told.denied(name)

    def _results(self, finding: FindingDefinition) -> list[str]:
        if finding.result is None:
            return []
        found = self.indexed.results.of(finding.result.analyte, finding.within_days)
        return [f.id for f in found if self._lies(finding, f)]

    def _lies(self, finding: FindingDefinition, fact: Fact) -> bool | None:
        rule = finding.result
        if rule is None or finding.id not in vital_sign_limits():
            return None if rule is None else _lies(rule, fact)
        age = self.indexed.chart.patient.age_years
        limit = limit_for(finding.id, age, pregnant=self.is_pregnant)
        if limit is None:
            return None
        return agrees(with_limit(rule, limit, age), fact) or _diastolic_lies(limit, fact)

    def of_fact(self, fact_id: str) -> Told:
        """The findings that a fact tells, and those that it denies: in words, or as a result that
        lies as they say or does not, however old it is."""
        words, fact = self.told.of_fact(fact_id), self.indexed.facts.get(fact_id)
        if fact is None or fact.kind not in RESULT_KINDS:
            return words
        names = [n for analyte in analytes_of(fact) for n in _of_analyte().get(analyte, ())]
        lies = {name: self._lies(findings()[name], fact) for name in names}
        told = words.affirmed.union(n for n, so in lies.items() if so)
        return Told(told, words.denied.union(n for n, so in lies.items() if so is False) - told)

    @cached_property
    def is_pregnant(self) -> bool:
        """Whether the chart tells a pregnancy, or a birth of the last weeks: other limits hold."""
        return any(self.told.affirmed(name) for name in _PREGNANCY)


@cache
def _of_analyte() -> Mapping[str, tuple[str, ...]]:
    """Analyte -> the findings that its results may tell."""
    found: dict[str, tuple[str, ...]] = {}
    for finding in findings().values():
        if finding.result is not None:
            analyte = finding.result.analyte
            found[analyte] = (*found.get(analyte, ()), finding.id)
    return found


def _diastolic_lies(limit: VitalSignLimit, fact: Fact) -> bool:
    if limit.diastolic_above is None:
        return False
    value = diastolic(fact)
    return value is not None and value > limit.diastolic_above


def _lies(rule: ResultRule, fact: Fact) -> bool | None:
    """Whether a result lies as its finding says, in numbers or by what it answers."""
    if rule.needs in ("positive", "negative"):
        answer = _answers(fact)
        return None if answer is None else answer is (rule.needs == "positive")
    if rule.needs == "abnormal":
        return None if fact.flag is None else fact.flag.is_abnormal
    return agrees(rule, fact)


def _answers(fact: Fact) -> bool | None:
    """Whether a test is positive; of a number whether it is high."""
    if fact.polarity is Polarity.ABSENT:
        return False
    if fact.value is not None:
        return None if fact.flag is None else fact.flag.is_high
    if fact.flag is not None:
        return fact.flag.is_abnormal
    return True if fact.polarity is Polarity.PRESENT else None


@cache
def _pattern(words: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile(rf"(?<![a-z])(?:{'|'.join(re.escape(w) for w in words)})")


def affirmed(
    words: tuple[str, ...],
    reading: Reading,
    *,
    past: bool = False,
    unsure: bool = True,
    within: tuple[int, int] | None = None,
) -> bool:
    """Whether the patient is said to have, or with `past` to have had, what the words name.

    `unsure`: suspected counts too, as it does of what a patient comes for. `within` are offsets.
    """
    hits = _pattern(words).finditer(reading.lower, *(within or ()))
    return any(_counts(reading.at(hit.start()), past, unsure) for hit in hits)


def _counts(context: Context, past: bool, unsure: bool) -> bool:
    if not context.is_affirmed or (context.certainty is Certainty.UNCERTAIN and not unsure):
        return False
    return past or context.temporality is not Temporality.HISTORICAL
