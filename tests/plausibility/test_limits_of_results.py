"""Numbers and times in rules about results: below, on and beyond each limit.

The numbers are written by hand from what each rule says and cites, not read from the rule files.
"""

from __future__ import annotations

from typing import Any

import pytest

from cds_hooks.consultation import Evidence
from cds_hooks.plausibility import assess_chart
from cds_hooks.plausibility.chart.finding_index import FindingIndex, findings
from cds_hooks.plausibility.chart.indexed_chart import DiagnosisIdentity, index_chart
from cds_hooks.plausibility.chart.result_agreement import agrees
from cds_hooks.plausibility.chart.results_by_analyte import analytes
from cds_hooks.plausibility.checks.check import CheckedDiagnosis
from cds_hooks.plausibility.checks.evidence_age import EvidenceRecent, limit_days
from cds_hooks.plausibility.checks.results import (
    DefiningResult,
    ExpectedResult,
    NegativeTest,
)
from cds_hooks.plausibility.rules.diagnosis_rules import DiagnosisRule, ResultRule, result_rules
from cds_hooks.plausibility.rules.diagnosis_rules import test_rules as negative_test_rules
from cds_hooks.plausibility.rules.drugs import drug_conflicts
from cds_hooks.plausibility.terminology.resolution import (
    ICD_10_CM,
    MESH,
    Concept,
    MatchStatus,
    Resolution,
)
from fhir_mapping.chart import Chart, Code, Fact, Flag, Kind, PatientFacts, Polarity, Range

LOINC = "http://loinc.org"
RESULTS = {rule.id: rule for rule in result_rules()}
TESTS = {rule.id: rule for rule in negative_test_rules()}


def concept_of(rule: DiagnosisRule) -> Concept:
    """The first diagnosis of which a rule speaks."""
    if rule.codes:
        return Concept(ICD_10_CM, rule.codes[0], "")
    return Concept(MESH, min(rule.mesh), "")


def said(check: Any, rule: DiagnosisRule, *facts: Fact) -> list[str]:
    """What a check says of the rule's diagnosis by this rule, without a terminology."""
    found = Resolution("x", MatchStatus.EXACT, (concept_of(rule),), "x")
    indexed = index_chart(Chart(PatientFacts(40, "female"), facts), None)
    case = CheckedDiagnosis("x", found, DiagnosisIdentity(), (), (), indexed, None)  # type: ignore[arg-type]
    mine = (r for r in check(case) if r.source == rule.source and r.text.startswith(rule.reason))
    return [r.result for r in mine]


def measured(loinc: str, value: float | None, **rest: Any) -> Fact:
    told = {"kind": Kind.LAB, "text": f"Result {value}", "days_ago": 0.0, **rest}
    return Fact("L1", codes=(Code(LOINC, loinc, ""),), value=value, **told)


# Rule, LOINC, unit, the last value that fits the diagnosis, the first that does not.
VALUES = [
    ("advanced-ckd", "33914-3", "mL/min/{1.73_m2}", 59.9, 60.0),  # KDIGO: G3a is 45 to 59
    ("fever", "8310-5", "Cel", 38.0, 37.9),  # ours: the lowest of the published limits
    ("hypothermia", "8310-5", "Cel", 35.0, 35.1),  # WMS: a core temperature of 35 or lower
    ("tachycardia", "8867-4", "/min", 101, 100),  # ACC/AHA/HRS: above 100
    ("bradycardia", "8867-4", "/min", 49, 50),  # ACC/AHA/HRS 2018: below 50
    ("hypotension", "8480-6", "mm[Hg]", 89, 90),  # Vincent 2013: below 90
    ("hypertensive-crisis", "8480-6", "mm[Hg]", 181, 180),  # ACC/AHA: above 180
    ("preeclampsia", "8480-6", "mm[Hg]", 140, 139.9),  # ACOG: 140 or more
    ("hypoxemia", "59408-5", "%", 93, 94),  # BTS: the aim is 94 to 98
    ("obesity", "39156-5", "kg/m2", 30.0, 29.95),  # WHO: 30 or more
    ("underweight", "39156-5", "kg/m2", 18.4, 18.5),  # WHO: below 18.5
]


@pytest.mark.parametrize(("name", "loinc", "unit", "fits", "not_"), VALUES)
def test_the_value_on_the_limit(name: str, loinc: str, unit: str, fits: float, not_: float) -> None:
    rule = RESULTS[name]
    check = DefiningResult() if rule.contradicts else ExpectedResult()
    assert said(check, rule, measured(loinc, fits, unit=unit)) == ["pass"]
    assert said(check, rule, measured(loinc, not_, unit=unit)) == ["fail"]


