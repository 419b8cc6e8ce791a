"""The facts, diagnoses and findings of a hand-made consultation."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from cds_hooks.consultation import (
    Assessment,
    ChartFinding,
    Evidence,
    Group,
    KeyState,
    Reason,
    Seriousness,
    Verdict,
)
from fhir_mapping.chart import (
    Chart,
    Code,
    Fact,
    Flag,
    Kind,
    Omission,
    PatientFacts,
    Polarity,
    QualityNote,
)

ICD = "http://hl7.org/fhir/sid/icd-10-cm"
MESH = "http://id.nlm.nih.gov/mesh"

FACTS = (
    Fact("P1", Kind.PROBLEM, "Essential hypertension", days_ago=2900.0, status="active"),
    Fact("P2", Kind.PROBLEM, "Addison disease", polarity=Polarity.REFUTED, days_ago=400.0),
    Fact("P3", Kind.PROBLEM, "Adrenal insufficiency (Addison)", days_ago=30.0, status="active"),
    Fact(
        "M1", Kind.MEDICATION, "Ibuprofen 600 mg three times daily", days_ago=9.2, status="active"
    ),
    Fact("M2", Kind.MEDICATION, "Lisinopril 20 mg daily", days_ago=700.0, status="active"),
    Fact("L1", Kind.LAB, "Creatinine 0.9 mg/dL (0.6-1.2)", flag=Flag.NORMAL, days_ago=120.0),
    Fact("L2", Kind.LAB, "Creatinine 1.8 mg/dL (0.6-1.2)", flag=Flag.HIGH, days_ago=0.1),
    Fact("L3", Kind.LAB, "Potassium 6.4 mmol/L (3.5-5.1)", flag=Flag.CRITICAL_HIGH, days_ago=0.1),
    Fact("L4", Kind.LAB, "Sodium 139 mmol/L (135-145)", flag=Flag.NORMAL, days_ago=0.1),
    Fact("L5", Kind.LAB, "Troponin I <5 ng/L (<16)", flag=Flag.NORMAL, days_ago=0.08),
    Fact("V1", Kind.VITAL, "Heart rate 112 /min", flag=Flag.HIGH, days_ago=0.13),
    Fact("S1", Kind.COMPLAINT, "Nausea, muscle weakness and little urine for 3 days", days_ago=0.1),
)

CHART = Chart(
    PatientFacts(61.4, "female"),
    FACTS,
    omissions=(
        Omission("Observation/o9", "entered-in-error"),
        Omission("Media/m1", "unsupported-type"),
        Omission("Media/m2", "unsupported-type"),
    ),
    quality=(QualityNote("Observation/o1.effectiveDateTime", "no-timezone", "has no timezone"),),
)

ASSESSMENTS = (
    Assessment(
        "Acute kidney injury",
        Group.LIKELY,
        Verdict.SUPPORTED,
        codes=(
            Code(MESH, "D058186", "Acute Kidney Injury"),
            Code(ICD, "N17.9", "Acute kidney failure, unspecified"),
        ),
        reasons=(
            Reason(
                "evidence-direction",
                "pass",
                "the chart says what is claimed: L2 high, L3 high",
                ("L2", "L3"),
            ),
        ),
        evidence_for=(Evidence("L2", "high"), Evidence("L3", "high"), Evidence("M1", "present")),
        evidence_against=(Evidence("L4", "normal"),),
        discriminator="Order a fractional excretion of sodium",
        agreement=1.0,
    ),
    Assessment(
        "Hyperkalemia",
        Group.LIKELY,
        Verdict.PLAUSIBLE,
        codes=(Code(ICD, "E87.5", "Hyperkalemia"),),
        evidence_for=(Evidence("L3", "high"), Evidence("S1", "present")),
        discriminator="12-lead ECG with peaked T waves",
        agreement=2 / 3,
    ),
    Assessment(
        "Essential hypertension",
        Group.LIKELY,
        Verdict.RECORDED,
        codes=(Code(ICD, "I10", "Essential (primary) hypertension"),),
        evidence_for=(Evidence("P1", "present"),),
        agreement=1 / 3,
    ),
    Assessment(
        "Acute myocardial infarction",
        Group.MUST_NOT_MISS,
        Verdict.UNCERTAIN,
        codes=(Code(ICD, "I21.9", "Acute myocardial infarction, unspecified"),),
        reasons=(
            Reason(
                "evidence-direction",
                "fail",
                "claimed, but the chart says otherwise: L5 high",
                ("L5",),
            ),
            Reason("recorded-sex", "abstain"),
        ),
        evidence_for=(Evidence("V1", "high"), Evidence("L5", "high")),
        evidence_against=(Evidence("L4", "normal"),),
        discriminator="serial troponin and ECG",
        agreement=1 / 3,
    ),
    Assessment(
        "Ectopic pregnancy",
        Group.MUST_NOT_MISS,
        Verdict.CONTRADICTED,
        codes=(
            Code(ICD, "O00.90", "Unspecified ectopic pregnancy without intrauterine pregnancy"),
        ),
        reasons=(
            Reason(
                "recorded-age",
                "fail",
                "Maternity diagnoses; recorded age: 61 years old",
                (),
                "ICD-10-CM code edits",
            ),
        ),
        evidence_for=(Evidence("S1", "present"),),
        agreement=1 / 3,
    ),
    Assessment(
        "Renal flux syndrome",
        Group.LIKELY,
        Verdict.UNRECOGNISED,
        reasons=(Reason("name-recognised", "fail", "not found in ICD-10-CM or MeSH"),),
        evidence_for=(Evidence("L2", "high"),),
        agreement=1 / 3,
    ),
)

CONTRADICTIONS = (
    Reason(
        "active-and-refuted",
        "fail",
        "the same problem is recorded as active and as refuted",
        ("P2", "P3"),
        "FHIR Condition.clinicalStatus and verificationStatus",
    ),
)

KEYS: Mapping[str, KeyState] = MappingProxyType(
    {
        "patient": KeyState.PREFETCHED,
        "problems": KeyState.PREFETCHED,
        "laboratory": KeyState.FETCHED,
        "documents": KeyState.UNAVAILABLE,
        "medicationStatements": KeyState.UNAVAILABLE,
        "vitals": KeyState.PARTIAL,
        "familyHistory": KeyState.EMPTY,
        "immunizations": KeyState.EMPTY,
    }
)

SHA = "0123456789abcdef" * 4

HYPERKALEMIA = ChartFinding(
    rule="severe-hyperkalemia",
    diagnosis="Severe hyperkalemia",
    seriousness=Seriousness.CRITICAL,
    told=("Potassium 6.4 mmol/L",),
    fact_ids=("L3",),
    source="Clase CM et al. Kidney Int 2020;97:42-61",
)
EMBOLISM = ChartFinding(
    rule="pulmonary-embolism",
    diagnosis="Pulmonary embolism",
    seriousness=Seriousness.SERIOUS,
    told=("SpO2 90 %", "D-dimer 3.8 mg/L", "knee replacement 11 d ago"),
    fact_ids=("V1",),
    source="Konstantinides SV et al. Eur Heart J 2020;41:543-603",
    score="Wells 7.5, likely above 4",
    missing=("hemoptysis",),
    own="the count of findings",
)
