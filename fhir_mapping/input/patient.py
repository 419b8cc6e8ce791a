"""Patient: age, recorded sex, alive or dead; and whose a resource is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fhir_mapping.chart import PatientFacts
from fhir_mapping.elements.json_values import object_of, objects, string
from fhir_mapping.elements.times import RelativeTimes

__all__ = ["Ownership", "patient_facts"]

_NOBODY: Mapping[str, Any] = {}
_YEAR = 365.25
_OLDEST = 130.0
_SEXES = {"male": "male", "female": "female", "other": "other", "unknown": "unknown",
          "m": "male", "f": "female"}  # fmt: skip


def patient_facts(patient: Mapping[str, Any], times: RelativeTimes) -> PatientFacts:
    """What may be said about who this is. A birth date in the future or absurd says nothing."""
    days = times.days_ago(patient.get("birthDate"))
    died = times.days_ago(patient.get("deceasedDateTime"))
    if days is not None and died is not None and 0 <= died <= days:
        days -= died
    age = days / _YEAR if days is not None and 0 <= days <= _OLDEST * _YEAR else None
    sex = _SEXES.get(string(patient.get("gender")).lower())
    deceased = patient.get("deceasedBoolean") is True or bool(patient.get("deceasedDateTime"))
    return PatientFacts(age, sex, deceased)


class Ownership:
    """Whether resources belong to one patient, by `subject` or `patient`.

    A reference by identifier alone is this patient's only if it is one of the patient's own.
    """

    def __init__(self, patient_id: str, patient: Mapping[str, Any] = _NOBODY) -> None:
        self._id = patient_id
        self._known: dict[str, bool] = {}
        values = (i.get("value") for i in objects(patient.get("identifier")))
        self._identifiers = {value for value in values if isinstance(value, str)}

    def owns(self, resource: Mapping[str, Any]) -> bool:
        """Whether the resource says that it is this patient's, or does not say whose it is."""
        for element in ("subject", "patient"):
            sent = resource.get(element)
            if sent:
                reference = sent.get("reference") if isinstance(sent, dict) else sent
                if isinstance(reference, str) and reference:
                    known = self._known.get(reference)
                    return self.is_patient(reference) if known is None else known
                value = object_of(object_of(sent).get("identifier")).get("value")
                if isinstance(value, str) and value:
                    return value in self._identifiers
        return True

    def is_patient(self, reference: str) -> bool:
        """Whether a literal reference means this patient."""
        known = self._known.get(reference)
        if known is None:
            known = self._known[reference] = self._means(reference)
        return known

    def _means(self, reference: str) -> bool:
        if reference.startswith("urn:"):
            return reference.rpartition(":")[2] == self._id
        parts = reference.split("/_history/", 1)[0].rstrip("/").split("/")
        if len(parts) > 1 and parts[-2] != "Patient":
            return False
        return parts[-1] == self._id
