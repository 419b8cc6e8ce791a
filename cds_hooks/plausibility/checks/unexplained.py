"""Abnormal facts that a diagnosis, or a whole list of them, leaves over.

Of a diagnosis: what a published pattern or rule ties to it, the chart tells, and nobody cited. Of a
list: recent abnormal results that are cited for none of it. Neither says that the list is wrong;
both say what was not looked at.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache

from cds_hooks.consultation import Assessment, Evidence, Reason, Verdict
from cds_hooks.plausibility.chart.finding_index import FindingIndex
from cds_hooks.plausibility.chart.indexed_chart import IndexedChart
from cds_hooks.plausibility.chart.result_agreement import agrees
from cds_hooks.plausibility.chart.results_by_analyte import loinc_codes
from cds_hooks.plausibility.chart_rules.criteria import Criteria
from cds_hooks.plausibility.chart_rules.finding_patterns import patterns
from cds_hooks.plausibility.checks.check import ABSTAIN, CheckedDiagnosis
from cds_hooks.plausibility.data_files import read_toml
from cds_hooks.plausibility.rules.diagnosis_rules import result_rules, rules_about
from cds_hooks.plausibility.terminology import Terminology
from cds_hooks.plausibility.terminology.resolution import Concept
from fhir_mapping.chart import Fact, Flag, Kind, Polarity

__all__ = ["UncitedFinding", "unexplained_results"]

RECENT_DAYS = 14.0
"""Results older than this are not named as left over: this service's own limit."""

_BEARS = "unexplained-finding"
_RESULTS = frozenset({Kind.LAB, Kind.VITAL, Kind.OBSERVATION})
_ACCEPTED = frozenset({Verdict.SUPPORTED, Verdict.PLAUSIBLE, Verdict.UNCERTAIN, Verdict.RECORDED})
_CRITICAL = frozenset(flag for flag in Flag if flag.is_critical)


@dataclass(frozen=True, slots=True)
class UncitedFinding:
    """Facts that a red-flag pattern of the diagnosis asks for, told by the chart and not cited.

    Information, not a judgement. Findings that a rule of its own speaks of (`defining-result`,
    `expected-result`) are told there.
    """

    id: str = _BEARS
    source: str = "data/chart_rules, each pattern with its own"

    def __call__(self, case: CheckedDiagnosis) -> Iterator[Reason]:
        tied = rules_about(patterns, case.concepts)
        if not tied:
            return
        cited = groups_of(_cited(case.indexed, (*case.evidence_for, *case.evidence_against)))
        criteria = Criteria(case.finding_index or FindingIndex(case.indexed))
        for pattern in tied:
            ids = _uncited(pattern.names, criteria, case.indexed, cited)
            if ids:
                text = "the chart also tells of findings that bear on it, which were not cited"
                yield Reason(self.id, ABSTAIN, text, ids, pattern.source)
                return


def _uncited(
    names: Iterable[str], criteria: Criteria, indexed: IndexedChart, cited: frozenset[str]
) -> tuple[str, ...]:
    found = dict.fromkeys(i for met in criteria.any_of(names) for i in met.fact_ids)
    facts = (indexed.facts[i] for i in found)
    return tuple(f.id for f in facts if not _groups(f) & cited and f.kind is not Kind.SOCIAL)


def unexplained_results(
    indexed: IndexedChart, assessments: Sequence[Assessment], terminology: Terminology
) -> tuple[Reason, ...]:
    """Recent abnormal results, critical ones first, that no accepted diagnosis of the list
    cites and no rule ties to one of these or to a recorded problem. At most one reason."""
    accepted = [a for a in assessments if a.verdict in _ACCEPTED]
    if not accepted:
        return ()
    evidence = (e for a in accepted for e in (*a.evidence_for, *a.evidence_against))
    told = set(groups_of(_cited(indexed, evidence)))
    told |= {i for a in accepted for r in a.reasons if r.check == _BEARS for i in r.fact_ids}
    concepts = [c for a in accepted for c in terminology.resolve(a.name).concepts]
    concepts += [c for p in indexed.problems if p.active for c in p.concepts]
    told |= groups_of(_tied(indexed, concepts))
    left = [f for f in _abnormal(indexed.chart.facts) if not {f.id, *_groups(f)} & told]
    if not left:
        return ()
    text = "abnormal in the chart and cited for none of these diagnoses"
    return (Reason("unexplained-result", ABSTAIN, text, _ranked(left), "the chart itself"),)


def _tied(indexed: IndexedChart, concepts: Sequence[Concept]) -> list[Fact]:
    """Results that lie where a rule expects them with one of the concepts."""
    return [
        fact
        for rule in rules_about(result_rules, concepts)
        for fact in indexed.results.of(rule.analyte, RECENT_DAYS)
        if agrees(rule, fact)
    ]


def _abnormal(facts: Iterable[Fact]) -> Iterator[Fact]:
    """The newest abnormal result of each kind of measurement, when no newer one is normal."""
    newest: dict[str, Fact] = {}
    for fact in facts:
        recent = fact.days_ago is not None and -1 <= fact.days_ago <= RECENT_DAYS
        if fact.kind in _RESULTS and recent and fact.flag and fact.polarity is Polarity.PRESENT:
            held = newest.setdefault(_measurement(fact), fact)
            if (fact.days_ago or 0) < (held.days_ago or 0):
                newest[_measurement(fact)] = fact
    return (f for f in newest.values() if f.is_abnormal)


def _ranked(facts: Iterable[Fact]) -> tuple[str, ...]:
    """Critical before abnormal, laboratory before vital signs, new before old, one a group."""
    order = sorted(
        facts, key=lambda f: (f.flag not in _CRITICAL, f.kind is not Kind.LAB, f.days_ago or 0)
    )
    shown: dict[frozenset[str], str] = {}
    for fact in order:
        shown.setdefault(_groups(fact), fact.id)
    return tuple(shown.values())


def _cited(indexed: IndexedChart, evidence: Iterable[Evidence]) -> Iterator[Fact]:
    return (indexed.facts[e.fact_id] for e in evidence if e.fact_id in indexed.facts)


def groups_of(facts: Iterable[Fact]) -> frozenset[str]:
    """What the facts measure, with what is measured together with it."""
    return frozenset(g for f in facts for g in _groups(f))


def _groups(fact: Fact) -> frozenset[str]:
    """The groups a result belongs to, else what it measures; of other facts their own id."""
    if fact.kind not in _RESULTS:
        return frozenset({fact.id})
    codes, text = loinc_codes(fact), fact.text.lower()
    found = frozenset(g.id for g in _together() if g.holds(codes, text))
    return found or frozenset({_measurement(fact)})


def _measurement(fact: Fact) -> str:
    codes = loinc_codes(fact)
    if codes:
        return codes[0]
    return fact.text.lower().split(str(fact.value))[0][:40] if fact.value else fact.text[:40]


@dataclass(frozen=True, slots=True)
class ResultGroup:
    """Results that tell one thing."""

    id: str
    loinc: frozenset[str]
    names: tuple[str, ...]
    not_names: tuple[str, ...]

    def holds(self, codes: Sequence[str], text: str) -> bool:
        if codes:
            return not self.loinc.isdisjoint(codes)
        return text.startswith(self.names) and not text.startswith(self.not_names)


@cache
def _together() -> tuple[ResultGroup, ...]:
    return tuple(
        ResultGroup(k, frozenset(v["loinc"]), tuple(v["names"]), tuple(v.get("not_names", ())))
        for k, v in read_toml("together.toml").items()
        if isinstance(v, dict)
    )
