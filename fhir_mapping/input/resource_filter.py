"""Which resources are read: by type, patient, status and modifier extension."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from fhir_mapping.elements.concepts import first_code
from fhir_mapping.input.patient import Ownership
from fhir_mapping.tables import table

__all__ = ["FOR_OTHERS", "Refusal", "ResourceFilter"]

Resource = Mapping[str, Any]
Refusal = tuple[str, str]
"""The reason and the detail of an Omission."""

FOR_OTHERS = frozenset({"Medication", "Binary", "Substance", "Device"})
"""Types that other resources refer to; alone they may say nothing about the patient."""

_OTHER_PATIENT = ("other-patient", "It belongs to another patient and was not read.")
_MODIFIED = ("modifier-extension", "It has a modifier extension, which may change its meaning.")
_BY_STATUS = "Its status says that it is not to be used."
_STATUS = ("status",)
_STATUS_ELEMENTS = {
    "AllergyIntolerance": ("verificationStatus", "status"),
    "Condition": ("verificationStatus",),
    "DocumentReference": ("status", "docStatus"),
    "Goal": ("lifecycleStatus", "status"),
}


@cache
def _left_out_types() -> dict[str, Refusal]:
    return {
        name: (reason, group["why"])
        for reason, group in table("left_out")["types"].items()
        for name in group["types"]
    }


class ResourceFilter:
    """Decides for the resources of one chart; keeps what it has decided of equal cases."""

    def __init__(self, ownership: Ownership) -> None:
        self._ownership = ownership
        self._types = _left_out_types()
        self._mine: set[str] = set()
        self._harmless: set[tuple[str, str]] = set()

    def refusal(self, kind: str, resource: Resource) -> Refusal | None:
        """Why a resource is not read, or None if it is."""
        refusal = self._types.get(kind)
        if refusal is not None:
            return refusal
        if not self._is_owned(resource):
            return _OTHER_PATIENT
        if resource.get("modifierExtension"):
            return _MODIFIED
        for element in _STATUS_ELEMENTS.get(kind, _STATUS):
            sent = resource.get(element)
            if sent:
                status = sent if type(sent) is str else first_code(sent)
                if (kind, status) not in self._harmless:
                    reason = self._reason_of(kind, status)
                    if reason:
                        return reason, _BY_STATUS
        return None

    def _is_owned(self, resource: Resource) -> bool:
        owner = resource.get("subject") or resource.get("patient")
        if type(owner) is dict:
            reference = owner.get("reference")
            if type(reference) is str and reference in self._mine:
                return True
        if not self._ownership.owns(resource):
            return False
        if type(owner) is dict and type(owner.get("reference")) is str:
            self._mine.add(owner["reference"])
        return True

    def _reason_of(self, kind: str, status: str) -> str | None:
        reasons: dict[str, str] = table("left_out")["statuses"]
        plain = status.strip().lower()
        reason = reasons.get(plain) or reasons.get(f"{kind}/{plain}")
        if reason is None:
            self._harmless.add((kind, status))
        return reason