def test_every_rule_with_a_value_is_in_the_table() -> None:
    with_value = {r.id for r in RESULTS.values() if not r.needs}
    assert with_value == {row[0] for row in VALUES}


# Days for which a result tells of the diagnosis: this service's own choice, no source sets them.
DAYS = {
    0.25: "hypoglycemia",
    1: "acute-liver-failure aortic-dissection bradycardia diabetic-ketoacidosis dic fever hellp"
    " hyperglycemia hyperkalemia hyperosmolar-state hypertensive-crisis hypokalemia hypotension"
    " hypothermia hypoxemia lactic-acidosis metabolic-acidosis metabolic-alkalosis"
    " myocardial-infarction respiratory-acidosis respiratory-alkalosis septic-shock tachycardia"
    " ttp",
    2: "acute-kidney-injury deep-vein-thrombosis heart-failure-bnp heart-failure-nt-probnp"
    " hyperammonemia hypernatremia hyponatremia pulmonary-embolism rhabdomyolysis tumor-lysis",
    3: "acute-pancreatitis hemolytic-uremic-syndrome hypercalcemia hypermagnesemia"
    " hyperphosphatemia hypocalcemia hypomagnesemia hypophosphatemia jaundice leukocytosis"
    " leukopenia neutropenia thrombocytopenia",
    7: "acute-viral-hepatitis adrenal-insufficiency anemia preeclampsia",
    14: "eosinophilia nephrotic-syndrome polycythemia thrombocythemia",
    30: "hemophilia hyperuricemia iron-deficiency",
    60: "b12-deficiency folate-deficiency hyperprolactinemia hyperthyroidism hypothyroidism"
    " primary-hyperparathyroidism",
    90: "advanced-ckd hemochromatosis vitamin-d-deficiency",
    365: "obesity underweight",
}
EACH = [(name, days) for days, names in DAYS.items() for name in names.split()]


@pytest.mark.parametrize(("name", "days"), EACH)
def test_a_result_counts_up_to_its_last_day(name: str, days: float) -> None:
    rule = RESULTS[name]
    check = DefiningResult() if rule.contradicts else ExpectedResult()
    loinc = min(analytes()[rule.analyte].loinc)
    unit = rule.unit or "mmol/L"
    elsewhere = {
        "flag": Flag.HIGH if rule.needs == "low" else Flag.LOW,
        "value": 0.0 if rule.above or rule.at_least else 999.0,
        "unit": unit,
    }
    for ago, wanted in ((days - 0.01, ["fail"]), (days, ["fail"]), (days + 0.01, [])):
        assert said(check, rule, measured(loinc, **elsewhere, days_ago=ago)) == wanted, ago


def test_every_result_rule_has_its_days_in_the_table() -> None:
    assert sorted(name for name, _ in EACH) == sorted(RESULTS)


# The same of specific tests that were negative.
TEST_DAYS = {
    "sars-cov-2": 3, "influenza": 3, "streptococcal-pharyngitis": 3, "c-difficile": 7,
    "pregnancy": 7, "hepatitis-b": 30, "hepatitis-c": 30, "h-pylori": 30, "syphilis": 30, "hiv": 90,
}  # fmt: skip


@pytest.mark.parametrize(("name", "days"), TEST_DAYS.items())
def test_a_negative_test_counts_up_to_its_last_day(name: str, days: float) -> None:
    rule = TESTS[name]
    loinc = min(analytes()[rule.analyte].loinc)

    def told(ago: float) -> list[str]:
        fact = measured(
            loinc, None, text="Test: not detected", days_ago=ago, polarity=Polarity.ABSENT
        )
        indexed = index_chart(Chart(PatientFacts(40, "female"), (fact,)), None)
        found = Resolution("x", MatchStatus.EXACT, (concept_of(rule),), "x")
        case = CheckedDiagnosis("x", found, DiagnosisIdentity(), (), (), indexed, None)  # type: ignore[arg-type]
        return [r.result for r in NegativeTest()(case) if r.source == rule.source]

    assert [told(days - 0.01), told(days), told(days + 0.01)] == [["fail"], ["fail"], []]


def test_every_test_rule_has_its_days_in_the_table() -> None:
    assert set(TEST_DAYS) == set(TESTS)


