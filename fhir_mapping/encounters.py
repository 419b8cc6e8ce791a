"""Encounter: visits and stays, and the complaint of the present one."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from fhir_mapping.chart import Kind
from fhir_mapping.draft import Draft, Scene
from fhir_mapping.phrases import span
from fhir_mapping.reading import first, object_of, objects, string
from fhir_mapping.stated import state
from fhir_mapping.tables import table
from fhir_mapping.terms import Term

__all__ = ["current_encounters", "map_encounter", "map_present_encounter"]

Resource = Mapping[str, Any]

_OPEN = frozenset({"in-progress", "arrived", "triaged", "onleave", "on-hold"})
_SAME_EPISODE_DAYS = 2.0
"""An encounter that is over counts as the present one this long, if none is open."""


def current_encounters(encounters: Mapping[str, Resource], scene: Scene) -> set[str]:
    """The references of the present encounters among those of this patient.

    The one the caller named; else the open ones that began with the newest open one; else the
    newest of the last two days; and what any of these is part of (the emergency visit before the
    stay).
    """
    named = f"Encounter/{scene.encounter_id}" if scene.encounter_id else ""
    if named in encounters:
        return _with_wholes({named}, encounters, scene)
    period = scene.dialect.encounter_period
    begun = {ref: scene.times.first_of(r, period) for ref, r in encounters.items()}
    is_open = {ref for ref, r in encounters.items() if string(r.get("status")) in _OPEN}
    candidates = {r: d for r, d in begun.items() if r in is_open and d is not None and d >= 0}
    if not candidates:
        candidates = {
            r: d for r, d in begun.items() if d is not None and 0 <= d <= _SAME_EPISODE_DAYS
        }
    if not candidates:
        return {ref for ref in is_open if begun[ref] is None}
    newest = min(candidates.values())
    latest = {ref for ref, days in candidates.items() if days - newest <= 1.0}
    return _with_wholes(latest, encounters, scene)


def _with_wholes(refs: set[str], encounters: Mapping[str, Resource], scene: Scene) -> set[str]:
    found = set(refs)
    for ref in refs:
        whole = scene.index.reference_of(encounters[ref].get("partOf"))
        if whole in encounters:
            found.add(str(whole))
    return found


def map_encounter(resource: Resource, ref: str, scene: Scene) -> None:
    """One visit or stay; repeats that read the same are counted."""
    status = string(resource.get("status")).lower()
    reasons = _reasons(resource, scene)
    draft = _draft(resource, ref, reasons, scene)
    draft.status = status
    if status == "planned":
        draft.key += f"|{ref}"
        draft.text = f"Planned: {draft.text}"
    scene.found.told(draft)


def map_present_encounter(resource: Resource, ref: str, scene: Scene) -> None:
    """The present visit or stay; its reasons are the complaint."""
    reasons = _reasons(resource, scene)
    draft = _draft(resource, ref, reasons, scene)
    draft.status = string(resource.get("status")).lower()
    draft.key += f"|{ref}"
    draft.text = f"Present encounter: {draft.text}"
    for n, (reason, also) in enumerate(reasons):
        complaint = Draft(Kind.COMPLAINT, f"{reason.identity}|{n}", reason.name, ref)
        complaint.days_ago, complaint.codes = draft.days_ago, reason.codes
        complaint.status, complaint.also = draft.status, also
        state(complaint, reason.name, scene)
        scene.found.told(complaint)
    scene.found.told(draft)


_Reasons = list[tuple[Term, tuple[str, ...]]]


def _draft(resource: Resource, ref: str, reasons: _Reasons, scene: Scene) -> Draft:
    period = first(resource, scene.dialect.encounter_period)
    begun = scene.times.days_ago(period)
    sort = scene.term(resource.get("type"))
    text = _phrase(resource, sort.name, reasons, scene) + _length(period, begun, scene)
    draft = Draft(Kind.ENCOUNTER, text, text, ref, begun, sort.codes)
    if reasons:
        draft.also = tuple(a for _, also in reasons for a in also)
    return draft


def _phrase(resource: Resource, sort: str, reasons: _Reasons, scene: Scene) -> str:
    parts = [_class(resource, scene), sort]
    if "serviceType" in resource:
        parts.append(scene.term(resource["serviceType"]).name)
    said = ", ".join(dict.fromkeys(filter(None, parts))) or "Encounter"
    if not reasons:
        return said
    return f"{said}, for {'; '.join(dict.fromkeys(reason.name for reason, _ in reasons))}"


@cache
def _classes() -> dict[str, str]:
    return dict(table("encounters")["classes"])


def _class(resource: Resource, scene: Scene) -> str:
    term = scene.term(resource.get("class"))
    known = _classes().get(term.code)
    return term.name.removeprefix("code ") if known is None else known


def _reasons(resource: Resource, scene: Scene) -> _Reasons:
    """Each reason, coded or referenced, with the references that were read for it."""
    found: _Reasons = []
    for element in scene.dialect.encounter_reason:
        if element in resource:
            for sent in objects(resource[element]):
                values = objects(sent.get("value")) or [sent]
                found += [_reason(value, scene) for value in values]
    for sent in objects(resource.get("reasonReference")):
        found.append(_reason({"reference": sent}, scene))
    return [reason for reason in found if reason[0].name]


def _reason(value: dict[str, Any], scene: Scene) -> tuple[Term, tuple[str, ...]]:
    reference = value.get("reference")
    known = scene.index.reference_of(reference) if reference else None
    target = scene.index.resolve(known)
    if known and target:
        term = scene.term(target.get("code"))
        if term.name:
            return term, (known,)
    return scene.term(value), ()


def _length(period: Any, begun: float | None, scene: Scene) -> str:
    """How long a stay of a day or more lasted."""
    ended = scene.times.end_of(object_of(period))
    if begun is None or ended is None or begun - ended < 1:
        return ""
    return f", lasted {span(begun - ended)}"
