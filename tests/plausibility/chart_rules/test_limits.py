"""Limits of results: the last value within and the first one beyond, and what else decides.

The numbers are written out, not read from the table.
"""

from __future__ import annotations

import pytest

from cds_hooks.plausibility.chart.finding_index import FindingIndex
from cds_hooks.plausibility.chart.indexed_chart import index_chart
from cds_hooks.plausibility.chart.results_by_analyte import analytes
from cds_hooks.plausibility.chart_rules.criteria import Criteria, result_limits
from fhir_mapping.chart import Chart, Code, Fact, Flag, Kind, PatientFacts, Polarity

LOINC = "http://loinc.org"

# Limit, unit, the last value that meets it, the first that does not.
VALUES = [
    ("potassium-over-6-5", "mmol/L", 6.5, 6.4),
    ("potassium-over-6-5", "meq/L", 6.5, 6.4),
    ("potassium-over-6", "mmol/L", 6, 5.9),
    ("potassium-over-6", "meq/L", 6, 5.9),
    ("potassium-under-2-5", "mmol/L", 2.4, 2.5),
    ("potassium-under-2-5", "meq/L", 2.4, 2.5),
    ("potassium-under-3", "mmol/L", 2.9, 3),
    ("potassium-under-3", "meq/L", 2.9, 3),
    ("sodium-under-120", "mmol/L", 119.9, 120),
    ("sodium-under-120", "meq/L", 119.9, 120),
    ("sodium-under-125", "mmol/L", 124.9, 125),
    ("sodium-under-125", "meq/L", 124.9, 125),
    ("sodium-under-130", "mmol/L", 129.9, 130),
    ("sodium-under-130", "meq/L", 129.9, 130),
    ("sodium-over-160", "mmol/L", 160.1, 160),
    ("sodium-over-160", "meq/L", 160.1, 160),
    ("glucose-under-54", "mg/dL", 53.9, 54),
    ("glucose-under-54", "mmol/L", 2.9, 3),
    ("glucose-under-40-newborn", "mg/dL", 39.9, 40),
    ("glucose-under-40-newborn", "mmol/L", 2.1, 2.2),
    ("glucose-over-200", "mg/dL", 200, 199.9),
    ("glucose-over-200", "mmol/L", 11.1, 11),
    ("glucose-over-600", "mg/dL", 600, 599.9),
    ("glucose-over-600", "mmol/L", 33.3, 33.2),
    ("calcium-over-14", "mg/dL", 14.1, 14),
    ("calcium-over-14", "mmol/L", 3.6, 3.5),
    ("calcium-over-12", "mg/dL", 12, 11.9),
    ("calcium-over-12", "mmol/L", 3, 2.9),
    ("calcium-under-6-5", "mg/dL", 6.4, 6.5),
    ("calcium-under-6-5", "mmol/L", 1.62, 1.63),
    ("calcium-under-7-6", "mg/dL", 7.5, 7.6),
    ("calcium-under-7-6", "mmol/L", 1.8, 1.9),
    ("magnesium-under-1", "mg/dL", 0.9, 1),
    ("magnesium-under-1", "mmol/L", 0.4, 0.41),
    ("magnesium-under-1", "meq/L", 0.81, 0.82),
    ("phosphate-under-1", "mg/dL", 0.9, 1),
    ("phosphate-under-1", "mmol/L", 0.31, 0.32),
    ("bicarbonate-under-18", "mmol/L", 17.9, 18),
    ("bicarbonate-under-18", "meq/L", 17.9, 18),
    ("ph-under-7-3", "[pH]", 7.2, 7.3),
    ("ph-under-7-3", "{pH}", 7.2, 7.3),
    ("ph-under-7-3", "", 7.2, 7.3),
    ("ph-under-7-3", "1", 7.2, 7.3),
    ("ph-under-7-35", "[pH]", 7.34, 7.35),
    ("ph-under-7-35", "{pH}", 7.34, 7.35),
    ("ph-under-7-35", "", 7.34, 7.35),
    ("ph-under-7-35", "1", 7.34, 7.35),
    ("ph-under-7-2", "[pH]", 7.1, 7.2),
    ("ph-under-7-2", "{pH}", 7.1, 7.2),
    ("ph-under-7-2", "", 7.1, 7.2),
    ("ph-under-7-2", "1", 7.1, 7.2),
    ("ketones-over-3", "mmol/L", 3, 2.9),
    ("ketones-over-3", "mg/dL", 31, 30.9),
    ("pco2-over-45", "mm[Hg]", 45.1, 45),
    ("pco2-over-45", "kPa", 6.1, 6),
    ("lactate-over-4", "mmol/L", 4, 3.9),
    ("lactate-over-4", "mg/dL", 36, 35.9),
    ("lactate-over-2", "mmol/L", 2.1, 2),
    ("lactate-over-2", "mg/dL", 18.1, 18),
    ("osmolality-over-300", "mosm/kg", 300.1, 300),
    ("osmolality-over-300", "mmol/kg", 300.1, 300),
    ("urate-over-8", "mg/dL", 8, 7.9),
    ("urate-over-8", "umol/L", 476, 475.9),
    ("phosphate-over-4-5", "mg/dL", 4.5, 4.4),
    ("phosphate-over-4-5", "mmol/L", 1.45, 1.44),
    ("bnp-over-400", "pg/mL", 400.1, 400),
    ("bnp-over-400", "ng/L", 400.1, 400),
    ("nt-probnp-over-1800", "pg/mL", 1800.1, 1800),
    ("nt-probnp-over-1800", "ng/L", 1800.1, 1800),
    ("saturation-under-90", "%", 89.9, 90),
    ("saturation-under-94", "%", 93.9, 94),
    ("saturation-under-92", "%", 91.9, 92),
    ("heart-rate-over-100", "/min", 100.1, 100),
    ("heart-rate-over-100", "{beats}/min", 100.1, 100),
    ("heart-rate-over-150", "/min", 150, 149.9),
    ("heart-rate-over-150", "{beats}/min", 150, 149.9),
    ("heart-rate-under-40", "/min", 39.9, 40),
    ("heart-rate-under-40", "{beats}/min", 39.9, 40),
    ("heart-rate-under-50", "/min", 49.9, 50),
    ("heart-rate-under-50", "{beats}/min", 49.9, 50),
    ("breathing-over-21", "/min", 22, 21.9),
    ("breathing-over-21", "{breaths}/min", 22, 21.9),
    ("breathing-over-29", "/min", 30, 29.9),
    ("breathing-over-29", "{breaths}/min", 30, 29.9),
    ("breathing-over-24", "/min", 25, 24.9),
    ("breathing-over-24", "{breaths}/min", 25, 24.9),
    ("breathing-under-12", "/min", 11.9, 12),
    ("breathing-under-12", "{breaths}/min", 11.9, 12),
    ("systolic-up-to-100", "mm[Hg]", 100, 100.1),
    ("systolic-up-to-90", "mm[Hg]", 90, 90.1),
    ("systolic-under-90", "mm[Hg]", 89.9, 90),
    ("systolic-over-180", "mm[Hg]", 180.1, 180),
    ("systolic-over-159", "mm[Hg]", 160, 159.9),
    ("systolic-over-139", "mm[Hg]", 140, 139.9),
    ("temperature-over-37-3", "Cel", 37.3, 37.2),
    ("temperature-over-37-3", "[degF]", 99.1, 99),
    ("temperature-over-38", "Cel", 38, 37.9),
    ("temperature-over-38", "[degF]", 100.4, 100.3),
    ("temperature-over-39", "Cel", 39, 38.9),
    ("temperature-over-39", "[degF]", 102.2, 102.1),
    ("temperature-over-40", "Cel", 40.1, 40),
    ("temperature-over-40", "[degF]", 104.1, 104),
    ("temperature-under-35", "Cel", 34.9, 35),
    ("temperature-under-35", "[degF]", 94.9, 95),
    ("temperature-under-32", "Cel", 31.9, 32),
    ("temperature-under-32", "[degF]", 89.5, 89.6),
    ("temperature-under-36", "Cel", 35.9, 36),
    ("temperature-under-36", "[degF]", 96.7, 96.8),
    ("gcs-under-15", "{score}", 14.9, 15),
    ("gcs-under-15", "1", 14.9, 15),
    ("gcs-under-15", "", 14.9, 15),
    ("gcs-under-9", "{score}", 8.9, 9),
    ("gcs-under-9", "1", 8.9, 9),
    ("gcs-under-9", "", 8.9, 9),
    ("hemoglobin-under-7", "g/dL", 6.9, 7),
    ("hemoglobin-under-7", "g/L", 69.9, 70),
    ("hemoglobin-under-7", "mmol/L", 4.2, 4.3),
    ("platelets-under-20", "10*3/uL", 19.9, 20),
    ("platelets-under-20", "10*9/L", 19.9, 20),
    ("platelets-under-20", "/uL", 19999.9, 20000),
    ("platelets-under-20", "K/uL", 19.9, 20),
    ("platelets-under-100", "10*3/uL", 99.9, 100),
    ("platelets-under-100", "10*9/L", 99.9, 100),
    ("platelets-under-100", "/uL", 99999.9, 100000),
    ("platelets-under-100", "K/uL", 99.9, 100),
    ("neutrophils-under-0-5", "10*3/uL", 0.4, 0.5),
    ("neutrophils-under-0-5", "10*9/L", 0.4, 0.5),
    ("neutrophils-under-0-5", "/uL", 499.9, 500),
    ("neutrophils-under-0-5", "K/uL", 0.4, 0.5),
    ("neutrophils-under-1", "10*3/uL", 0.9, 1),
    ("neutrophils-under-1", "10*9/L", 0.9, 1),
    ("neutrophils-under-1", "/uL", 999.9, 1000),
    ("neutrophils-under-1", "K/uL", 0.9, 1),
    ("leukocytes-under-1", "10*3/uL", 0.9, 1),
    ("leukocytes-under-1", "10*9/L", 0.9, 1),
    ("leukocytes-under-1", "/uL", 999.9, 1000),
    ("leukocytes-under-1", "K/uL", 0.9, 1),
    ("leukocytes-over-50", "10*3/uL", 50.1, 50),
    ("leukocytes-over-50", "10*9/L", 50.1, 50),
    ("leukocytes-over-50", "/uL", 50000.1, 50000),
    ("leukocytes-over-50", "K/uL", 50.1, 50),
    ("leukocytes-over-10", "10*3/uL", 10.1, 10),
    ("leukocytes-over-10", "10*9/L", 10.1, 10),
    ("leukocytes-over-10", "/uL", 10000.1, 10000),
    ("leukocytes-over-10", "K/uL", 10.1, 10),
    ("blasts-present", "%", 0.1, 0),
    ("blasts-present", "10*3/uL", 0.1, 0),
    ("blasts-present", "10*9/L", 0.1, 0),
    ("inr-over-5", "{INR}", 5.1, 5),
    ("inr-over-5", "1", 5.1, 5),
    ("inr-over-5", "", 5.1, 5),
    ("inr-over-5", "{ratio}", 5.1, 5),
    ("inr-over-10", "{INR}", 10.1, 10),
    ("inr-over-10", "1", 10.1, 10),
    ("inr-over-10", "", 10.1, 10),
    ("inr-over-10", "{ratio}", 10.1, 10),
    ("inr-over-1-5", "{INR}", 1.5, 1.4),
    ("inr-over-1-5", "1", 1.5, 1.4),
    ("inr-over-1-5", "", 1.5, 1.4),
    ("inr-over-1-5", "{ratio}", 1.5, 1.4),
    ("fibrinogen-under-1", "mg/dL", 99.9, 100),
    ("fibrinogen-under-1", "g/L", 0.9, 1),
    ("lipase-three-times", "U/L", 180, 179.9),
    ("lipase-three-times", "[IU]/L", 180, 179.9),
    ("alt-over-1000", "U/L", 1000, 999.9),
    ("alt-over-1000", "[IU]/L", 1000, 999.9),
    ("alt-over-500", "U/L", 500, 499.9),
    ("alt-over-500", "[IU]/L", 500, 499.9),
    ("creatinine-over-4", "mg/dL", 4, 3.9),
    ("creatinine-over-4", "umol/L", 354, 353.9),
    ("creatinine-over-1-1", "mg/dL", 1.2, 1.1),
    ("creatinine-over-1-1", "umol/L", 97.1, 97),
    ("ck-over-5000", "U/L", 5000.1, 5000),
    ("ck-over-5000", "[IU]/L", 5000.1, 5000),
    ("ck-over-1000", "U/L", 1000.1, 1000),
    ("ck-over-1000", "[IU]/L", 1000.1, 1000),
    ("ascites-neutrophils-over-250", "/uL", 250, 249.9),
    ("ascites-neutrophils-over-250", "{cells}/uL", 250, 249.9),
    ("ascites-neutrophils-over-250", "10*6/L", 250, 249.9),
    ("ascites-neutrophils-over-250", "/mm3", 250, 249.9),
    ("ascites-neutrophils-over-250", "10*3/uL", 0.25, 0.24),
    ("ascites-neutrophils-over-250", "10*9/L", 0.25, 0.24),
    ("csf-leukocytes-over-5", "/uL", 5.1, 5),
    ("csf-leukocytes-over-5", "{cells}/uL", 5.1, 5),
    ("csf-leukocytes-over-5", "10*6/L", 5.1, 5),
    ("csf-leukocytes-over-5", "/mm3", 5.1, 5),
    ("csf-leukocytes-over-5", "10*3/uL", 0.006, 0.005),
    ("joint-leukocytes-over-50000", "/uL", 50000, 49999.9),
    ("joint-leukocytes-over-50000", "{cells}/uL", 50000, 49999.9),
    ("joint-leukocytes-over-50000", "10*6/L", 50000, 49999.9),
    ("joint-leukocytes-over-50000", "/mm3", 50000, 49999.9),
    ("joint-leukocytes-over-50000", "10*3/uL", 50, 49.9),
    ("joint-leukocytes-over-50000", "10*9/L", 50, 49.9),
    ("acetaminophen-over-150", "ug/mL", 150, 149.9),
    ("acetaminophen-over-150", "mg/L", 150, 149.9),
    ("acetaminophen-over-150", "umol/L", 993, 992.9),
    ("acetaminophen-found", "ug/mL", 10.1, 10),
    ("acetaminophen-found", "mg/L", 10.1, 10),
    ("acetaminophen-found", "umol/L", 66.1, 66),
    ("salicylate-over-30", "mg/dL", 30.1, 30),
    ("salicylate-over-30", "mg/L", 300.1, 300),
    ("salicylate-over-30", "mmol/L", 2.3, 2.2),
    ("carboxyhemoglobin-over-10", "%", 10.1, 10),
    ("methemoglobin-over-20", "%", 20, 19.9),
    ("digoxin-over-2", "ng/mL", 2.1, 2),
    ("digoxin-over-2", "ug/L", 2.1, 2),
    ("digoxin-over-2", "nmol/L", 2.7, 2.6),
    ("lithium-over-1-5", "mmol/L", 1.6, 1.5),
    ("lithium-over-1-5", "meq/L", 1.6, 1.5),
    ("hcg-positive", "m[IU]/mL", 25, 24.9),
    ("hcg-positive", "[IU]/L", 25, 24.9),
    ("hcg-positive", "IU/L", 25, 24.9),
    ("hcg-positive", "mIU/mL", 25, 24.9),
    ("hcg-positive", "U/L", 25, 24.9),
    ("tsh-suppressed", "m[IU]/L", 0, 0.1),
    ("tsh-suppressed", "u[IU]/mL", 0, 0.1),
    ("tsh-suppressed", "mU/L", 0, 0.1),
    ("tsh-suppressed", "uIU/mL", 0, 0.1),
    ("tsh-suppressed", "m[iU]/L", 0, 0.1),
    ("crp-over-100", "mg/L", 100, 99.9),
    ("crp-over-100", "mg/dL", 10, 9.9),
    ("crp-over-20", "mg/L", 20.1, 20),
    ("crp-over-20", "mg/dL", 2.1, 2),
    ("procalcitonin-over-0-5", "ng/mL", 0.5, 0.4),
    ("procalcitonin-over-0-5", "ug/L", 0.5, 0.4),
    ("neutrophils-normal", "10*3/uL", 1, 0.9),
    ("neutrophils-normal", "10*9/L", 1, 0.9),
    ("neutrophils-normal", "/uL", 1000, 999.9),
    ("neutrophils-normal", "K/uL", 1, 0.9),
    ("lithium-level-normal", "mmol/L", 1.2, 1.3),
    ("lithium-level-normal", "meq/L", 1.2, 1.3),
    ("leukocytes-over-12", "10*3/uL", 12.1, 12),
    ("leukocytes-over-12", "10*9/L", 12.1, 12),
    ("leukocytes-over-12", "/uL", 12000.1, 12000),
    ("leukocytes-over-12", "K/uL", 12.1, 12),
    ("diastolic-over-89", "mm[Hg]", 90, 89.9),
    ("bilirubin-newborn", "mg/dL", 20, 19.9),
    ("bilirubin-newborn", "umol/L", 342, 341.9),
    ("diastolic-up-to-60", "mm[Hg]", 60, 60.1),
    ("heart-rate-over-90", "/min", 90.1, 90),
    ("breathing-over-20", "/min", 20.1, 20),
    ("oxygen-given", "L/min", 0.1, 0),
    ("gestation-over-20", "wk", 20, 19.9),
    ("gestation-over-20", "d", 140, 139.9),
    ("gestation-under-20", "wk", 19.9, 20),
    ("gestation-under-20", "d", 139.9, 140),
    ("alt-over-80", "U/L", 80.1, 80),
    ("alt-over-80", "[IU]/L", 80.1, 80),
    ("ast-over-80", "U/L", 80.1, 80),
    ("ast-over-80", "[IU]/L", 80.1, 80),
    ("troponin-over-52", "ng/L", 52, 51.9),
    ("troponin-over-52", "pg/mL", 52, 51.9),
    ("troponin-over-52", "ng/mL", 0.052, 0.051),
    ("troponin-over-52", "ug/L", 0.052, 0.051),
    ("pain-over-7", "{score}", 8, 7.9),
    ("pain-over-7", "1", 8, 7.9),
    ("pain-over-7", "", 8, 7.9),
]


