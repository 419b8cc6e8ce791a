"""Problems just entered: treated diseases are passed over, impossible ones are told."""

from __future__ import annotations

import pytest

from cds_hooks.consultation import Verdict
from cds_hooks.plausibility import Terminology, assess_new_problems
from fhir_mapping.chart import Chart, Code, Fact, Flag, Kind, PatientFacts

ICD, LOINC = "http://hl7.org/fhir/sid/icd-10-cm", "http://loinc.org"


def entered(text: str, code: str = "") -> Fact:
    codes = (Code(ICD, code, text),) if code else ()
    return Fact("N1", Kind.PROBLEM, text, codes=codes, status="active", days_ago=0.0)


def lab(text: str, loinc: str, value: float, unit: str, flag: Flag = Flag.NORMAL) -> Fact:
    codes = (Code(LOINC, loinc),)
    return Fact("L1", Kind.LAB, text, codes, value, unit=unit, flag=flag, days_ago=0.1)


def drug(text: str, days_ago: float | None = 60.0) -> Fact:
    return Fact("M1", Kind.MEDICATION, text, status="active", days_ago=days_ago)


def verdict(
    terminology: Terminology, what: Fact, *facts: Fact, age: float = 55, sex: str = "female"
) -> Verdict:
    chart = Chart(PatientFacts(age, sex), facts)
    (assessment,) = assess_new_problems(chart, [what], terminology)
    return assessment.verdict


FERRITIN = lab("Ferritin 80 ng/mL (15-150)", "2276-4", 80, "ng/mL")
PLATELETS = lab("Platelets 180 10*3/uL (150-400)", "777-3", 180, "10*3/uL")
POTASSIUM = lab("Potassium 4.1 mmol/L (3.5-5.1)", "2823-3", 4.1, "mmol/L")
TSH = lab("TSH 1.8 m[IU]/L (0.4-4)", "3016-3", 1.8, "m[IU]/L")
HEMOGLOBIN = lab("Hemoglobin 13.1 g/dL (12-16)", "718-7", 13.1, "g/dL")
LACTATE = lab("Lactate 1.4 mmol/L (0.5-2.2)", "2524-7", 1.4, "mmol/L")
CALCIUM = lab("Calcium 9.4 mg/dL (8.6-10.2)", "17861-6", 9.4, "mg/dL")
URATE = lab("Urate 5.0 mg/dL (2.6-6)", "3084-1", 5.0, "mg/dL")
BICARBONATE = lab("Bicarbonate 24 mmol/L (22-29)", "1963-8", 24, "mmol/L")
SODIUM = lab("Sodium 139 mmol/L (135-145)", "2951-2", 139, "mmol/L")
MAGNESIUM = lab("Magnesium 0.9 mmol/L (0.7-1.05)", "2601-3", 0.9, "mmol/L")
NEUTROPHILS = lab("Neutrophils 4.1 10*3/uL (1.8-7.7)", "751-8", 4.1, "10*3/uL")
D_VITAMIN = lab("25-OH vitamin D 42 ng/mL (30-100)", "1989-3", 42, "ng/mL")

# Problem, its code, the result that lies elsewhere, and the treatment that explains it.
TREATED = [
    ("Iron deficiency", "E61.1", FERRITIN, drug("Ferrous sulfate 325 mg daily")),
    ("Iron deficiency anemia", "D50.9", HEMOGLOBIN, drug("Ferric carboxymaltose 750 mg")),
    ("Immune thrombocytopenic purpura", "D69.3", PLATELETS, drug("Eltrombopag 50 mg daily")),
    ("Hypokalemia", "E87.6", POTASSIUM, drug("Potassium chloride 20 mEq twice daily", 0.5)),
    ("Hyperkalemia", "E87.5", POTASSIUM, drug("Insulin regular 10 units IV", 0.2)),
    ("Septic shock", "R65.21", LACTATE, drug("Norepinephrine infusion", 0.2)),
    ("Hypothyroidism", "E03.9", TSH, drug("Levothyroxine 75 mcg daily")),
    ("Hypercalcemia", "E83.52", CALCIUM, drug("Zoledronic acid 4 mg", 4.0)),
    ("Hyperuricemia", "E79.0", URATE, drug("Allopurinol 300 mg daily")),
    ("Diabetic ketoacidosis", "E11.10", BICARBONATE, drug("Insulin infusion", 0.4)),
    ("Hyponatremia", "E87.1", SODIUM, drug("Tolvaptan 15 mg", 2.0)),
    ("Hypomagnesemia", "E83.42", MAGNESIUM, drug("Magnesium sulfate 2 g", 0.5)),
    ("Neutropenia", "D70.9", NEUTROPHILS, drug("Filgrastim 300 mcg", 2.0)),
    ("Vitamin D deficiency", "E55.9", D_VITAMIN, drug("Cholecalciferol 2000 IU daily")),
]