def rule_that_needs(needs: str = "", **limit: float) -> ResultRule:
    return ResultRule(
        id="x", codes=(), mesh=frozenset(), source="", analyte="x", within_days=1, needs=needs,
        **limit,  # type: ignore[arg-type]
    )  # fmt: skip


@pytest.mark.parametrize(
    ("limit", "text", "value", "answer"),
    [
        # One value of the series beyond the limit is enough; on the limit is not beyond it.
        ({"above": 100.0}, "Heart rate 90 -> 95 /min", 95.0, False),
        ({"above": 100.0}, "Heart rate 100 -> 95 /min", 95.0, False),
        ({"above": 100.0}, "Heart rate 101 -> 95 /min", 95.0, True),
        ({"above": 100.0}, "Heart rate 90 -> 95 /min, highest 101", 95.0, True),
        ({"above": 100.0}, "Heart rate 90 -> 101 /min", 101.0, True),
        ({"above": 100.0}, "Heart rate 100 /min", 100.0, False),
        ({"below": 60.0}, "Heart rate 90 -> 95 /min", 95.0, False),
        ({"below": 60.0}, "Heart rate 60 -> 95 /min", 95.0, False),
        ({"below": 60.0}, "Heart rate 59 -> 95 /min", 95.0, True),
        ({"below": 60.0}, "Heart rate 90 -> 95 /min, lowest 59", 95.0, True),
        ({"below": 60.0}, "Heart rate 90 -> 59 /min", 59.0, True),
        ({"below": 60.0}, "Heart rate 60 /min", 60.0, False),
        ({"below": 60.0}, "Heart rate not taken", None, None),
        ({"above": 100.0}, "Heart rate not taken", None, None),
        ({}, "Heart rate 60 /min", 60.0, None),
    ],
)
def test_a_limit_in_a_series(
    limit: dict[str, float], text: str, value: float | None, answer: bool | None
) -> None:
    assert agrees(rule_that_needs(**limit), Fact("V1", Kind.VITAL, text, value=value)) is answer


@pytest.mark.parametrize(
    ("needs", "text", "answer"),
    [
        ("high", "K 5.1 -> 4 mmol/L", True),
        ("high", "K 5 -> 4 mmol/L", False),
        ("high", "K 4.9 -> 4 mmol/L", False),
        ("high", "K 4.9 -> 4 mmol/L, highest 5.1", True),
        ("high", "K 3 -> 4 mmol/L", False),
        ("low", "K 3.4 -> 4 mmol/L", True),
        ("low", "K 3.5 -> 4 mmol/L", False),
        ("low", "K 3.6 -> 4 mmol/L", False),
        ("low", "K 3.6 -> 4 mmol/L, lowest 3.4", True),
        ("low", "K 6 -> 4 mmol/L", False),
    ],
)
def test_a_reference_range_and_a_series(needs: str, text: str, answer: bool) -> None:
    fact = Fact("L1", Kind.LAB, text, value=4.0, flag=Flag.NORMAL, range=Range(3.5, 5.0))
    assert agrees(rule_that_needs(needs), fact) is answer


@pytest.mark.parametrize(("needs", "limits"), [("high", Range(3.5, None)), ("low", Range(None, 5))])
def test_a_range_that_is_open_on_the_side_asked_for_tells_nothing(
    needs: str, limits: Range
) -> None:
    fact = Fact("L1", Kind.LAB, "K 6 -> 4", value=4.0, flag=Flag.NORMAL, range=limits)
    assert agrees(rule_that_needs(needs), fact) is None


def test_a_value_in_another_unit_is_not_compared() -> None:
    rule = RESULTS["hypothermia"]
    assert agrees(rule, measured("8310-5", 34.0, unit="Cel")) is True
    assert agrees(rule, measured("8310-5", 34.0, unit="[degF]")) is None