def result(analyte: str, value: float | None, unit: str = "", **rest: object) -> Fact:
    codes = tuple(Code(LOINC, code) for code in sorted(analytes()[analyte].loinc)[:1])
    text = str(rest.pop("text", f"{analytes()[analyte].names[0]} {value}"))
    told: dict[str, object] = {"days_ago": 0.0, **rest}
    return Fact("L1", Kind.LAB, text, codes, value, unit=unit, **told)  # type: ignore[arg-type]


def meets(name: str, *facts: Fact, age: float | None = None) -> bool:
    limit = result_limits()[name]
    years = age if age is not None else 0.02 if limit.below_years < 1 else 40.0
    finding_index = FindingIndex(index_chart(Chart(PatientFacts(years, "female"), facts), None))
    return Criteria(finding_index).met(name) is not None


@pytest.mark.parametrize(("name", "unit", "within", "beyond"), VALUES)
def test_the_value_on_a_limit(name: str, unit: str, within: float, beyond: float) -> None:
    analyte = result_limits()[name].analyte
    assert meets(name, result(analyte, within, unit))
    assert not meets(name, result(analyte, beyond, unit))


def test_every_number_of_every_limit_is_in_the_table() -> None:
    tables = (
        (name, unit)
        for name, limit in result_limits().items()
        for table in (limit.at_least, limit.above, limit.at_most, limit.below)
        for unit in table or ()
    )
    assert sorted(tables) == sorted((name, unit) for name, unit, _, _ in VALUES)


