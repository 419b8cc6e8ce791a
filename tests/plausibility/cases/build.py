"""A case as FHIR R4 resources, in the several ways in which EHRs send the same thing.

Pure and the same each time: which way a symptom, a denial or a note takes follows from the id of
the case and its place. No interpretation code is sent: the mapper flags by the ranges.
"""

from __future__ import annotations

from collections.abc import Iterator
from zlib import crc32

from fhir_mapping import Chart, map_chart
from tests.plausibility.cases.load import Case
from tests.plausibility.cases.narrative import note
from tests.plausibility.cases.results import lab, result, social, vital_signs
from tests.plausibility.cases.statements import (
    ICD,
    NOW,
    PATIENT,
    RXNORM,
    SNOMED,
    Resource,
    Statement,
    at,
    born,
    concept,
    hl7,
    spread,
    subject,
)

__all__ = ["NOW", "PATIENT", "build", "chart_of"]

CLASSES = {"emergency": "EMER", "ambulatory": "AMB", "inpatient": "IMP"}
SAID = ("resolved", "inactive", "remission", "refuted", "suspected")
DELIVERY = ("deliver", "cesarean", "caesarean", "section", "birth", "forceps", "vacuum")


def build(case: Case) -> list[Resource]:
    """The resources of a case; ids are unique by type, the patient's is `PATIENT`."""
    ways = crc32(case.id.encode())
    made = [_patient(case), _encounter(case), *vital_signs(case)]
    made += [lab(row) for row in case.labs]
    made += [result(row) for row in case.results]
    made += [_symptom(text, ways + n) for n, text in enumerate(case.symptoms)]
    made += [_denied(text, ways + n) for n, text in enumerate(case.denied)]
    made += [_problem(text) for text in case.problems]
    made += [_medication(text) for text in case.medications]
    made += [_procedure(text) for text in case.procedures]
    made += [_allergy(text) for text in case.allergies]
    made += [_relative(text) for text in case.family]
    made += [social(text) for text in case.social]
    made += [_immunization(text) for text in case.immunizations]
    made += _pregnancy(case)
    if case.note:
        made.append(note(case.note, case.encounter, ways))
    return [
        {"id": f"r{n}", **resource, **subject(resource["resourceType"])}
        for n, resource in enumerate(made)
    ]


def chart_of(case: Case) -> Chart:
    """The case as the mapper reads it, at the time of the visit."""
    return map_chart(build(case), patient_id=PATIENT, now=NOW, fhir_version="R4")


def _patient(case: Case) -> Resource:
    name = {"use": "official", "family": "Quillfeather", "given": ["Ashby"]}
    return {
        "resourceType": "Patient", "id": PATIENT, "active": True, "gender": case.sex,
        "birthDate": born(case.age), "name": [name],
    }  # fmt: skip


def _encounter(case: Case) -> Resource:
    kind = {"system": hl7("v3-ActCode"), "code": CLASSES[case.encounter]}
    return {
        "resourceType": "Encounter", "status": "in-progress", "class": kind,
        "period": {"start": at("-1 h")}, "reasonCode": [{"text": case.reason}],
    }  # fmt: skip


def _symptom(text: str, way: int) -> Resource:
    """An Observation that is present, a question answered, or the diagnosis of the visit."""
    said = Statement.read(text)
    what = concept(SNOMED, said.code, said.text)
    if way % 3 == 0:
        return _condition(what, "encounter-diagnosis", "active", "confirmed", "-2 h")
    if way % 3 == 1:
        return _finding(what, valueCodeableConcept=concept(SNOMED, "52101004", "Present"))
    return _finding(what, valueBoolean=True)


def _denied(text: str, way: int) -> Resource:
    """An Observation that is absent, a question answered with no, or a refuted Condition."""
    said = Statement.read(text)
    what = concept(SNOMED, said.code, said.text)
    if way % 3 == 0:
        return _finding(what, valueCodeableConcept=concept(SNOMED, "2667000", "Absent"))
    if way % 3 == 1:
        return _finding(what, valueBoolean=False)
    return _condition(what, "encounter-diagnosis", "", "refuted", "-1 h")


def _finding(what: Resource, **value: object) -> Resource:
    return {
        "resourceType": "Observation", "status": "final", "code": what,
        "category": [concept(hl7("observation-category"), "exam", "")],
        "effectiveDateTime": at("-30 min"), **value,
    }  # fmt: skip


