"""Observation.focus: whether a result is about somebody or something else than the patient."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from fhir_mapping.drafting.draft import MappingContext
from fhir_mapping.elements.json_values import objects, string
from fhir_mapping.tables import table

__all__ = ["is_of_another"]

Resource = Mapping[str, Any]

_PERSONS = frozenset({"Patient", "RelatedPerson", "Person", "Practitioner", "PractitionerRole",
                      "Group"})  # fmt: skip
_THINGS = frozenset({"Device", "DeviceMetric", "Medication", "Substance"})


def is_of_another(resource: Resource, ctx: MappingContext) -> bool:
    """Whether a focus is another person, a device or another's specimen, or cannot be told.

    A focus on the patient's own condition, procedure or body structure says what the result is for.
    Source: https://hl7.org/fhir/R4/observation.html, Observation.focus ("fetus, parent, donor").
    """
    if "extension" in resource and _is_extended(resource["extension"]):
        return True
    own = _whose(resource)
    sent = [focus for focus in objects(resource.get("focus")) if focus]
    return any(_is_another(focus, own, resource, ctx) for focus in sent)


def _is_extended(extensions: Any) -> bool:
    known = table("focus")["extensions"]
    return any(extension.get("url") in known for extension in objects(extensions))


def _is_another(sent: Resource, own: str, resource: Resource, ctx: MappingContext) -> bool:
    reference = _plain(sent.get("reference"))
    target = ctx.index.resolve(sent, resource)
    kind = string((target or {}).get("resourceType")) or string(sent.get("type"))
    kind = kind or _type_in(reference)
    if kind == "Patient":
        return not own or _id_in(reference) != own
    if not kind and sent.get("display"):
        return not _PERSON_WORDS.isdisjoint(_WORD.findall(string(sent["display"]).lower()))
    whose = _whose(target or {})
    if whose and own and whose != own:
        return True
    return not kind or kind in _PERSONS or kind in _THINGS


_WORD = re.compile(r"[^\W\d_]+")
_PERSON_WORDS = frozenset(table("focus")["persons"])


def _whose(resource: Resource) -> str:
    """The id of the patient that a resource is of, or ''."""
    sent = resource.get("subject") or resource.get("patient")
    return _id_in(_plain(sent.get("reference"))) if isinstance(sent, dict) else ""


def _plain(reference: Any) -> str:
    """A reference without its version."""
    return string(reference).split("/_history/")[0].rstrip("/")


def _id_in(reference: str) -> str:
    return reference.rpartition("/")[2]


def _type_in(reference: str) -> str:
    """The type that a literal reference names, or ''."""
    parts = reference.split("/")
    return parts[-2] if len(parts) > 1 and parts[-2][:1].isupper() else ""