def test_another_unit_is_not_judged() -> None:
    assert not meets("potassium-over-6-5", result("potassium", 7.1, "mg/dL"))


def test_the_newest_result_counts() -> None:
    old = result("potassium", 7.1, "mmol/L", days_ago=0.5)
    new = Fact("L2", Kind.LAB, "Potassium 4.2", old.codes, 4.2, unit="mmol/L", days_ago=0.1)
    assert meets("potassium-over-6-5", old)
    assert not meets("potassium-over-6-5", old, new)


@pytest.mark.parametrize(("days", "met"), [(1.0, True), (1.01, False), (None, False)])
def test_an_old_result_does_not_count(days: float | None, met: bool) -> None:
    assert meets("potassium-over-6-5", result("potassium", 7.1, "mmol/L", days_ago=days)) is met


@pytest.mark.parametrize(
    ("days", "met"), [(6.9, True), (7.0, False), (365.0, False), (365.1, True)]
)
def test_a_value_that_lay_there_before_is_a_chronic_one(days: float, met: bool) -> None:
    new = result("troponin", 60.0, "ng/L", flag=Flag.HIGH)
    old = Fact("L2", Kind.LAB, "Troponin 58", new.codes, 58.0, unit="ng/L", days_ago=days,
               flag=Flag.HIGH)  # fmt: skip
    assert meets("troponin-raised", new)
    assert meets("troponin-raised", new, old) is met