# Findings of the patterns: customary bedside limits of this service's own (data/findings.toml).
FINDINGS = [
    ("tachycardia", "8867-4", "/min", 101, 100),
    ("bradycardia", "8867-4", "/min", 49, 50),
    ("tachypnea", "9279-1", "/min", 22, 21),
    ("low-saturation", "59408-5", "%", 91, 92),
    ("hypotension", "8480-6", "mm[Hg]", 89, 90),
    ("severe-hypertension", "8480-6", "mm[Hg]", 180, 179),
    ("raised-pressure", "8480-6", "mm[Hg]", 140, 139),
    ("fever", "8310-5", "Cel", 38.0, 37.9),
    ("hypothermia", "8310-5", "Cel", 34.9, 35.0),
    ("hyperthermia", "8310-5", "Cel", 40.1, 40.0),
    ("glucose-high", "2345-7", "mg/dL", 201, 200),
    ("glucose-high-si", "14749-6", "mmol/L", 11.1, 11.0),
]
FINDING_DAYS = {
    2: "tachycardia bradycardia tachypnea low-saturation hypotension severe-hypertension fever"
    " hypothermia hyperthermia troponin-high lactate-high glucose-high glucose-high-si glucose-low"
    " bicarbonate-low",
    3: "leukocytes-high leukocytes-low bilirubin-high alt-high sodium-low potassium-high ck-high"
    " creatinine-high platelets-low hemoglobin-low neutrophils-low d-dimer-high",
    7: "raised-pressure",
    14: "crp-high esr-high",
    60: "tsh-low tsh-high",
}
FINDINGS_EACH = [(name, days) for days, names in FINDING_DAYS.items() for name in names.split()]


def seen(name: str, *facts: Fact) -> bool:
    return bool(
        FindingIndex(index_chart(Chart(PatientFacts(40, "female"), facts), None)).facts(name)
    )


@pytest.mark.parametrize(("name", "loinc", "unit", "tells", "not_"), FINDINGS)
def test_a_finding_on_its_limit(
    name: str, loinc: str, unit: str, tells: float, not_: float
) -> None:
    assert seen(name, measured(loinc, tells, unit=unit))
    assert not seen(name, measured(loinc, not_, unit=unit))


@pytest.mark.parametrize(("name", "days"), FINDINGS_EACH)
def test_a_finding_of_a_result_up_to_its_last_day(name: str, days: float) -> None:
    values = {row[0]: row for row in FINDINGS}
    rule = findings()[name].result
    assert rule is not None
    _, loinc, unit, value, _ = values.get(name, ("", min(analytes()[rule.analyte].loinc), "", 1, 0))
    flag = Flag.LOW if rule.needs == "low" else Flag.HIGH
    for ago, wanted in ((days - 0.01, True), (days, True), (days + 0.01, False)):
        fact = measured(loinc, float(value), unit=unit, flag=flag, days_ago=ago)
        assert seen(name, fact) is wanted, ago


def test_every_finding_with_a_limit_is_in_the_tables() -> None:
    results = {f.id: f.result for f in findings().values() if f.result}
    own = {name for name, _ in FINDINGS_EACH}
    assert own <= results.keys()
    generated = {n: r for n, r in results.items() if n not in own}
    assert all(n == f"{r.analyte}-{r.needs}" for n, r in generated.items())
    assert {r.within_days for r in generated.values()} == {3.0}
    assert {n for n, r in results.items() if not r.needs} == {row[0] for row in FINDINGS}
    assert {f.id for f in findings().values() if f.procedure} == {row[0] for row in PROCEDURES}


PROCEDURES = [
    ("recent-surgery", "Hip surgery", 28),
    ("recent-instrumentation", "Endoscopy", 7),
    ("recent-intubation", "Intubation", 14),
    ("recent-catheterization", "Coronary angiography", 30),
    ("recent-central-line", "Central venous catheter insertion", 30),
    ("recent-urinary-catheter", "Urinary catheterization", 14),
    ("recent-transfusion", "Transfusion of red cells", 30),
    ("recent-dialysis", "Hemodialysis", 14),
    ("recent-spinal-procedure", "Lumbar puncture", 14),
    ("recent-resuscitation", "Defibrillation", 7),
]


@pytest.mark.parametrize(("name", "text", "days"), PROCEDURES)
def test_an_operation_counts_up_to_its_last_day(name: str, text: str, days: float) -> None:
    rows = ((-1.01, False), (-1, True), (days, True), (days + 0.01, False))
    for ago, wanted in rows:
        done = Fact("X1", Kind.PROCEDURE, text, status="completed", days_ago=ago)
        assert seen(name, done) is wanted, ago


@pytest.mark.parametrize(
    ("ago", "counts"),
    [(-1.01, False), (-1, True), (0, True), (7, True), (7.01, False), (None, False)],
)
def test_a_note_tells_of_its_own_week(ago: float | None, counts: bool) -> None:
    assert seen("chest-pain", Fact("N1", Kind.NOTE, "Chest pain", days_ago=ago)) is counts


