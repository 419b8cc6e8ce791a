"""Observation.focus: whether a result is about somebody or something else than the patient."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fhir_mapping.draft import Scene
from fhir_mapping.reading import objects, string

__all__ = ["is_of_another"]

Resource = Mapping[str, Any]

_PERSONS = frozenset({"Patient", "RelatedPerson", "Person", "Practitioner", "PractitionerRole",
                      "Group"})  # fmt: skip
_THINGS = frozenset({"Device", "DeviceMetric", "Medication", "Substance"})


def is_of_another(resource: Resource, scene: Scene) -> bool:
    """Whether a focus is another person, a device or another's specimen, or cannot be told.

    A focus on the patient's own condition, procedure or body structure says what the result is for.
    Source: https://hl7.org/fhir/R4/observation.html, Observation.focus ("fetus, parent, donor").
    """
    own = _reference(resource.get("subject"))
    return any(_is_another(sent, own, resource, scene) for sent in objects(resource.get("focus")))


def _is_another(sent: Resource, own: str, resource: Resource, scene: Scene) -> bool:
    reference = _reference(sent)
    target = scene.index.resolve(sent, resource)
    kind = string((target or {}).get("resourceType")) or string(sent.get("type"))
    kind = kind or _type_in(reference)
    if kind == "Patient":
        return not own or reference.rpartition("/")[2] != own.rpartition("/")[2]
    if kind == "Specimen":
        whose = _reference((target or {}).get("subject"))
        return bool(whose) and whose.rpartition("/")[2] != own.rpartition("/")[2]
    return not kind or kind in _PERSONS or kind in _THINGS


def _reference(sent: Any) -> str:
    return string(sent.get("reference")) if isinstance(sent, dict) else ""


def _type_in(reference: str) -> str:
    """The type that a literal reference names, or ''."""
    parts = reference.split("/_history/")[0].rstrip("/").split("/")
    return parts[-2] if len(parts) > 1 and parts[-2][:1].isupper() else ""
