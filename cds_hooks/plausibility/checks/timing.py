"""A diagnosis that lasts, or begins, at some time, against the time that the chart tells."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache

from cds_hooks.consultation import Reason
from cds_hooks.plausibility.chart.durations import Duration, durations
from cds_hooks.plausibility.chart.finding_index import affirmed
from cds_hooks.plausibility.chart.indexed_chart import IndexedChart
from cds_hooks.plausibility.chart.result_agreement import agrees
from cds_hooks.plausibility.checks.check import FAIL, PASS, CheckedDiagnosis
from cds_hooks.plausibility.rules.diagnosis_rules import (
    DiagnosisRule,
    ResultRule,
    frozen_values,
    read_rule_table,
    rules_about,
)
from cds_hooks.plausibility.terminology.resolution import ICD_10_CM
from fhir_mapping.chart import Experiencer, Fact, Kind, Polarity
from fhir_mapping.context import Reading, affirms

__all__ = ["AfterRule", "LastsRule", "PersistsRule", "Timing", "timing_rules"]

_TOLD = frozenset({Kind.COMPLAINT, Kind.NOTE})
_NOW_DAYS = 7.0
"""Older complaints and notes tell of another illness: this service's own limit, as for notes."""
_NOT_DONE = frozenset({"not-done", "cancelled", "entered-in-error", "preparation"})


@dataclass(frozen=True, slots=True, kw_only=True)
class LastsRule(DiagnosisRule):
    """A diagnosis whose symptom (`told`) lasts `at_least_days` or `at_most_days`."""

    told: tuple[str, ...]
    at_least_days: float = 0.0
    at_most_days: float = 0.0

    def fits(self, lasted: Duration) -> bool | None:
        """Whether it lasted so; None when the text leaves that side open."""
        if self.at_least_days:
            return None if lasted.most is None else lasted.most >= self.at_least_days
        return None if lasted.least is None else lasted.least <= self.at_most_days


@dataclass(frozen=True, slots=True, kw_only=True)
class AfterRule(DiagnosisRule):
    """A diagnosis that occurs `within_days` of an event, or not before `from_days` after it."""

    event: tuple[str, ...]
    event_codes: tuple[str, ...]
    within_days: float = 0.0
    from_days: float = 0.0

    def is_event(self, fact: Fact) -> bool:
        """Whether a procedure or problem is such an event, and took place."""
        if fact.polarity is not Polarity.PRESENT or fact.status in _NOT_DONE:
            return False
        if fact.experiencer is not Experiencer.PATIENT:
            return False
        codes = (c.code for c in fact.codes if c.system == ICD_10_CM)
        coded = bool(self.event_codes) and any(c.startswith(self.event_codes) for c in codes)
        return coded or affirms(_words(self.event), fact.text)


@dataclass(frozen=True, slots=True, kw_only=True)
class PersistsRule(DiagnosisRule):
    """A diagnosis of which a result lies below a value, or off its range, for `at_least_days`."""

    analyte: str
    at_least_days: float
    needs: str = ""
    below: float | None = None

    def lies(self, fact: Fact) -> bool | None:
        """Whether a result lies where the diagnosis asks."""
        wanted = ResultRule(
            id=self.id, codes=(), mesh=frozenset(), source="", analyte=self.analyte,
            within_days=0, needs=self.needs, below=self.below,
        )  # fmt: skip
        return agrees(wanted, fact)


@dataclass(frozen=True, slots=True)
class Timing:
    """Fails, as a doubt, when what the chart tells of time does not fit; passes when it does."""

    id: str = "timing"
    source: str = "data/rules/timing.toml, each rule with its own"

    def __call__(self, case: CheckedDiagnosis) -> Iterator[Reason]:
        for rule in rules_about(timing_rules, case.concepts):
            fits, facts = _fits_chart(rule, case.indexed)
            if fits is not None:
                text = rule.reason if fits else f"{rule.reason}; the chart tells another time"
                ids = tuple(dict.fromkeys(f.id for f in facts))
                yield Reason(self.id, PASS if fits else FAIL, text, ids, rule.source)


