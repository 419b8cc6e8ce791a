"""Whose resources these are, where the Patient resource does not say it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from fhir_mapping.elements.json_values import string

__all__ = ["named_patient", "one_patient_referred_to"]

_OWNERS = ("subject", "patient")
_UNNAMED = "patient"


def one_patient_referred_to(resources: Iterable[Mapping[str, Any]]) -> list[str]:
    """The id of the one patient whom `subject` and `patient` name, alone in a list; else none.

    A reference that is no Patient's ("Group/g1") does not count; one by identifier does not either.
    """
    named: set[str] = set()
    for resource in resources:
        for element in _OWNERS:
            sent = resource.get(element)
            reference = string(sent.get("reference")) if isinstance(sent, dict) else string(sent)
            if identity := _patient_id(reference):
                named.add(identity)
    return list(named) if len(named) == 1 else []


def named_patient(resources: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The same resources; a lone Patient without id has the id by which the others name it.

    Where no other resource names a patient, the id is "patient".
    """
    patients = [r for r in resources if r.get("resourceType") == "Patient"]
    if len(patients) == 1 and not patients[0].get("id"):
        named = one_patient_referred_to(resources) or [_UNNAMED]
        return [{**r, "id": named[0]} if r is patients[0] else r for r in resources]
    return resources


def _patient_id(reference: str) -> str:
    """The id in a reference to a patient; '' for none, for a contained one and for another type."""
    if reference.startswith("urn:"):
        return reference.rpartition(":")[2]
    parts = reference.split("/_history/", 1)[0].rstrip("/").split("/")
    return parts[-1] if len(parts) > 1 and parts[-2] == "Patient" else ""