def _problem(text: str) -> Resource:
    said = Statement.read(text, SAID)
    system = ICD if said.system == "ICD" else SNOMED
    what = concept(system, said.code, said.text)
    verified = {"refuted": "refuted", "suspected": "unconfirmed"}.get(said.status, "confirmed")
    over = said.status in ("resolved", "inactive", "remission")
    clinical = said.status if over else "" if verified == "refuted" else "active"
    return _condition(what, "problem-list-item", clinical, verified, said.ago)


def _condition(what: Resource, kind: str, clinical: str, verified: str, since: str) -> Resource:
    made: Resource = {
        "resourceType": "Condition", "code": what,
        "category": [concept(hl7("condition-category"), kind, "")],
        "verificationStatus": concept(hl7("condition-ver-status"), verified, ""),
    }  # fmt: skip
    if clinical:
        made["clinicalStatus"] = concept(hl7("condition-clinical"), clinical, "")
    if since:
        made["onsetDateTime"] = at(since)
    return made


def _medication(text: str) -> Resource:
    """An order of the drug; the words behind the strength are its instruction."""
    said = Statement.read(text, ("stopped", "on-hold"))
    drug, dose = spread(said.text)
    return {
        "resourceType": "MedicationRequest", "status": said.status or "active", "intent": "order",
        "medicationCodeableConcept": concept(RXNORM, said.code, drug),
        "authoredOn": at(said.ago or "-90 d"),
        **({"dosageInstruction": [{"text": dose}]} if dose else {}),
    }  # fmt: skip


def _procedure(text: str) -> Resource:
    said = Statement.read(text)
    return {
        "resourceType": "Procedure", "status": "completed",
        "code": concept(SNOMED, said.code, said.text),
        **({"performedDateTime": at(said.ago)} if said.ago else {}),
    }  # fmt: skip


def _allergy(text: str) -> Resource:
    said = Statement.read(text)
    return {
        "resourceType": "AllergyIntolerance", "code": concept(SNOMED, said.code, said.text),
        "clinicalStatus": concept(hl7("allergyintolerance-clinical"), "active", ""),
        "verificationStatus": concept(hl7("allergyintolerance-verification"), "confirmed", ""),
    }  # fmt: skip


def _relative(text: str) -> Resource:
    who, _, disease = text.partition(": ")
    return {
        "resourceType": "FamilyMemberHistory", "status": "completed",
        "relationship": {"text": who}, "condition": [{"code": {"text": disease}}],
    }  # fmt: skip


def _immunization(text: str) -> Resource:
    said = Statement.read(text)
    return {
        "resourceType": "Immunization", "status": "completed",
        "vaccineCode": {"text": said.text}, "occurrenceDateTime": at(said.ago or "-1 y"),
    }  # fmt: skip


def _pregnancy(case: Case) -> Iterator[Resource]:
    """The pregnancy status, and the gestational age or the delivery that it goes with."""
    if not case.pregnant:
        return
    after = case.pregnant.startswith("postpartum")
    value = ("86569001", "Postpartum state") if after else ("77386006", "Pregnant")
    yield {
        "resourceType": "Observation", "status": "final", "effectiveDateTime": at("-1 h"),
        "category": [concept(hl7("observation-category"), "social-history", "")],
        "code": concept("http://loinc.org", "82810-3", "Pregnancy status"),
        "valueCodeableConcept": concept(SNOMED, *value),
    }  # fmt: skip
    if not after:
        weeks = {"value": int(case.pregnant.split()[0]), "unit": "wk", "code": "wk",
                 "system": "http://unitsofmeasure.org"}  # fmt: skip
        yield {
            "resourceType": "Observation", "status": "final", "effectiveDateTime": at("-1 h"),
            "category": [concept(hl7("observation-category"), "exam", "")],
            "code": concept("http://loinc.org", "18185-9", "Gestational age"),
            "valueQuantity": weeks,
        }  # fmt: skip
    elif not any(word in p.lower() for p in case.procedures for word in DELIVERY):
        ago = case.pregnant.removeprefix("postpartum ")
        yield _procedure(f"SNOMED 177184002 Normal delivery @ -{ago}")