@cache
def timing_rules() -> tuple[LastsRule | AfterRule | PersistsRule, ...]:
    """`data/rules/timing.toml`. Unknown keys are an error."""
    raw = read_rule_table("timing")
    return (
        *(LastsRule(**frozen_values(r)) for r in raw["lasts"]),
        *(AfterRule(**frozen_values(r)) for r in raw["after"]),
        *(PersistsRule(**frozen_values(r)) for r in raw["persists"]),
    )


def _fits_chart(rule: DiagnosisRule, indexed: IndexedChart) -> tuple[bool | None, Sequence[Fact]]:
    if isinstance(rule, LastsRule):
        return _lasted(rule, indexed)
    if isinstance(rule, AfterRule):
        return _followed(rule, indexed.of(Kind.PROCEDURE, Kind.PROBLEM))
    if isinstance(rule, PersistsRule):
        return _persisted(rule, indexed.results.of(rule.analyte))
    return None, ()


def _lasted(rule: LastsRule, indexed: IndexedChart) -> tuple[bool | None, Sequence[Fact]]:
    told = [
        (fact, Duration(_since(d.least, fact), _since(d.most, fact)))
        for fact in indexed.chart.facts
        if _is_of_now(fact)
        for d in _told_durations(rule.told, indexed.readings[fact.text])
    ]
    answers = [rule.fits(lasted) for _, lasted in told]
    if True in answers:
        return True, [told[answers.index(True)][0]]
    known = bool(answers) and None not in answers
    return (False, [f for f, _ in told]) if known else (None, ())


def _told_durations(words: tuple[str, ...], reading: Reading) -> Iterator[Duration]:
    """How long what the words name lasted: the lengths of time in the same clause."""
    for start, end in reading.clauses:
        if affirmed(words, reading, within=(start, end)):
            yield from durations(reading.lower[start:end])


def _is_of_now(fact: Fact) -> bool:
    of_now = fact.days_ago is not None and -1 <= fact.days_ago <= _NOW_DAYS
    is_so = fact.polarity is Polarity.PRESENT and fact.experiencer is Experiencer.PATIENT
    return fact.kind in _TOLD and is_so and of_now


def _since(days: float | None, fact: Fact) -> float | None:
    return None if days is None else days + max(fact.days_ago or 0.0, 0.0)


def _followed(rule: AfterRule, facts: Iterable[Fact]) -> tuple[bool | None, Sequence[Fact]]:
    events = [f for f in facts if rule.is_event(f)]
    if not events or any(f.days_ago is None for f in events):
        return None, ()
    ago = [f.days_ago for f in events if f.days_ago is not None]
    newest, oldest = events[ago.index(min(ago))], events[ago.index(max(ago))]
    if rule.within_days:
        return min(ago) <= rule.within_days, [newest]
    return max(ago) >= rule.from_days, [oldest]


def _persisted(rule: PersistsRule, found: Iterable[Fact]) -> tuple[bool | None, Sequence[Fact]]:
    """Of results newest first: those that lie there without a break, and whether one before."""
    run: list[Fact] = []
    for fact in found:
        lies = rule.lies(fact)
        if lies is None or fact.days_ago is None:
            return None, ()
        if not lies:
            return (_reaches(run) >= rule.at_least_days, [*run, fact]) if run else (None, ())
        run.append(fact)
    return (True, run) if _reaches(run) >= rule.at_least_days else (None, ())


def _reaches(run: Sequence[Fact]) -> float:
    """Days ago of the oldest of them, so that the time since then is counted too."""
    return max((f.days_ago or 0.0 for f in run), default=0.0)


@cache
def _words(words: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("|".join(re.escape(w) for w in words))