@pytest.mark.parametrize(
    ("text", "polarity", "met"),
    [
        ("hCG urine: Positive", Polarity.PRESENT, True),
        ("hCG urine: Detected", Polarity.PRESENT, True),
        ("hCG urine: Not detected", Polarity.PRESENT, False),
        ("hCG urine: Negative", Polarity.ABSENT, False),
    ],
)
def test_a_qualitative_result(text: str, polarity: Polarity, met: bool) -> None:
    assert meets("hcg-positive", result("hcg", None, text=text, polarity=polarity)) is met


@pytest.mark.parametrize(("age", "met"), [(9.9, False), (10.0, True), (None, True)])
def test_a_limit_speaks_of_its_ages(age: float | None, met: bool) -> None:
    facts = (result("systolic", 85.0, "mm[Hg]"),)
    finding_index = FindingIndex(index_chart(Chart(PatientFacts(age, "female"), facts), None))
    assert (Criteria(finding_index).met("systolic-under-90") is not None) is met


def test_the_diastolic_pressure_is_read_from_the_text_of_both() -> None:
    codes = (Code(LOINC, "8480-6"), Code(LOINC, "8462-4"))

    def pressure(text: str, systolic: float) -> Fact:
        return Fact("V1", Kind.VITAL, text, codes, systolic, unit="mm[Hg]", days_ago=0.0)

    assert meets("diastolic-over-89", pressure("Blood pressure 128/90 mmHg", 128.0))
    assert not meets("diastolic-over-89", pressure("Blood pressure 138/89 mmHg", 138.0))
    finding_index = FindingIndex(
        index_chart(Chart(PatientFacts(30, "female"), (pressure("BP 168/108", 168.0),)), None)
    )
    met = Criteria(finding_index).met("systolic-over-159")
    assert met is not None
    assert met.phrase == "BP 168/108 mmHg"
