"""Immunization: what was given, or was not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fhir_mapping.chart import Kind, Polarity
from fhir_mapping.draft import Draft, Scene
from fhir_mapping.reading import string

__all__ = ["map_immunization"]


def map_immunization(resource: Mapping[str, Any], ref: str, scene: Scene) -> None:
    """One dose; doses of the same vaccine are counted."""
    term = scene.term(resource.get("vaccineCode"))
    name = term.name
    if not name:
        scene.found.leave(ref, "no-code", "The vaccine is neither coded nor named.",
                          Kind.IMMUNIZATION)  # fmt: skip
        return
    status = string(resource.get("status")).lower()
    not_given = status == "not-done" or resource.get("notGiven") is True
    text = f"{name} (not given)" if not_given else name
    draft = Draft(Kind.IMMUNIZATION, f"{term.identity}|{not_given}", text, ref)
    draft.codes, draft.status = term.codes, status
    draft.days_ago = scene.times.first_of(resource, scene.dialect.immunization_time)
    if not_given:
        draft.polarity = Polarity.ABSENT
    scene.found.told(draft)
