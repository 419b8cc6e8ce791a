"""Encounter: visits and stays, and the complaint of the present one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fhir_mapping.chart import Kind
from fhir_mapping.concepts import first_code, unwrap, wording
from fhir_mapping.draft import Draft, Scene
from fhir_mapping.phrases import span
from fhir_mapping.reading import first, object_of, objects, string
from fhir_mapping.tables import table

__all__ = ["current_encounters", "map_encounter"]

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
    begun = {ref: scene.times.first_of(r, scene.dialect.encounter_period) for ref, r in
             encounters.items()}  # fmt: skip
    named = f"Encounter/{scene.encounter_id}" if scene.encounter_id else ""
    if named in encounters:
        return _with_wholes({named}, encounters, scene)
    open_ones = {
        ref: -days
        for ref, days in begun.items()
        if days is not None and days >= 0 and string(encounters[ref].get("status")) in _OPEN
    }
    undated = {
        ref for ref, days in begun.items()
        if days is None and string(encounters[ref].get("status")) in _OPEN
    }  # fmt: skip
    if not open_ones:
        open_ones = {
            ref: -days
            for ref, days in begun.items()
            if days is not None and 0 <= days <= _SAME_EPISODE_DAYS
        }
    if not open_ones:
        return undated
    newest = max(open_ones.values())
    latest = {ref for ref, at in open_ones.items() if newest - at <= 1.0}
    return _with_wholes(latest, encounters, scene)


def _with_wholes(refs: set[str], encounters: Mapping[str, Resource], scene: Scene) -> set[str]:
    found = set(refs)
    for ref in refs:
        whole = scene.index.reference_of(encounters[ref].get("partOf"))
        if whole in encounters:
            found.add(str(whole))
    return found


def map_encounter(resource: Resource, ref: str, scene: Scene, *, current: bool) -> None:
    """One visit or stay; the reason of the present one is the complaint."""
    period = first(resource, scene.dialect.encounter_period)
    begun = scene.times.days_ago(period)
    reasons = _reasons(resource, scene)
    status = string(resource.get("status")).lower()
    if current:
        for n, (concept, reason, also) in enumerate(reasons):
            key = f"{scene.term(concept).identity}|{n}"
            complaint = Draft(Kind.COMPLAINT, key, reason, ref, begun, concept, status, also=also)
            scene.found.told(complaint)
    text = _phrase(resource, [reason for _, reason, _ in reasons], current, scene)
    text += _length(period, begun, scene)
    key = f"{text}|{ref}" if current or status == "planned" else text
    draft = Draft(Kind.ENCOUNTER, key, text, ref, begun, unwrap(resource.get("type")), status)
    draft.also = tuple(a for _, _, also in reasons for a in also)
    scene.found.told(draft)


def _phrase(resource: Resource, reasons: list[str], current: bool, scene: Scene) -> str:
    words = scene.words
    sort = _class(resource, scene)
    kind = scene.term(resource.get("type")).name
    service = wording(resource.get("serviceType"), words)
    said = ", ".join(dict.fromkeys(filter(None, (sort, kind, service)))) or "Encounter"
    if current:
        said = f"Present encounter: {said}"
    elif string(resource.get("status")) == "planned":
        said = f"Planned: {said}"
    return f"{said}, for {'; '.join(dict.fromkeys(reasons))}" if reasons else said


def _class(resource: Resource, scene: Scene) -> str:
    sent = unwrap(resource.get("class"))
    known: dict[str, str] = table("encounters")["classes"]
    code = first_code(sent)
    if code.upper() in known:
        return known[code.upper()]
    return wording(sent, scene.words).removeprefix("code ")


def _reasons(resource: Resource, scene: Scene) -> list[tuple[Any, str, tuple[str, ...]]]:
    """(concept, words, references read) of each reason, coded or referenced."""
    found: list[tuple[Any, str, tuple[str, ...]]] = []
    for element in scene.dialect.encounter_reason:
        for sent in objects(resource.get(element)):
            values = objects(sent.get("value")) or [sent]
            found += [reason for value in values if (reason := _reason(value, scene))[1]]
    for sent in objects(resource.get("reasonReference")):
        reason = _reason({"reference": sent}, scene)
        if reason[1]:
            found.append(reason)
    return found


def _reason(value: dict[str, Any], scene: Scene) -> tuple[Any, str, tuple[str, ...]]:
    concept = unwrap(value)
    said = scene.term(concept).name
    if said:
        return concept, said, ()
    reference = value.get("reference")
    target = scene.index.resolve(reference)
    if target is None:
        return None, "", ()
    concept = target.get("code")
    known = scene.index.reference_of(reference)
    said = scene.term(concept).name
    return concept, said, (known,) if known else ()


def _length(period: Any, begun: float | None, scene: Scene) -> str:
    """How long a stay of a day or more lasted."""
    ended = scene.times.end_of(object_of(period))
    if begun is None or ended is None or begun - ended < 1:
        return ""
    return f", lasted {span(begun - ended)}"
