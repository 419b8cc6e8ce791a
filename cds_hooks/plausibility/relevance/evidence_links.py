"""What the facts cited for a diagnosis are worth: known links, shared organ systems, or nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from cds_hooks.consultation import ChartFinding, Evidence
from cds_hooks.plausibility.chart.finding_index import FindingIndex
from cds_hooks.plausibility.chart.indexed_chart import OVER
from cds_hooks.plausibility.chart.result_agreement import agrees
from cds_hooks.plausibility.chart.results_by_analyte import analytes_of
from cds_hooks.plausibility.checks.check import ABSTAIN, FAIL, CheckedDiagnosis
from cds_hooks.plausibility.checks.evidence import claim_result, is_about_another
from cds_hooks.plausibility.relevance.chart_signs import ChartSigns, is_of_absence
from cds_hooks.plausibility.relevance.disease_knowledge import DiseaseKnowledge, knowledge_of
from cds_hooks.plausibility.relevance.non_evidence import no_evidence
from cds_hooks.plausibility.relevance.shared_systems import shared_systems
from cds_hooks.plausibility.relevance.sign_table import Sign
from cds_hooks.plausibility.relevance.strength import Strength
from cds_hooks.plausibility.rules.diagnosis_rules import result_rules, rules_about
from fhir_mapping.chart import Certainty, Fact, Kind, Polarity

__all__ = ["EvidenceLinks", "SignLink", "link_evidence"]

_NOTHING: frozenset[str] = frozenset()
_NEGATED = ("absent", "normal")
_RELATIVES = "family-history-"
_NAMING = frozenset({Kind.COMPLAINT, Kind.OBSERVATION, Kind.PROBLEM, Kind.REPORT})
_SHORTEST_NAME = 4
"""Shorter names ("MS", "PE") stand within other words."""
_RESULTS = frozenset({Kind.LAB, Kind.VITAL, Kind.OBSERVATION})


@dataclass(frozen=True, slots=True)
class SignLink:
    """A fact that tells a sign which is known to speak for, or against, a disease."""

    fact_id: str
    sign: Sign


@dataclass(frozen=True, slots=True)
class EvidenceLinks:
    """Of the facts cited for a diagnosis: `links` speak for it, the strongest first; `opposing`
    are known to speak against it; of `shared` (fact id -> systems) only the organ system is the
    same; `unlinked` have no known link; of `unread` nothing is known; `empty` (fact id -> reason)
    are no evidence by themselves. `excluding` are strong signs against it anywhere in the chart.
    `assessed`: whether anything is known of the disease that a fact could be compared with."""

    links: tuple[SignLink, ...]
    opposing: tuple[SignLink, ...]
    shared: Mapping[str, frozenset[str]]
    unlinked: tuple[str, ...]
    unread: tuple[str, ...]
    empty: Mapping[str, str]
    excluding: tuple[SignLink, ...]
    assessed: bool


def link_evidence(
    case: CheckedDiagnosis, known: DiseaseKnowledge | None = None, told: ChartSigns | None = None
) -> EvidenceLinks:
    """What the facts cited for a diagnosis are worth; `known` and `told` where they are at hand."""
    known, told = (
        known or knowledge_of(case),
        told or ChartSigns(case.finding_index or FindingIndex(case.indexed)),
    )
    facts = told.indexed.facts
    cited = {e.fact_id: e for e in case.known(case.evidence_for)}
    # What is not as claimed is no link; another check tells that.
    so = [(facts[i], e) for i, e in cited.items() if claim_result(facts[i], e.claim) != FAIL]
    parts = [_part(fact, e, known, told, case) for fact, e in so]
    links = sorted((x for p in parts for x in p.links), key=lambda x: x.sign.strength.rank)
    return EvidenceLinks(
        links=tuple(links),
        opposing=tuple(x for p in parts for x in p.opposing),
        shared={p.fact_id: p.shared for p in parts if p.shared},
        unlinked=tuple(p.fact_id for p in parts if p.is_unlinked),
        unread=tuple(p.fact_id for p in parts if p.shared is None),
        empty={p.fact_id: p.empty for p in parts if p.empty},
        excluding=tuple(_excluding(known, told)),
        assessed=bool(known.systems or known.signs_for),
    )


@dataclass(frozen=True, slots=True)
class _Part:
    """One cited fact. `shared` is None where nothing is known of the fact."""

    fact_id: str
    links: tuple[SignLink, ...] = ()
    opposing: tuple[SignLink, ...] = ()
    shared: frozenset[str] | None = _NOTHING
    empty: str = ""

    @property
    def is_unlinked(self) -> bool:
        return not (self.links or self.opposing or self.empty) and self.shared == _NOTHING


def _part(
    fact: Fact, cited: Evidence, known: DiseaseKnowledge, told: ChartSigns, case: CheckedDiagnosis
) -> _Part:
    sure = claim_result(fact, cited.claim) != ABSTAIN
    links = [*_linked(fact, cited, known.signs_for, told, sure)]
    if cited.claim not in _NEGATED:
        links += _by_result(fact, known, listed=bool(links))
        links += [*_by_name(fact, case), *_by_rules(fact, case.fitting)]
    opposing = tuple(_linked(fact, cited, known.signs_against, told, sure))
    if links or opposing:
        return _Part(fact.id, tuple(links), opposing)
    nothing = no_evidence(fact)
    if nothing is not None:
        return _Part(fact.id, empty=nothing.reason)
    is_over = fact.kind is Kind.MEDICATION and fact.status in OVER
    if cited.claim in _NEGATED or is_over:
        return _Part(fact.id)
    return _Part(fact.id, shared=shared_systems(fact, known, told, case.terminology))


def _linked(
    fact: Fact, cited: Evidence, signs_: Mapping[str, Sign], told: ChartSigns, sure: bool
) -> Iterator[SignLink]:
    """The signs that a fact tells in the direction in which it is cited."""
    negated = cited.claim in _NEGATED
    for finding in told.of_fact(fact, signs_):
        fits = is_of_absence(finding) is negated and _is_of(fact, finding)
        if fits and (sure or _says(finding, cited.claim)):
            yield SignLink(fact.id, signs_[finding])


def _is_of(fact: Fact, finding: str) -> bool:
    """Whether a fact and a finding are of the same person."""
    return not is_about_another(fact) or finding.startswith(_RELATIVES)


def _says(finding: str, claim: str) -> bool:
    """Whether a finding of a result without a range says what is claimed."""
    if claim not in ("high", "low"):
        return True
    return not finding.endswith("-low" if claim == "high" else "-high")


def _by_rules(fact: Fact, found: Sequence[ChartFinding]) -> Iterator[SignLink]:
    """Links by rules about the chart that name the diagnosis."""
    for one in found:
        if fact.id in one.fact_ids:
            yield SignLink(fact.id, Sign(f"rule:{one.rule}", Strength.MODERATE, one.source))


def _by_result(fact: Fact, known: DiseaseKnowledge, *, listed: bool) -> Iterator[SignLink]:
    """Links by a result of the definition, or by one that is expected where the table has no sign
    for the fact (`listed`)."""
    measured = analytes_of(fact) if fact.kind in _RESULTS else ()
    for rule in rules_about(result_rules, known.concepts) if measured else ():
        if rule.analyte not in measured or (listed and not rule.contradicts):
            continue
        if agrees(rule, fact):
            strength = Strength.STRONG if rule.contradicts else Strength.MODERATE
            finding = f"{rule.analyte}-{rule.needs}" if rule.needs else rule.analyte
            yield SignLink(fact.id, Sign(finding, strength, rule.source))


def _by_name(fact: Fact, case: CheckedDiagnosis) -> Iterator[SignLink]:
    """A link where the chart itself names the disease as so of the patient."""
    is_so = fact.polarity is Polarity.PRESENT and not is_about_another(fact)
    if not is_so or fact.kind not in _NAMING or len(case.name) < _SHORTEST_NAME:
        return
    at = fact.text.lower().find(case.name.lower())
    if at < 0:
        return
    said = case.indexed.readings[fact.text].at(at)
    if said.is_affirmed and said.certainty is Certainty.CERTAIN:
        yield SignLink(fact.id, Sign("chart:named", Strength.MODERATE, "the chart itself"))


def _excluding(known: DiseaseKnowledge, told: ChartSigns) -> Iterator[SignLink]:
    """Strong signs against the disease that the chart tells."""
    for finding, sign in known.signs_against.items():
        if sign.strength is Strength.STRONG:
            for fact_id in told.facts(finding):
                yield SignLink(fact_id, sign)
