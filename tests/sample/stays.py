"""Six emergency patients whose inpatient stay tells the diagnosis: bundles and their labels.

The complaints are words of `cds_hooks/evaluation/research/clinosim.toml`, which has another wording
of each; results and their ranges are ours, typical of the disease.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator
from typing import NamedTuple

from tests.sample.resources import (
    CATEGORY,
    ICD,
    LOINC,
    RXNORM,
    SNOMED,
    Resource,
    code,
    coded,
    condition,
    lab,
    medication,
    note,
    patient,
    quantity,
    stay,
    transaction,
    vital,
)  # fmt: skip

__all__ = ["LABELS", "bundles"]


class Stay(NamedTuple):
    """`problem` and `truth`: ICD-10-CM code and words; `labs`: keys of LABS with their value."""

    born: str
    gender: str
    complaint: str
    problem: tuple[str, str]
    truth: tuple[str, str]
    heart_rate: int
    labs: dict[str, float]


class Lab(NamedTuple):
    loinc: str
    display: str
    unit: str
    low: float
    high: float


LABS = {
    "wbc": Lab("6690-2", "Leukocytes [#/volume] in Blood", "10*3/uL", 4.0, 11.0),
    "crp": Lab("1988-5", "C reactive protein [Mass/volume] in Serum", "mg/L", 0.0, 5.0),
    "lactate": Lab("2524-7", "Lactate [Moles/volume] in Serum", "mmol/L", 0.5, 2.0),
    "d-dimer": Lab("48065-7", "Fibrin D-dimer FEU [Mass/volume]", "ug/mL", 0.0, 0.5),
    "troponin": Lab("67151-1", "Troponin T.cardiac by high sensitivity", "ng/L", 0.0, 14.0),
    "glucose": Lab("2345-7", "Glucose [Mass/volume] in Serum", "mg/dL", 70.0, 99.0),
    "bicarbonate": Lab("1963-8", "Bicarbonate [Moles/volume] in Serum", "mmol/L", 22.0, 29.0),
    "potassium": Lab("2823-3", "Potassium [Moles/volume] in Serum", "mmol/L", 3.5, 5.1),
    "nt-probnp": Lab("33762-6", "NT-proBNP [Mass/volume] in Serum", "pg/mL", 0.0, 125.0),
    "creatinine": Lab("2160-0", "Creatinine [Mass/volume] in Serum", "mg/dL", 0.6, 1.2),
}
STAYS = {
    "sepsis": Stay("1949-05-02", "female", "Fever, altered mental status, hypotension",
        ("N18.9", "Chronic kidney disease, unspecified"), ("A41.9", "Sepsis, unspecified organism"),
        124, {"wbc": 19.4, "crp": 212.0, "lactate": 4.6, "creatinine": 2.3, "potassium": 4.4}),
    "pulmonary_embolism": Stay("1971-11-19", "male",
        "Acute dyspnea, pleuritic chest pain, tachycardia",
        ("E66.9", "Obesity, unspecified"), ("I26.99", "Other pulmonary embolism"),
        118, {"d-dimer": 3.9, "troponin": 31.0, "wbc": 9.2, "creatinine": 0.9}),
    "acute_appendicitis": Stay("1998-02-08", "male", "Right lower quadrant pain, nausea, fever",
        ("J45.909", "Unspecified asthma, uncomplicated"), ("K35.80", "Unspecified appendicitis"),
        96, {"wbc": 15.8, "crp": 61.0, "creatinine": 0.8}),
    "diabetic_ketoacidosis": Stay("2001-07-30", "female",
        "Nausea, vomiting, abdominal pain, polyuria, altered consciousness",
        ("F41.9", "Anxiety disorder, unspecified"),
        ("E10.10", "Type 1 diabetes mellitus with ketoacidosis without coma"),
        121, {"glucose": 512.0, "bicarbonate": 9.0, "potassium": 5.6, "wbc": 13.1}),
    "heart_failure_exacerbation": Stay("1941-09-14", "male",
        "Dyspnea on exertion, orthopnea, lower extremity edema",
        ("I10", "Essential (primary) hypertension"), ("I50.9", "Heart failure, unspecified"),
        104, {"nt-probnp": 6200.0, "creatinine": 1.6, "potassium": 4.9}),
    "bacterial_pneumonia": Stay("1966-12-27", "female", "Fever, cough, dyspnea",
        ("E78.5", "Hyperlipidemia, unspecified"),
        ("J15.9", "Unspecified bacterial pneumonia"),
        109, {"wbc": 17.2, "crp": 148.0, "lactate": 1.4}),
}  # fmt: skip
NAMES = (("Sampleman", "Ada"), ("Testerly", "Bruno"), ("Mockford", "Carlo"),
         ("Fakenham", "Delia"), ("Inventson", "Egon"), ("Fixtureby", "Frida"))  # fmt: skip
LABELS = {
    name: {"patient": f"stay-{at}", "kind": "disease", "severity": "moderate"}
    for at, name in enumerate(STAYS, start=1)
}


def bundles() -> Iterator[tuple[str, Resource]]:
    """Each case by name with its bundle: the emergency visit, then the stay that tells."""
    for (name, told), who in zip(STAYS.items(), NAMES, strict=True):
        yield name, transaction(*_resources(LABELS[name]["patient"], told, who))


def _resources(patient_id: str, told: Stay, who: tuple[str, str]) -> Iterator[Resource]:
    owner = f"Patient/{patient_id}"
    inside = {"encounter": {"reference": f"Encounter/{patient_id}-in"}}
    yield patient(patient_id, told.gender, told.born, *who)
    yield stay(owner, f"{patient_id}-er", "EMER", "finished", {"text": told.complaint},
               start="2024-06-15T10:00:00Z", end="2024-06-15T12:00:00Z")  # fmt: skip
    yield stay(owner, f"{patient_id}-in", "IMP", "in-progress", code(ICD, *told.truth),
               start="2024-06-15T12:00:00Z")  # fmt: skip
    yield condition(owner, f"{patient_id}-problem", code(ICD, *told.problem), "2015-03-01")
    yield condition(owner, f"{patient_id}-truth", code(ICD, *told.truth), "2024-06-15", **inside)
    yield vital(owner, f"{patient_id}-rate", code(LOINC, "8867-4", "Heart rate"),
                quantity(told.heart_rate, "/min"), "2024-06-15T10:10:00Z")  # fmt: skip
    for key, value in told.labs.items():
        yield _lab(owner, f"{patient_id}-{key}", key, value, "2024-06-15T10:40:00Z")
        better = round((value + LABS[key].high) / 2, 1)
        later = _lab(owner, f"{patient_id}-{key}-2", key, better, "2024-06-16T07:00:00Z")
        yield later | inside
    yield _habit(owner, f"{patient_id}-smoking")
    yield medication(owner, f"{patient_id}-drug", code(RXNORM, "161", "Acetaminophen"),
                     "2024-06-15", "1 g every 6 hours") | inside  # fmt: skip
    text = f"Admitted with {told.truth[1].lower()}."
    data = b64encode(text.encode()).decode()
    yield note(owner, f"{patient_id}-note", "Admission note", data, "2024-06-15T13:00:00Z")


def _lab(owner: str, name: str, key: str, value: float, at: str) -> Resource:
    kind = LABS[key]
    flag = "H" if value > kind.high else "L" if value < kind.low else ""
    what = code(LOINC, kind.loinc, kind.display)
    return lab(owner, name, what, quantity(value, kind.unit), at, (kind.low, kind.high), flag)


def _habit(owner: str, name: str) -> Resource:
    return {
        "resourceType": "Observation", "id": name, "status": "final",
        "category": [coded(CATEGORY, "social-history")],
        "code": code(LOINC, "72166-2", "Tobacco smoking status"), "subject": {"reference": owner},
        "effectiveDateTime": "2024-06-15T10:05:00Z",
        "valueCodeableConcept": code(SNOMED, "266919005", "Never smoked tobacco"),
    }  # fmt: skip