# Days after which a cited fact is said to be old (data/recency.toml, this service's own).
RECENCY = [
    (Kind.COMPLAINT, "", 90),
    (Kind.VITAL, "", 30),
    (Kind.LAB, "", 365),
    (Kind.OBSERVATION, "", 365),
    (Kind.REPORT, "", 730),
    *((Kind.LAB, a, 7) for a in ("lactate", "pco2", "glucose", "ammonia", "temperature", "gcs")),
    *((Kind.VITAL, a, 7) for a in ("heart-rate", "respiratory-rate", "spo2")),
    *(
        (Kind.LAB, a, 30)
        for a in (
            "sodium", "potassium", "calcium", "magnesium", "phosphate", "chloride", "bicarbonate",
            "bilirubin", "alt", "inr", "aptt", "fibrinogen", "cortisol", "bnp", "nt-probnp",
            "d-dimer", "leukocytes", "neutrophils", "platelets", "crp", "esr", "lipase",
            "urine-culture", "systolic", "hcg",
        )
    ),
    # Troponin stays raised for up to 14 days (fourth universal definition).
    *(
        (Kind.LAB, a, 14)
        for a in (
            "troponin", "ck", "procalcitonin", "sars-cov-2", "influenza", "strep-a", "c-difficile",
        )
    ),
    *(
        (Kind.LAB, a, 180)
        for a in (
            "hba1c", "hemoglobin", "eosinophils", "creatinine", "egfr", "albumin", "tsh",
            "prolactin", "urate", "ferritin", "b12", "folate", "vitamin-d", "h-pylori",
        )
    ),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "analyte", "days"), RECENCY)
def test_a_cited_fact_is_old_after_its_last_day(kind: Kind, analyte: str, days: float) -> None:
    codes = (Code(LOINC, min(analytes()[analyte].loinc)),) if analyte else ()
    for ago, wanted in ((days - 0.01, []), (days, []), (days + 0.01, ["abstain"])):
        fact = Fact("L1", kind, "Zyx 1", codes=codes, days_ago=ago)
        indexed = index_chart(Chart(PatientFacts(), (fact,)), None)
        found = Resolution("x", MatchStatus.EXACT, (), "x")
        cited = (Evidence("L1", "present"),)
        case = CheckedDiagnosis("x", found, DiagnosisIdentity(), cited, (), indexed, None)  # type: ignore[arg-type]
        assert [r.result for r in EvidenceRecent()(case)] == wanted, ago


def test_what_does_not_age() -> None:
    for kind in (Kind.PROBLEM, Kind.PROCEDURE, Kind.FAMILY, Kind.MEDICATION, Kind.ALLERGY):
        assert limit_days(Fact("P1", kind, "Something", days_ago=9999.0)) is None


@pytest.mark.parametrize(
    ("ago", "told"), [(0, True), (13.9, True), (14, True), (14.1, False), (None, False)]
)
def test_a_drug_and_a_result_of_the_last_fortnight(ago: float | None, told: bool) -> None:
    drug = Fact("M1", Kind.MEDICATION, "Hydrochlorothiazide 25 mg", status="active")
    low = measured("2951-2", 129.0, flag=Flag.LOW, days_ago=ago)
    chart = Chart(PatientFacts(40, "female"), (drug, low))
    found = [r for r in assess_chart(chart, None).medication_concerns if "L1" in r.fact_ids]
    assert bool(found) is told


@pytest.mark.parametrize(
    ("status", "current"),
    [
        ("active", True),
        ("", True),
        ("entered-in-error", False),
        ("stopped", False),
        ("completed", False),
        ("cancelled", False),
        ("draft", False),
        ("ended", False),
        ("not-taken", False),
        ("on-hold", False),
        ("inactive", False),
        ("unknown", True),
    ],
)
def test_which_medications_are_current(status: str, current: bool) -> None:
    drug = Fact("M1", Kind.MEDICATION, "Metformin 500 mg", status=status)
    assert bool(index_chart(Chart(PatientFacts(), (drug,)), None).drugs) is current


@pytest.mark.parametrize("polarity", [Polarity.ABSENT, Polarity.REFUTED, Polarity.UNKNOWN])
def test_a_medication_that_is_not_taken_is_not_current(polarity: Polarity) -> None:
    drug = Fact("M1", Kind.MEDICATION, "Metformin", status="active", polarity=polarity)
    assert index_chart(Chart(PatientFacts(), (drug,)), None).drugs == ()


