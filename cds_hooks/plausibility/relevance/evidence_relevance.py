"""Do the facts cited for a diagnosis bear on it?"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from cds_hooks.consultation import Reason
from cds_hooks.plausibility.chart.finding_index import FindingIndex
from cds_hooks.plausibility.checks.check import ABSTAIN, FAIL, PASS, CheckedDiagnosis
from cds_hooks.plausibility.relevance.chart_signs import ChartSigns
from cds_hooks.plausibility.relevance.disease_knowledge import knowledge_of
from cds_hooks.plausibility.relevance.evidence_links import EvidenceLinks, SignLink, link_evidence
from cds_hooks.plausibility.relevance.organ_systems import system_title
from cds_hooks.plausibility.relevance.strength import Strength
from cds_hooks.plausibility.relevance.system_signs import is_general
from cds_hooks.plausibility.relevance.uncited_signs import UNCITED, uncited_links, uncited_reason

__all__ = ["IDS", "EvidenceRelevant"]

_RELEVANT = "evidence-relevant"
_WEAK = "evidence-weak"
_GENERAL = "evidence-general"
_SYSTEM = "evidence-system"
_NOTHING = "evidence-no-evidence"
_OPPOSES = "evidence-opposes"
_EXCLUDES = "excluding-finding"
IDS = (_RELEVANT, _WEAK, _GENERAL, _SYSTEM, _NOTHING, _OPPOSES, _EXCLUDES, UNCITED)
"""The ids of its reasons."""
_OWN = "data/systems: this service's own tables with their sources"
_SHOWN = 4


@dataclass(frozen=True, slots=True)
class EvidenceRelevant:
    """What each cited fact is worth, as reasons of several ids.

    `evidence-relevant` passes with facts known to speak for the diagnosis, fails when no cited
    fact has a known link, and abstains when nothing is known of the diagnosis or of the facts.
    `evidence-weak` abstains when all known links together are weak, `evidence-general` when they
    are general signs alone. `evidence-system` passes with facts of which only the organ system is
    the same. `evidence-no-evidence` tells facts that are no evidence by themselves,
    `evidence-opposes` facts cited for it that are known to speak against it, and
    `excluding-finding` strong signs against it anywhere in the chart, `chart-fits` signs of it
    that the chart tells and nobody cited.
    """

    id: str = _RELEVANT
    source: str = "data/relevance/*.toml, each row with its own; HPO; data/systems"

    def __call__(self, case: CheckedDiagnosis) -> Iterator[Reason]:
        if not case.resolution.recognised:
            return
        known, told = (
            knowledge_of(case),
            ChartSigns(case.finding_index or FindingIndex(case.indexed)),
        )
        yield from uncited_reason(uncited_links(case, known, told))
        if not case.known(case.evidence_for):
            return
        found = link_evidence(case, known, told)
        yield from _links(found.links)
        yield from _shared(found)
        yield from _unlinked(found)
        yield from _empty(found.empty)
        yield from _against(_OPPOSES, "cited for it, but known to speak against it", found.opposing)
        yield from _against(_EXCLUDES, "strongly speaks against it", found.excluding)


def _links(links: Sequence[SignLink]) -> Iterator[Reason]:
    if not links:
        return
    text = f"known to speak for it: {_signs(links)}"
    yield Reason(_RELEVANT, PASS, text, _facts(links), _sources(links))
    if all(is_general(x.sign.finding) for x in links):
        text = "what speaks for it is a general sign alone: it tells a kind of disease, not which"
        yield Reason(_GENERAL, ABSTAIN, text, _facts(links), _sources(links))
    elif _all_weak(links):
        text = "what is known to speak for it is weak: it goes with many other diseases too"
        yield Reason(_WEAK, ABSTAIN, text, _facts(links), _sources(links))


def _all_weak(links: Sequence[SignLink]) -> bool:
    """Two facts that each tell another weak sign count as more than weak."""
    if any(x.sign.strength is not Strength.WEAK for x in links):
        return False
    return len({x.fact_id for x in links}) < 2 or len({x.sign.finding for x in links}) < 2


def _shared(found: EvidenceLinks) -> Iterator[Reason]:
    if not found.shared:
        return
    titles = sorted({system_title(s) for shared in found.shared.values() for s in shared})
    text = f"no known link, but of the same kind of disease: {', '.join(titles[:_SHOWN])}"
    yield Reason(_SYSTEM, PASS, text, tuple(found.shared), _OWN)


def _unlinked(found: EvidenceLinks) -> Iterator[Reason]:
    if found.links or found.shared or not (found.unlinked or found.unread or found.empty):
        return
    if not found.assessed:
        text = "relevance not assessed: nothing is known of what speaks for it"
        yield Reason(_RELEVANT, ABSTAIN, text, source=_OWN)
    elif found.unread:
        text = "relevance not assessed: nothing is known of what the cited facts speak for"
        yield Reason(_RELEVANT, ABSTAIN, text, found.unread, _OWN)
    else:
        text = "no known link between it and the facts cited for it"
        yield Reason(_RELEVANT, FAIL, text, found.unlinked, _OWN)


def _empty(empty: Mapping[str, str]) -> Iterator[Reason]:
    by_reason: dict[str, list[str]] = {}
    for fact_id, reason in empty.items():
        by_reason.setdefault(reason, []).append(fact_id)
    for reason, ids in by_reason.items():
        text = f"no evidence by itself: {reason}"
        yield Reason(_NOTHING, FAIL, text, tuple(ids), _OWN)


def _against(check: str, text: str, links: Sequence[SignLink]) -> Iterator[Reason]:
    if links:
        yield Reason(check, FAIL, f"{text}: {_signs(links)}", _facts(links), _sources(links))


def _signs(links: Iterable[SignLink]) -> str:
    told: dict[str, str] = {}
    for link in links:  # of one name the strongest, which comes first
        told.setdefault(link.sign.name, _sign(link))
    return ", ".join(list(told.values())[:_SHOWN])


def _sign(link: SignLink) -> str:
    ratio = "" if link.sign.lr is None else f", likelihood ratio {link.sign.lr:g}"
    return f"{link.sign.name} ({link.sign.strength.value}{ratio})"


def _facts(links: Iterable[SignLink]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(x.fact_id for x in links))


def _sources(links: Iterable[SignLink]) -> str:
    return "; ".join(list(dict.fromkeys(x.sign.source for x in links))[:2])
