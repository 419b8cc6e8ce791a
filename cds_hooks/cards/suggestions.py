"""Suggestions: a provisional Condition for each diagnosis that stands, labelled as an AI's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from cds_hooks.cards import phrases
from cds_hooks.cards.card_data import Profile, texts
from cds_hooks.cards.escape import capped, plain
from cds_hooks.cards.speak_policy import is_demonstration
from cds_hooks.consultation import Assessment, CheckedConsultation, Verdict
from cds_hooks.protocol.cards import Action, Suggestion
from fhir_mapping.chart import Code

__all__ = ["suggestions"]

_TERMINOLOGY = "http://terminology.hl7.org/CodeSystem"
_ASSERTED_BY_AI = {
    # HL7 terminology (terminology.hl7.org), v3 ObservationValue; the label that HL7's AI
    # Transparency on FHIR asks for on every resource an AI made.
    "system": f"{_TERMINOLOGY}/v3-ObservationValue",
    "code": "AIAST",
    "display": "Artificial Intelligence asserted",
}
_BORNE_OUT = (Verdict.SUPPORTED, Verdict.PLAUSIBLE)
# Before R4 `clinicalStatus` is a code and not a CodeableConcept.
_OTHER_SHAPES = ("DSTU", "STU3", "1.", "3.")


def suggestions(
    consultation: CheckedConsultation,
    profile: Profile,
    *,
    make_uuid: Callable[[], str],
    patient_id: str,
    encounter_id: str,
) -> tuple[Suggestion, ...]:
    """One suggestion with one action for each supported or plausible diagnosis with an ICD-10-CM
    code.

    None from a demonstration model, none without a patient to be its subject, nor for a client
    whose FHIR version is before R4. Never recommended over each other: which one to take, if any,
    is the clinician's to judge.
    """
    old = consultation.chart.fhir_version.upper().startswith(_OTHER_SHAPES)
    if not patient_id or old or is_demonstration(consultation):
        return ()
    found = []
    for assessment in consultation.assessments:
        code = _icd(assessment)
        if code is None or assessment.verdict not in _BORNE_OUT:
            continue
        resource = _condition(assessment, code, profile, patient_id, encounter_id)
        title = f"{_title(assessment, code)} ({code.code})"
        action = Action("create", f"{texts().suggestion['description']}: {title}", resource)
        label = f"{texts().suggestion['label']}: {title}"
        found.append(Suggestion(label, make_uuid(), actions=(action,)))
    return tuple(found)


def _icd(assessment: Assessment) -> Code | None:
    return next((code for code in assessment.codes if code.system == phrases.ICD_10_CM), None)


def _title(assessment: Assessment, code: Code) -> str:
    """The terminology's own name: what goes into a chart is never a model's wording."""
    return capped(plain(code.display or phrases.name(assessment.name)), 100)


def _condition(
    assessment: Assessment, code: Code, profile: Profile, patient_id: str, encounter_id: str
) -> dict[str, Any]:
    title = _title(assessment, code)
    condition: dict[str, Any] = {
        "resourceType": "Condition",
        "meta": {"security": [dict(_ASSERTED_BY_AI)]},
        "clinicalStatus": _concept("condition-clinical", "active"),
        "verificationStatus": _concept("condition-ver-status", "provisional"),
        "category": [_concept("condition-category", "problem-list-item")],
        "code": {
            "coding": [{"system": profile.condition_system, "code": code.code, "display": title}],
            "text": title,
        },
        "subject": {"reference": f"Patient/{patient_id}"},
    }
    if encounter_id:
        condition["encounter"] = {"reference": f"Encounter/{encounter_id}"}
    return condition


def _concept(system: str, code: str) -> dict[str, Any]:
    return {"coding": [{"system": f"{_TERMINOLOGY}/{system}", "code": code}]}