@pytest.mark.parametrize(
    ("drug", "egfr", "age", "told"),
    [
        # FDA 2016: metformin is contraindicated below an eGFR of 30, at any age.
        ("Metformin 500 mg", 29.9, 40, True),
        ("Metformin 500 mg", 30.0, 40, False),
        # The Beers criteria speak of adults of 65 years and more.
        ("Ibuprofen 400 mg", 29.9, 65, True),
        ("Ibuprofen 400 mg", 30.0, 65, False),
        ("Ibuprofen 400 mg", 29.9, 64.9, False),
        ("Ibuprofen 400 mg", 29.9, None, False),
        ("Nitrofurantoin 100 mg", 29.9, 65, True),
        ("Nitrofurantoin 100 mg", 30.0, 65, False),
        ("Nitrofurantoin 100 mg", 29.9, 64.9, False),
    ],
)
@pytest.mark.parametrize(("ago", "counts"), [(0, True), (14, True), (14.1, False)])
def test_a_drug_that_conflicts_with_a_result(
    drug: str, egfr: float, age: float | None, told: bool, ago: float, counts: bool
) -> None:
    taken = Fact("M1", Kind.MEDICATION, drug, status="active")
    result = measured("33914-3", egfr, days_ago=ago)
    chart = Chart(PatientFacts(age, "female"), (taken, result))
    found = [r.fact_ids for r in assess_chart(chart, None).medication_concerns]
    assert found == ([("M1", "L1")] if told and counts else [])


@pytest.mark.parametrize(
    ("drug", "code"),
    [
        ("Ibuprofen", "I50"),
        ("Ibuprofen", "K25"),
        ("Diphenhydramine", "F01"),
        ("Haloperidol", "G20"),
    ],
)
@pytest.mark.parametrize(("age", "told"), [(64.9, False), (65, True), (65.1, True), (None, False)])
def test_the_beers_criteria_begin_at_sixty_five(
    drug: str, code: str, age: float | None, told: bool
) -> None:
    taken = Fact("M1", Kind.MEDICATION, drug, status="active")
    problem = Fact("P1", Kind.PROBLEM, "x", (Code(ICD_10_CM, code, ""),), status="active")
    chart = Chart(PatientFacts(age, "female"), (taken, problem))
    assert [r.fact_ids for r in assess_chart(chart, None).medication_concerns] == (
        [("M1", "P1")] if told else []
    )


@pytest.mark.parametrize("age", [18, 64.9, 65, None])
def test_tramadol_with_epilepsy_is_told_at_any_age(age: float | None) -> None:
    taken = Fact("M1", Kind.MEDICATION, "Tramadol", status="active")
    problem = Fact("P1", Kind.PROBLEM, "x", (Code(ICD_10_CM, "G40", ""),), status="active")
    chart = Chart(PatientFacts(age, "female"), (taken, problem))
    assert [r.fact_ids for r in assess_chart(chart, None).medication_concerns] == [("M1", "P1")]


def test_every_conflict_with_a_limit_is_in_the_tables() -> None:
    assert {c.id for c in drug_conflicts() if c.analyte} == {
        "nsaid-kidney", "metformin-kidney", "nitrofurantoin-kidney",
    }  # fmt: skip
    assert {c.id for c in drug_conflicts() if c.from_years and not c.analyte} == {
        "nsaid-heart-failure", "nsaid-ulcer", "anticholinergic-dementia",
        "dopamine-blocker-parkinson",
    }  # fmt: skip


ADULTS = sorted(r.id for r in RESULTS.values() if r.from_years)


def test_the_rules_of_adults_alone() -> None:
    told = "bradycardia hypertensive-crisis hypotension obesity tachycardia underweight"
    assert told.split() == ADULTS


@pytest.mark.parametrize(
    ("age", "speaks"), [(17.9, False), (18.0, True), (18.1, True), (None, False)]
)
@pytest.mark.parametrize("name", ADULTS)
def test_a_limit_of_adults_says_nothing_of_a_child(
    name: str, age: float | None, speaks: bool
) -> None:
    rule = RESULTS[name]
    loinc = min(analytes()[rule.analyte].loinc)
    value = 0.0 if rule.above or rule.at_least else 999.0
    check = DefiningResult() if rule.contradicts else ExpectedResult()
    found = Resolution("x", MatchStatus.EXACT, (concept_of(rule),), "x")
    chart = Chart(PatientFacts(age, "female"), (measured(loinc, value, unit=rule.unit),))
    case = CheckedDiagnosis("x", found, DiagnosisIdentity(), (), (), index_chart(chart, None), None)  # type: ignore[arg-type]
    assert bool([r for r in check(case) if r.text.startswith(rule.reason)]) is speaks
