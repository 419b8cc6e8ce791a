"""Signs known to speak for a diagnosis that the chart tells and nobody cited.

A model may name the right diagnosis and cite the wrong facts. That the chart itself tells signs of
it makes it plausible, never supported: what is cited is still as it is.
"""

from __future__ import annotations

from collections.abc import Iterator

from cds_hooks.consultation import Reason
from cds_hooks.plausibility.checks.check import PASS, CheckedDiagnosis
from cds_hooks.plausibility.relevance.chart_signs import ChartSigns, is_of_absence
from cds_hooks.plausibility.relevance.disease_knowledge import DiseaseKnowledge
from cds_hooks.plausibility.relevance.evidence_links import SignLink
from cds_hooks.plausibility.relevance.sign_table import Sign
from cds_hooks.plausibility.relevance.strength import Strength
from cds_hooks.plausibility.relevance.system_signs import is_general
from fhir_mapping.findings import vocabulary

__all__ = ["UNCITED", "uncited_links", "uncited_reason"]

UNCITED = "chart-fits"
_MODERATE_ENOUGH = 2
"""So many moderate signs, each of its own fact, count as one strong sign does: our own count."""
_SHOWN = 4


def uncited_links(
    case: CheckedDiagnosis, known: DiseaseKnowledge, told: ChartSigns
) -> tuple[SignLink, ...]:
    """Strong signs, or at least two moderate ones of two facts; () where the chart tells less.

    General signs, histories, drugs and recorded problems raise a risk and are not counted, nor what
    is normal or denied. A rule about the chart that names the diagnosis is a strong sign.
    """
    cited = {e.fact_id for e in (*case.evidence_for, *case.evidence_against)}
    found = [x for x in (*_by_rules(case), *_by_signs(known, told)) if x.fact_id not in cited]
    strong = [x for x in found if x.sign.strength is Strength.STRONG]
    facts = {x.fact_id for x in found}
    enough = len({x.sign.finding for x in found}) >= _MODERATE_ENOUGH <= len(facts)
    return (*strong, *(x for x in found if x not in strong)) if strong or enough else ()


def uncited_reason(links: tuple[SignLink, ...]) -> Iterator[Reason]:
    """That the chart tells signs of the diagnosis, with their sources."""
    if links:
        names = list(dict.fromkeys(x.sign.name for x in links))[:_SHOWN]
        text = f"not cited, but in the chart, what is known to speak for it: {', '.join(names)}"
        ids = tuple(dict.fromkeys(x.fact_id for x in links))
        sources = "; ".join(list(dict.fromkeys(x.sign.source for x in links))[:2])
        yield Reason(UNCITED, PASS, text, ids, sources)


def _by_rules(case: CheckedDiagnosis) -> Iterator[SignLink]:
    for one in case.fitting:
        sign = Sign(f"rule:{one.rule}", Strength.STRONG, one.source)
        yield from (SignLink(fact_id, sign) for fact_id in one.fact_ids[:1])


def _by_signs(known: DiseaseKnowledge, told: ChartSigns) -> Iterator[SignLink]:
    for finding, sign in known.signs_for.items():
        if sign.strength is Strength.WEAK or ":" in finding or is_of_absence(finding):
            continue
        word = vocabulary().get(finding)
        if is_general(finding) or (word is not None and word.history):
            continue
        yield from (SignLink(fact_id, sign) for fact_id in list(told.facts(finding))[:1])