@pytest.mark.parametrize(
    ("text", "code", "result", "treatment"), TREATED, ids=[row[0] for row in TREATED]
)
def test_a_treated_disease_is_not_contradicted_by_what_treatment_did(
    terminology: Terminology, text: str, code: str, result: Fact, treatment: Fact
) -> None:
    told = (Verdict.CONTRADICTED, Verdict.UNCERTAIN)
    assert verdict(terminology, entered(text, code), result, treatment) not in told
    assert verdict(terminology, entered(text, code), result) in told


@pytest.mark.parametrize(
    ("days", "explains"), [(2.9, True), (3.0, True), (3.1, False), (None, False)]
)
def test_a_drug_for_other_reasons_counts_when_begun_within_three_days(
    terminology: Terminology, days: float | None, explains: bool
) -> None:
    insulin = drug("Insulin glargine 20 units nightly", days)
    found = verdict(terminology, entered("Hyperkalemia", "E87.5"), POTASSIUM, insulin)
    assert (found is not Verdict.CONTRADICTED) is explains


def test_a_short_word_of_a_treatment_is_not_found_within_another(terminology: Terminology) -> None:
    other = drug("Hydroxyurea 500 mg")  # holds "urea", which raises sodium
    found = verdict(terminology, entered("Hyponatremia", "E87.1"), SODIUM, other)
    assert found is Verdict.CONTRADICTED


def test_a_treatment_that_was_not_given_explains_nothing(terminology: Terminology) -> None:
    not_done = Fact("X1", Kind.PROCEDURE, "Hemodialysis", status="not-done", days_ago=0.5)
    found = verdict(terminology, entered("Hyperkalemia", "E87.5"), POTASSIUM, not_done)
    assert found is Verdict.CONTRADICTED


@pytest.mark.parametrize("name", ["Central hypothyroidism", "Secondary hypothyroidism"])
def test_a_form_of_which_the_result_says_nothing_is_not_doubted(
    terminology: Terminology, name: str
) -> None:
    assert verdict(terminology, entered(name), TSH) is Verdict.PLAUSIBLE
    assert verdict(terminology, entered("Primary hypothyroidism"), TSH) is Verdict.UNCERTAIN


IMPOSSIBLE = [
    ("Pregnancy", "", 34, "male", Verdict.CONTRADICTED),
    ("Pregnant state, incidental", "Z33.1", 34, "male", Verdict.CONTRADICTED),
    ("Supervision of normal pregnancy", "Z34.90", 34, "male", Verdict.CONTRADICTED),
    ("32 weeks gestation of pregnancy", "Z3A.32", 34, "male", Verdict.CONTRADICTED),
    ("Preterm labor", "", 60, "female", Verdict.UNCERTAIN),
    ("Preterm birth", "", 60, "female", Verdict.UNCERTAIN),
    ("Preterm newborn", "P07.30", 60, "male", Verdict.UNCERTAIN),
    ("Prostate cancer", "C61", 5, "male", Verdict.UNCERTAIN),
    ("Sudden infant death syndrome", "", 40, "male", Verdict.CONTRADICTED),
    ("Delayed puberty", "E30.0", 50, "male", Verdict.UNCERTAIN),
]


@pytest.mark.parametrize(("text", "code", "age", "sex", "wanted"), IMPOSSIBLE)
def test_what_sex_or_age_speaks_against_is_told(
    terminology: Terminology, text: str, code: str, age: float, sex: str, wanted: Verdict
) -> None:
    assert verdict(terminology, entered(text, code), age=age, sex=sex) is wanted


@pytest.mark.parametrize(
    ("text", "code", "age", "sex"),
    [
        ("Pregnancy", "", 34, "female"),
        ("32 weeks gestation of pregnancy", "Z3A.32", 34, "female"),
        ("Preterm labor", "", 34, "female"),
        ("Prostate cancer", "C61", 71, "male"),
        ("Delayed puberty", "E30.0", 15, "male"),
    ],
)
def test_the_same_in_whom_it_may_be_is_not(
    terminology: Terminology, text: str, code: str, age: float, sex: str
) -> None:
    assert verdict(terminology, entered(text, code), age=age, sex=sex) is Verdict.PLAUSIBLE


