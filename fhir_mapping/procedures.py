"""Procedure: what was done, or was not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fhir_mapping.absence import told_as_absence
from fhir_mapping.ages import days_since_age
from fhir_mapping.annotations import reason_of, remark_of, words_at
from fhir_mapping.chart import Kind, Polarity
from fhir_mapping.concepts import wording
from fhir_mapping.draft import Draft, Scene
from fhir_mapping.names import without_tag
from fhir_mapping.reading import objects, string

__all__ = ["map_procedure"]

_SAID = {"in-progress": "in progress", "preparation": "planned", "stopped": "stopped",
         "suspended": "suspended", "on-hold": "on hold"}  # fmt: skip


def map_procedure(resource: Mapping[str, Any], ref: str, scene: Scene) -> None:
    """One procedure; repeats of the same are counted."""
    term = scene.term(resource.get("code"))
    name = term.name
    status = string(resource.get("status")).lower()
    draft = Draft(Kind.PROCEDURE, "", name, ref, _when(resource, scene), term.codes, status)
    draft.remark = remark_of(resource, scene)
    if told_as_absence(term, draft, scene):
        return
    if not name:
        scene.found.leave(ref, "no-code", "The procedure is neither coded nor named.",
                          Kind.PROCEDURE)  # fmt: skip
        return
    not_done = status == "not-done" or resource.get("notDone") is True
    text = _phrase(resource, name, scene)
    if not_done:
        why = words_at(resource, "statusReason", scene) or words_at(
            resource, "notDoneReason", scene
        )
        text += f" (not done: {why})" if why else " (not done)"
    elif status in _SAID:
        why = words_at(resource, "statusReason", scene)
        text += f" ({_SAID[status]}: {why})" if why else f" ({_SAID[status]})"
    draft.key, draft.text = f"{term.identity}|{text}", text
    if not_done:
        draft.polarity = Polarity.ABSENT
    scene.found.told(draft)


def _when(resource: Mapping[str, Any], scene: Scene) -> float | None:
    days = scene.times.first_of(resource, scene.dialect.procedure_time)
    for name in ("performedAge", "performedRange", "occurrenceAge", "occurrenceRange"):
        if days is None and name in resource:
            days = days_since_age(resource[name], scene)
    return days


def _phrase(resource: Mapping[str, Any], name: str, scene: Scene) -> str:
    words = scene.words
    said = [name]
    sites = [without_tag(wording(site, words)) for site in objects(resource.get("bodySite"))]
    site = ", ".join(s for s in dict.fromkeys(sites) if s and s.lower() not in name.lower())
    if site:
        said.append(f" ({site})")
    reason = reason_of(resource, scene.dialect.reason, scene)
    if reason and reason.lower() not in name.lower():
        said.append(f", for {reason}")
    outcome = wording(resource.get("outcome"), words)
    if outcome:
        said.append(f", outcome: {outcome}")
    for problem in objects(resource.get("complication")):
        shown = wording(problem, words)
        if shown:
            said.append(f", complication: {shown}")
    return "".join(said)
