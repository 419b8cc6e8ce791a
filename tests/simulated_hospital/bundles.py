"""An encounter as FHIR R4: the chart when it is opened, and what is written down later."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from tests.simulated_hospital.catalogue import ICD_10_CM, KNOWN
from tests.simulated_hospital.encounters import Encounter

__all__ = ["later_resources", "resources"]

Resource = dict[str, Any]

_HL7 = "http://terminology.hl7.org/CodeSystem"
_UCUM = "http://unitsofmeasure.org"
_LOINC = "http://loinc.org"


def resources(encounter: Encounter) -> list[Resource]:
    """The chart when it is opened, as its EHR holds it. A leak is the truth as a coded answer of a
    form: no condition of the patient, so that it was not known, and in the prompt all the same."""
    made = [_patient(encounter), _visit(encounter), _weight(encounter)]
    rule = encounter.complaint.rule
    more = rule.findings if rule is not None and encounter.rule_fires else ()
    signs = (*encounter.complaint.signs, *more)
    made += [_sign(encounter, number, each) for number, each in enumerate(signs)]
    made += [_known(encounter, code) for code in encounter.patient.known]
    made += [
        _refuted(encounter, number, each.said.says)
        for number, each in enumerate(encounter.listed)
        if each.refuted
    ]
    if encounter.leaks:
        made.append(_form(encounter))
    return made


def later_resources(encounter: Encounter) -> list[Resource]:
    """What changed once the truth was written down: the visit is finished and has it as its
    diagnosis, beside what the patient has had for years."""
    if encounter.charted is None:
        return [_visit(encounter, ended=encounter.asked + timedelta(days=1))]
    id_ = f"{encounter.id}-diagnosis"
    found = _condition(encounter, id_, encounter.truth.code, encounter.truth.says)
    found["recordedDate"] = _instant(encounter.charted)
    found["onsetDateTime"] = _instant(encounter.asked)
    visit = _visit(encounter, ended=encounter.charted)
    named = [id_, *(_known_id(encounter, code) for code in encounter.patient.known)]
    use = {"coding": [{"system": f"{_HL7}/diagnosis-role", "code": "DD"}]}
    visit["diagnosis"] = [{"condition": {"reference": f"Condition/{i}"}, "use": use} for i in named]
    return [found, visit]


def _patient(encounter: Encounter) -> Resource:
    # Born half a year before a birthday, so that nobody's age changes within the trial's days.
    born = encounter.asked.replace(month=1, day=1).date()
    year = born.year - encounter.patient.age - (encounter.asked.month <= 6)
    return {
        "resourceType": "Patient",
        "id": encounter.patient.id,
        "gender": encounter.patient.sex,
        "birthDate": f"{year}-{'07' if encounter.asked.month <= 6 else '01'}-01",
    }


def _visit(encounter: Encounter, ended: datetime | None = None) -> Resource:
    end = {"end": _instant(ended)} if ended else {}
    return {
        "resourceType": "Encounter",
        "id": encounter.id,
        "status": "finished" if ended else "in-progress",
        "class": {"system": f"{_HL7}/v3-ActCode", "code": "EMER"},
        "subject": _subject(encounter),
        "period": {"start": _instant(encounter.asked - timedelta(minutes=30)), **end},
        "reasonCode": [{"text": encounter.complaint.reason}],
    }


def _weight(encounter: Encounter) -> Resource:
    quantity = {"value": encounter.weight_kg, "unit": "kg", "system": _UCUM, "code": "kg"}
    return {
        **_observation(encounter, "weight", "vital-signs"),
        "code": {"coding": [{"system": _LOINC, "code": "29463-7"}], "text": "Body weight"},
        "valueQuantity": quantity,
    }


def _sign(encounter: Encounter, number: int, text: str) -> Resource:
    """What triage wrote down: a symptom in words."""
    made = _condition(encounter, f"{encounter.id}-sign{number}", "", text)
    return {**made, "recordedDate": _instant(encounter.asked - timedelta(minutes=20))}


def _form(encounter: Encounter) -> Resource:
    coding = {"system": ICD_10_CM, "code": encounter.truth.code}
    return {
        **_observation(encounter, "form", "vital-signs"),
        "code": {"coding": [coding], "text": "Protocol of triage"},
        "valueString": encounter.truth.says,
    }


def _observation(encounter: Encounter, name: str, category: str) -> Resource:
    return {
        "resourceType": "Observation",
        "id": f"{encounter.id}-{name}",
        "status": "final",
        "category": [{"coding": [{"system": f"{_HL7}/observation-category", "code": category}]}],
        "subject": _subject(encounter),
        "encounter": {"reference": f"Encounter/{encounter.id}"},
        "effectiveDateTime": _instant(encounter.asked - timedelta(minutes=20)),
    }


def _known_id(encounter: Encounter, code: str) -> str:
    return f"{encounter.patient.id}-{code.replace('.', '')}"


def _known(encounter: Encounter, code: str) -> Resource:
    years = timedelta(days=365 * 3)
    made = _condition(encounter, _known_id(encounter, code), code, KNOWN[code], "problem-list-item")
    made.pop("encounter")
    since = _instant((encounter.asked - years).replace(month=1, day=1, hour=9, minute=0, second=0))
    return {**made, "onsetDateTime": since, "recordedDate": since}


def _refuted(encounter: Encounter, number: int, text: str) -> Resource:
    """In words alone, so that no code of it is in the chart."""
    made = _condition(encounter, f"{encounter.id}-refuted{number}", "", text)
    made.pop("clinicalStatus")
    made["verificationStatus"] = _status("ver-status", "refuted")
    return {**made, "recordedDate": _instant(encounter.asked - timedelta(minutes=10))}


def _condition(
    encounter: Encounter, id_: str, code: str, text: str, category: str = "encounter-diagnosis"
) -> Resource:
    coding = {"coding": [{"system": ICD_10_CM, "code": code}]} if code else {}
    return {
        "resourceType": "Condition",
        "id": id_,
        "category": [_status("category", category)],
        "clinicalStatus": _status("clinical", "active"),
        "verificationStatus": _status("ver-status", "confirmed"),
        "code": {**coding, "text": text},
        "subject": _subject(encounter),
        "encounter": {"reference": f"Encounter/{encounter.id}"},
    }


def _status(kind: str, code: str) -> Resource:
    return {"coding": [{"system": f"{_HL7}/condition-{kind}", "code": code}]}


def _subject(encounter: Encounter) -> Resource:
    return {"reference": f"Patient/{encounter.patient.id}"}


def _instant(when: datetime) -> str:
    return when.isoformat(timespec="milliseconds")