def hysterectomy(days_ago: float | None) -> Fact:
    text = "Total abdominal hysterectomy"
    return Fact("X1", Kind.PROCEDURE, text, status="completed", days_ago=days_ago)


@pytest.mark.parametrize(
    ("days", "wanted"),
    [
        (299.0, Verdict.PLAUSIBLE),  # a hysterectomy may end a pregnancy
        (300.0, Verdict.CONTRADICTED),
        (301.0, Verdict.CONTRADICTED),
        (None, Verdict.CONTRADICTED),
    ],
)
@pytest.mark.parametrize(
    ("text", "code"),
    [("Pregnancy", ""), ("Pregnant state", "Z33.1"), ("Gestational diabetes", "O24.419")],
)
def test_a_pregnancy_after_hysterectomy(
    terminology: Terminology, text: str, code: str, days: float | None, wanted: Verdict
) -> None:
    assert verdict(terminology, entered(text, code), hysterectomy(days), age=44) is wanted


def test_an_ectopic_pregnancy_after_hysterectomy_is_rare_and_not_struck_out(
    terminology: Terminology,
) -> None:
    found = verdict(terminology, entered("Ectopic pregnancy"), hysterectomy(900.0), age=40)
    assert found is Verdict.UNCERTAIN


@pytest.mark.parametrize(
    "name",
    [
        "Pregnant", "Intrauterine pregnancy", "Chronic hypertension in pregnancy",
        "Gestational thrombocytopenia", "Physiologic dyspnea of pregnancy", "Lactational mastitis",
        "Hyperemesis gravidarum", "Threatened miscarriage, resolved", "Uterine fibroids",
    ],
)  # fmt: skip
def test_words_of_a_name_tie_it_to_a_sex_where_its_code_does_not(
    terminology: Terminology, name: str
) -> None:
    assert verdict(terminology, entered(name), age=30, sex="male") is Verdict.CONTRADICTED
    assert verdict(terminology, entered(name), age=30) is not Verdict.CONTRADICTED


@pytest.mark.parametrize(
    ("age", "wanted"), [(8.9, False), (9.0, True), (64.9, True), (65.0, False), (None, True)]
)
def test_a_name_of_pregnancy_is_of_the_ages_of_the_code_editor(
    terminology: Terminology, age: float | None, wanted: bool
) -> None:
    chart = Chart(PatientFacts(age, "female"), ())
    (found,) = assess_new_problems(
        chart, [entered("Chronic hypertension in pregnancy")], terminology
    )
    assert (found.verdict is not Verdict.CONTRADICTED) is wanted


@pytest.mark.parametrize(
    "name", ["Small for gestational age", "Couvade (partner's pregnancy)", "Leiomyoma"]
)
def test_other_names_with_such_words_are_of_nobodys_sex(
    terminology: Terminology, name: str
) -> None:
    assert verdict(terminology, entered(name), age=30, sex="male") is not Verdict.CONTRADICTED


@pytest.mark.parametrize("name", ["Chronic hypertension in pregnancy", "Menorrhagia"])
def test_after_a_hysterectomy_neither_is(terminology: Terminology, name: str) -> None:
    assert verdict(terminology, entered(name), hysterectomy(900.0), age=44) is Verdict.CONTRADICTED


def test_a_thyroid_storm_has_a_low_tsh_even_when_treated_before(terminology: Terminology) -> None:
    drugs = drug("Methimazole 20 mg daily")
    storm = verdict(terminology, entered("Thyroid storm"), TSH, drugs)
    assert storm is Verdict.UNCERTAIN
    assert verdict(terminology, entered("Graves disease"), TSH, drugs) is Verdict.PLAUSIBLE


@pytest.mark.parametrize(
    ("value", "wanted"),
    [(4.9, Verdict.UNCERTAIN), (5.0, Verdict.PLAUSIBLE), (5.1, Verdict.PLAUSIBLE)],
)
def test_a_pregnancy_without_hcg_is_doubted(
    terminology: Terminology, value: float, wanted: Verdict
) -> None:
    result = lab(f"hCG {value} m[IU]/mL (0-5)", "21198-7", value, "m[IU]/mL")
    assert verdict(terminology, entered("Ectopic pregnancy"), result, age=30) is wanted


def test_a_myxedema_coma_has_a_raised_tsh_even_when_treated(terminology: Terminology) -> None:
    treated = drug("Levothyroxine 75 mcg daily")
    found = verdict(terminology, entered("Myxedema coma", "E03.5"), TSH, treated)
    assert found is Verdict.UNCERTAIN
