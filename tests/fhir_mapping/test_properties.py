"""Whatever comes in, nothing raises, nothing is lost, and order does not matter."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from fhir_mapping import Chart, Fact, MappingError, map_chart
from fhir_mapping.priority import must_keep, priority

NOW = datetime(2024, 6, 15, 12, tzinfo=UTC)
OWNER = {"reference": "Patient/p1"}

_TYPES = [
    "AllergyIntolerance",
    "AdverseEvent",
    "Binary",
    "Bundle",
    "CarePlan",
    "ClinicalImpression",
    "Composition",
    "Condition",
    "Device",
    "DeviceUseStatement",
    "DiagnosticReport",
    "DocumentReference",
    "Encounter",
    "FamilyMemberHistory",
    "Flag",
    "Goal",
    "ImagingStudy",
    "Immunization",
    "List",
    "Medication",
    "MedicationAdministration",
    "MedicationDispense",
    "MedicationRequest",
    "MedicationStatement",
    "Observation",
    "Patient",
    "Procedure",
    "QuestionnaireResponse",
    "RiskAssessment",
    "ServiceRequest",
    "Specimen",
    "Claim",
    "Zork",
]

_ELEMENTS = [
    "status",
    "clinicalStatus",
    "verificationStatus",
    "code",
    "category",
    "type",
    "class",
    "period",
    "actualPeriod",
    "effectiveDateTime",
    "effectivePeriod",
    "issued",
    "date",
    "authoredOn",
    "valueQuantity",
    "valueString",
    "valueCodeableConcept",
    "valueBoolean",
    "valueRange",
    "valueRatio",
    "valueSampledData",
    "valueDateTime",
    "valueInteger",
    "valueTime",
    "component",
    "hasMember",
    "interpretation",
    "referenceRange",
    "dataAbsentReason",
    "note",
    "comment",
    "subject",
    "patient",
    "medication",
    "medicationCodeableConcept",
    "medicationReference",
    "dosageInstruction",
    "dosage",
    "reaction",
    "criticality",
    "onsetDateTime",
    "abatementDateTime",
    "abatementString",
    "severity",
    "reasonCode",
    "reason",
    "reasonReference",
    "content",
    "attachment",
    "section",
    "conclusion",
    "conclusionCode",
    "presentedForm",
    "result",
    "condition",
    "relationship",
    "vaccineCode",
    "occurrenceDateTime",
    "performedDateTime",
    "bodySite",
    "item",
    "answer",
    "contained",
    "text",
    "extension",
    "modifierExtension",
    "activity",
    "description",
    "summary",
    "finding",
    "birthDate",
    "gender",
    "name",
    "identifier",
    "telecom",
    "address",
    "partOf",
    "hospitalization",
    "admission",
    "length",
    "identifier",
    "taken",
    "notGiven",
    "doNotPerform",
    "intent",
    "device",
    "udiCarrier",
    "protocolApplied",
    "participant",
    "diagnosis",
    "evidence",
    "stage",
    "recordedDate",
    "meta",
    "entry",
]

_KEYS = st.sampled_from(
    [
        "coding",
        "code",
        "system",
        "display",
        "text",
        "value",
        "unit",
        "comparator",
        "reference",
        "low",
        "high",
        "start",
        "end",
        "type",
        "appliesTo",
        "age",
        "concept",
        "url",
        "contentType",
        "data",
        "repeat",
        "event",
        "timing",
        "doseQuantity",
        "doseAndRate",
        "title",
        "div",
        "item",
        "answer",
        "linkId",
        "valueString",
        "valueQuantity",
        "valueBoolean",
        "manifestation",
        "substance",
        "numerator",
        "denominator",
        "resource",
        "id",
        "contained",
        "origin",
        "period",
        "boundsPeriod",
    ]
)
_SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(10**6), 10**20)
    | st.floats(allow_nan=True, allow_infinity=True)
    | st.text(max_size=12)
    | st.sampled_from(
        [
            "Patient/p1",
            "#c",
            "urn:uuid:x",
            "http://loinc.org",
            "8480-6",
            "8462-4",
            "final",
            "active",
            "2024-06-15T10:00:00Z",
            "2024",
            "text/plain",
            "aGVsbG8=",
            "mm[Hg]",
            "http://unitsofmeasure.org",
            "N",
            "<5",
            "laboratory",
            "in-progress",
            "application/pdf",
            "text/html",
            "text/rtf",
        ]
    )
)
JSON = st.recursive(
    _SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_KEYS, inner, max_size=4),
    max_leaves=14,
)


@st.composite
def resources(draw: st.DrawFn) -> Any:
    kind = draw(st.sampled_from(_TYPES))
    elements = draw(st.dictionaries(st.sampled_from(_ELEMENTS), JSON, max_size=7))
    made: dict[str, Any] = {"resourceType": kind, **elements}
    if draw(st.booleans()):
        made["id"] = draw(st.sampled_from(["a", "b", "c", "p1"]) | JSON)
    if draw(st.integers(0, 3)):
        made["subject"] = OWNER
        made["patient"] = OWNER
    return made


def _charted(given_resources: Any) -> Chart | None:
    try:
        return map_chart(given_resources, patient_id="p1", now=NOW, fhir_version="R4")
    except MappingError:
        return None


def _accounted(chart: Chart) -> set[str]:
    told = {source for fact in chart.facts for source in fact.sources}
    return told | {omission.what for omission in chart.omissions}


def _expected(given_resources: Any) -> set[str]:
    found = set()
    for one in given_resources:
        if isinstance(one, dict) and isinstance(one.get("id"), str) and one["id"].strip():
            kind = one["resourceType"]
            if kind != "Bundle":
                found.add(f"{kind}/{one['id'].strip()}")
    return found


@given(st.lists(resources() | JSON, max_size=6))
def test_any_json_is_accounted_for(found: list[Any]) -> None:
    shaped = [r for r in found if isinstance(r, dict) and isinstance(r.get("resourceType"), str)]
    chart = _charted(found)
    assert chart is not None
    assert _expected(shaped) <= _accounted(chart)
    assert "unreadable" not in {omission.reason for omission in chart.omissions}
    for fact in chart.facts:
        assert fact.text
        assert len(fact.text) <= 1200
        assert fact.text.isprintable()
        assert isinstance(must_keep(fact, chart), bool)


@given(st.lists(resources(), max_size=6), st.randoms(use_true_random=False))
def test_order_does_not_matter_and_twice_is_equal(found: list[Any], random: Any) -> None:
    shuffled = list(found)
    random.shuffle(shuffled)
    one, other = _charted(found), _charted(shuffled)
    assert one == _charted(found)
    assert one is not None
    assert other is not None
    assert repr(one.facts) == repr(other.facts)
    assert sorted(map(repr, one.omissions)) == sorted(map(repr, other.omissions))


def _good(n: int) -> dict[str, Any]:
    return {
        "resourceType": "Observation",
        "id": f"good{n}",
        "status": "final",
        "subject": OWNER,
        "category": [{"coding": [{"code": "laboratory"}]}],
        "code": {"coding": [{"system": "http://loinc.org", "code": f"{n}-0", "display": f"T{n}"}]},
        "effectiveDateTime": "2024-06-14T12:00:00Z",
        "valueQuantity": {"value": n + 0.5, "unit": "mg/dL"},
        "referenceRange": [{"low": {"value": 1}, "high": {"value": 2}}],
    }


def _unnumbered(facts: tuple[Fact, ...]) -> list[Fact]:
    return [replace(fact, id="") for fact in facts]


@given(st.lists(resources(), max_size=4))
def test_a_broken_neighbour_costs_no_good_resource(found: list[Any]) -> None:
    neighbours = [r for r in found if not str(r.get("id")).startswith("good")]
    good = [_good(n) for n in range(3)]
    chart = _charted([*neighbours, *good])
    alone = _charted(good)
    assert chart is not None
    assert alone is not None
    wanted = _unnumbered(alone.facts)
    assert [f for f in _unnumbered(chart.facts) if f.sources[0].startswith("Observation/good")] == (
        wanted
    )


@given(st.lists(resources(), max_size=6))
def test_the_priority_is_a_total_order(found: list[Any]) -> None:
    chart = _charted(found)
    assert chart is not None
    keys = [priority(fact, chart) for fact in chart.facts]
    assert len(set(keys)) == len(keys)


def test_a_late_resource_gets_the_last_number(
    lab: Callable[..., Any], chart_of: Callable[..., Chart], ago: Callable[[float], str]
) -> None:
    before = chart_of(
        lab("o1", "2160-0", "Creatinine", 1.1, "mg/dL", ago(9)),
        lab("o2", "2951-2", "Sodium", 139, "mmol/L", ago(8)),
    )
    after = chart_of(
        lab("o1", "2160-0", "Creatinine", 1.1, "mg/dL", ago(9)),
        lab("o2", "2951-2", "Sodium", 139, "mmol/L", ago(8)),
        lab("o0", "2823-3", "Potassium", 4.1, "mmol/L", ago(1)),
    )
    assert after.facts[:2] == before.facts
    assert after.facts[2].id == "L3"
