"""What the page of a fired hook shows, as plain values for its templates."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cds_hooks.cards.card_data import texts
from cds_hooks.cards.phrases import remark
from cds_hooks.console.inspector.inspected import Inspected
from cds_hooks.consultation import Assessment, Consultation, KeyState, Reason
from cds_hooks.services import ServiceDefinition
from fhir_mapping.chart import Chart, Fact, Omission
from prompts import ago, state_words

__all__ = ["FactRow", "KeyRow", "OmissionRow", "VerdictRow", "walk_values"]


_MOST = 300
"""Rows of a table: a page stays light, whatever the chart."""


@dataclass(frozen=True, slots=True)
class KeyRow:
    """One prefetch key: its template, the words of its state, what it brought, remarks."""

    key: str
    query: str
    state: str
    words: str
    brought: str
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FactRow:
    """One fact, whether the prompt shows it, and the places of the diagnoses that it is cited for
    and against."""

    id: str
    kind: str
    text: str
    state: str
    when: str
    shown: bool
    places: tuple[str, ...]
    backs: tuple[int, ...]
    opposes: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class OmissionRow:
    """Something found and not shown: `resource` is its place among the resources, None without."""

    what: str
    reason: str
    detail: str
    resource: int | None


@dataclass(frozen=True, slots=True)
class VerdictRow:
    """One diagnosis with its checks; facts are ids."""

    name: str
    group: str
    verdict: str
    meaning: str
    agreement: str
    backs: tuple[tuple[str, str], ...]
    opposes: tuple[tuple[str, str], ...]
    reasons: tuple[Reason, ...]

    @property
    def results(self) -> str:
        """How many checks gave which result: "5 pass, 1 fail"."""
        counts = Counter(reason.result for reason in self.reasons)
        return ", ".join(f"{count} {result}" for result, count in counts.items())


def walk_values(inspected: Inspected) -> dict[str, Any]:
    """All that can be told of it by now."""
    found = inspected.consultation
    chart = found.chart if found else None
    verdicts = _verdicts(found)
    return {
        "fired": inspected,
        "keys": _keys(inspected.service, inspected),
        "facts": _most_telling(_facts(found, verdicts)) if found else (),
        "all_facts": len(chart.facts) if chart else 0,
        "omissions": _omissions(found, inspected) if found else (),
        "most": _MOST,
        "verdicts": verdicts,
        "findings": found.chart_findings if found else (),
        "contradictions": (*found.contradictions, *found.medication_concerns) if found else (),
        "red_flags": inspected.checked.red_flags if inspected.checked else (),
        "unexplained": inspected.checked.unexplained if inspected.checked else (),
        "fact_texts": {fact.id: fact.text for fact in chart.facts} if chart else {},
    }


def _keys(service: ServiceDefinition, inspected: Inspected) -> tuple[KeyRow, ...]:
    words = texts().states
    rows = []
    for template in service.templates:
        state = inspected.states.get(template.key, "")
        rows.append(
            KeyRow(
                template.key,
                template.query,
                state,
                words[KeyState(state)] if state else "",
                _brought(inspected, template.key, template.query, state),
                tuple(
                    f"{note.code.value}{f' ({note.count})' if note.count > 1 else ''}"
                    for note in inspected.notes
                    if note.key == template.key
                ),
            )
        )
    return tuple(rows)


def _brought(inspected: Inspected, key: str, query: str, state: str) -> str:
    """How many resources came under a key; of one that was read, those of its type in all."""
    kind = query.partition("?")[0].partition("/")[0]
    if state == KeyState.FETCHED or (state == KeyState.PARTIAL and key not in inspected.sent):
        count = sum(each.reference.startswith(f"{kind}/") for each in inspected.resources)
        return f"{count} {kind} in all"
    return f"{inspected.sent.get(key, 0)} {kind}"


def _facts(found: Consultation, verdicts: Sequence[VerdictRow]) -> tuple[FactRow, ...]:
    shown = set(found.prompt.fact_ids) if found.prompt else set()
    backs, opposes = _citing(verdicts, "backs"), _citing(verdicts, "opposes")
    return tuple(
        FactRow(
            fact.id,
            fact.kind.value,
            fact.text,
            ", ".join(state_words(fact)),
            ago(fact.days_ago),
            fact.id in shown,
            _places(fact),
            backs.get(fact.id, ()),
            opposes.get(fact.id, ()),
        )
        for fact in found.chart.facts
    )


def _most_telling(rows: tuple[FactRow, ...]) -> tuple[FactRow, ...]:
    """At most 300 rows, in chart order: those that are cited or in the prompt before others."""
    ranked = sorted(rows, key=lambda row: not (row.backs or row.opposes or row.shown))
    kept = {row.id for row in ranked[:_MOST]}
    return tuple(row for row in rows if row.id in kept)


def _citing(verdicts: Sequence[VerdictRow], side: str) -> Mapping[str, tuple[int, ...]]:
    """By fact, the places from 1 of the diagnoses that cite it on this side."""
    cited: dict[str, tuple[int, ...]] = {}
    for place, row in enumerate(verdicts, 1):
        for fact_id in dict.fromkeys(fact_id for fact_id, _ in getattr(row, side)):
            cited[fact_id] = (*cited.get(fact_id, ()), place)
    return cited


def _places(fact: Fact) -> tuple[str, ...]:
    """Where it came from: parts where they are told, else whole resources."""
    parts = {path.partition("#")[0] for path in fact.paths}
    return (*fact.paths, *(source for source in fact.sources if source not in parts))


def _omissions(found: Consultation, inspected: Inspected) -> tuple[OmissionRow, ...]:
    places = {each.reference: n for n, each in enumerate(inspected.resources)}
    told: tuple[Omission, ...] = (
        *found.chart.omissions,
        *(found.prompt.omissions if found.prompt else ()),
    )
    return tuple(
        OmissionRow(each.what, each.reason, each.detail, places.get(each.what.partition("#")[0]))
        for each in told
    )


def _verdicts(found: Consultation | None) -> tuple[VerdictRow, ...]:
    assessments: Sequence[Assessment] = getattr(found, "assessments", ())
    return tuple(_verdict(each, found.chart) for each in assessments) if found else ()


def _verdict(found: Assessment, chart: Chart) -> VerdictRow:
    def cited(evidence: Any) -> tuple[tuple[str, str], ...]:
        told = ((e.fact_id, e.claim) for e in evidence if chart.fact(e.fact_id))
        return tuple(dict.fromkeys(told))

    return VerdictRow(
        remark(found.name),
        found.group.value,
        found.verdict.value,
        texts().verdicts[found.verdict],
        f"{100 * found.agreement:.0f} %",
        cited(found.evidence_for),
        cited(found.evidence_against),
        found.reasons,
    )
