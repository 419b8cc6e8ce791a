"""Published scores: literal charts below, on and above the limit, and what is missing."""

from __future__ import annotations

from datetime import date

import pytest

from cds_hooks.plausibility.chart.finding_index import FindingIndex
from cds_hooks.plausibility.chart.indexed_chart import index_chart
from cds_hooks.plausibility.chart.results_by_analyte import analytes
from cds_hooks.plausibility.chart_rules.criteria import Criteria, known_criteria
from cds_hooks.plausibility.chart_rules.scores import ComputedScore, compute_score, scores
from tests.plausibility.chart_rules.charts import chart_of

RESP, SPO2, SYSTOLIC, PULSE, TEMP = "9279-1", "59408-5", "8480-6", "8867-4", "8310-5"
HEALTHY = [f"{RESP} 16 /min -", f"{SPO2} 98 % -", f"{SYSTOLIC} 125 mm[Hg] -",
           f"{PULSE} 80 /min -", f"{TEMP} 37 Cel -"]  # fmt: skip


def scored(name: str, who: str = "50 y female", **case: object) -> ComputedScore:
    chart = chart_of({"who": who, **case})
    found = compute_score(scores()[name], Criteria(FindingIndex(index_chart(chart, None))))
    assert found is not None
    return found


def vitals(rr: float, spo2: float, systolic: float, pulse: float, temp: float) -> list[str]:
    return [f"{RESP} {rr} /min -", f"{SPO2} {spo2} % -", f"{SYSTOLIC} {systolic} mm[Hg] -",
            f"{PULSE} {pulse} /min -", f"{TEMP} {temp} Cel -"]  # fmt: skip


# Wells: above 4 is likely. Each item alone, then sums on both sides of 4.
WELLS = [
    ({}, 0.0),
    ({"says": ["Left calf swelling"]}, 3.0),
    ({"results": [f"{PULSE} 100 /min -"]}, 0.0),
    ({"results": [f"{PULSE} 101 /min -"]}, 1.5),
    ({"procedures": ["Knee replacement @28"]}, 1.5),
    ({"procedures": ["Knee replacement @29"]}, 0.0),
    ({"problems": ["I26.99 Pulmonary embolism @900 resolved"]}, 1.5),
    ({"says": ["Hemoptysis"]}, 1.0),
    ({"problems": ["C34.90 Lung cancer @90"]}, 1.0),
    ({"problems": ["C34.90 Lung cancer @900 resolved"]}, 0.0),
    ({"says": ["Left calf swelling and hemoptysis"]}, 4.0),
    ({"says": ["Left calf swelling"], "results": [f"{PULSE} 118 /min -"]}, 4.5),
]


@pytest.mark.parametrize(("case", "points"), WELLS)
def test_wells_of_embolism(case: dict[str, object], points: float) -> None:
    found = scored("wells-pe", **case)
    assert found.points == points
    assert "whether another diagnosis is less likely" in found.missing


def test_a_score_says_that_it_is_at_least_so_and_what_is_missing() -> None:
    found = scored("wells-pe", says=["Left calf swelling and hemoptysis"])
    assert found.text == "Wells (pulmonary embolism) at least 4, likely above 4"
    assert found.missing == ("whether another diagnosis is less likely", "heart rate above 100/min")


# NEWS2: the bands as the Royal College of Physicians prints them, each value on its edge.
BANDS = [
    (RESP, "/min", [(8, 3), (9, 1), (11, 1), (12, 0), (20, 0), (21, 2), (24, 2), (25, 3)]),
    (SPO2, "%", [(91, 3), (92, 2), (93, 2), (94, 1), (95, 1), (96, 0)]),
    (SYSTOLIC, "mm[Hg]", [(90, 3), (91, 2), (100, 2), (101, 1), (110, 1), (111, 0), (219, 0),
                          (220, 3)]),
    (PULSE, "/min", [(40, 3), (41, 1), (50, 1), (51, 0), (90, 0), (91, 1), (110, 1), (111, 2),
                     (130, 2), (131, 3)]),
    (TEMP, "Cel", [(35.0, 3), (35.1, 1), (36.0, 1), (36.1, 0), (38.0, 0), (38.1, 1), (39.0, 1),
                   (39.1, 2)]),
]  # fmt: skip
EDGES = [(loinc, unit, value, points) for loinc, unit, rows in BANDS for value, points in rows]


@pytest.mark.parametrize(("loinc", "unit", "value", "points"), EDGES)
def test_the_bands_of_news2(loinc: str, unit: str, value: float, points: float) -> None:
    others = [row for row in HEALTHY if not row.startswith(loinc)]
    assert scored("news2", results=[*others, f"{loinc} {value} {unit} -"]).points == points


@pytest.mark.parametrize(
    ("results", "says", "points"),
    [
        (vitals(22, 93, 105, 112, 38.5), [], 8.0),
        (vitals(20, 95, 100, 112, 38.5), [], 6.0),
        (vitals(20, 95, 100, 112, 39.1), [], 7.0),
        (vitals(16, 98, 125, 80, 37.0), ["Confusion"], 3.0),
    ],
)
def test_news2_below_on_and_above_seven(results: list[str], says: list[str], points: float) -> None:
    assert scored("news2", results=results, says=says).points == points


def test_a_vital_sign_that_was_not_measured_is_missing() -> None:
    found = scored("news2", results=[f"{RESP} 30 /min -"])
    assert found.points == 3.0
    assert {"SpO2", "systolic pressure", "pulse", "temperature"} <= set(found.missing)


@pytest.mark.parametrize(
    ("rr", "systolic", "gcs", "points"),
    [(21, 101, 15, 0.0), (22, 101, 15, 1.0), (22, 100, 15, 2.0), (22, 100, 14, 3.0)],
)
def test_qsofa(rr: float, systolic: float, gcs: float, points: float) -> None:
    rows = [f"{RESP} {rr} /min -", f"{SYSTOLIC} {systolic} mm[Hg] -", f"9269-2 {gcs} {{score}} -"]
    assert scored("qsofa", results=rows).points == points


@pytest.mark.parametrize(
    ("rr", "systolic", "points"), [(24, 90, 0.0), (25, 90, 1.0), (25, 89, 2.0)]
)
def test_omqsofa(rr: float, systolic: float, points: float) -> None:
    rows = [f"{RESP} {rr} /min -", f"{SYSTOLIC} {systolic} mm[Hg] -"]
    assert scored("omqsofa", results=rows).points == points


@pytest.mark.parametrize(
    ("case", "points"),
    [
        ({"says": ["Left calf swelling"]}, 1.0),
        ({"says": ["Left calf swelling and calf tenderness"]}, 2.0),
        ({"says": ["Left calf swelling, calf tenderness"], "problems": ["I82.4 DVT @900"]}, 3.0),
    ],
)
def test_wells_of_thrombosis(case: dict[str, object], points: float) -> None:
    found = scored("wells-dvt", **case)
    assert found.points == points
    assert found.missing == ("whether another diagnosis is as likely (then 2 less)",)
    assert "at least" not in found.text


@pytest.mark.parametrize(
    ("case", "points"),
    [
        ({"says": ["Chest pain"]}, 0.0),
        ({"says": ["Tearing chest pain"]}, 1.0),
        ({"says": ["Tearing chest pain"], "problems": ["I71.20 Thoracic aneurysm @400"]}, 2.0),
        ({"says": ["Tearing chest pain"], "note": "Pulse deficit.",
          "problems": ["Q87.40 Marfan syndrome @4000"]}, 3.0),
    ],
)  # fmt: skip
def test_add_rs(case: dict[str, object], points: float) -> None:
    assert scored("add-rs", **case).points == points


@pytest.mark.parametrize(
    ("who", "says", "points"),
    [
        ("39 y female", ["Headache"], 0.0),
        ("40 y female", ["Headache"], 1.0),
        ("39 y female", ["Thunderclap headache"], 1.0),
        ("52 y female", ["Thunderclap headache and neck stiffness"], 4.0),
    ],
)
def test_ottawa_rule(who: str, says: list[str], points: float) -> None:
    assert scored("ottawa-sah", who, says=says).points == points


@pytest.mark.parametrize(
    ("rows", "points"),
    [
        (["3094-0 18.1 mg/dL -", "718-7 13 g/dL -"], 0.0),
        (["3094-0 18.2 mg/dL -", "718-7 13 g/dL -"], 2.0),
        (["3094-0 28 mg/dL -", "718-7 11.9 g/dL -"], 5.0),
        (["3094-0 70 mg/dL -", "718-7 9.9 g/dL -", f"{SYSTOLIC} 89 mm[Hg] -"], 15.0),
    ],
)
def test_glasgow_blatchford(rows: list[str], points: float) -> None:
    assert scored("glasgow-blatchford", results=rows).points == points


@pytest.mark.parametrize(
    ("note", "rows", "points"),
    [
        ("Pain migrated to the right lower quadrant.", [], 3.0),
        ("Pain migrated to the right lower quadrant. Anorexia. Rebound tenderness. Nausea.", [],
         6.0),
        ("Pain migrated to the right lower quadrant. Anorexia. Rebound tenderness. Nausea.",
         [f"{TEMP} 37.3 Cel -"], 7.0),
        ("Pain migrated to the right lower quadrant. Anorexia. Rebound tenderness. Nausea.",
         [f"{TEMP} 37.2 Cel -", "6690-2 10.1 10*3/uL -"], 8.0),
    ],
)  # fmt: skip
def test_alvarado(note: str, rows: list[str], points: float) -> None:
    assert scored("alvarado", note=note, results=rows).points == points


@pytest.mark.parametrize(
    ("who", "rows", "points"),
    [
        ("64 y male", [f"{RESP} 29 /min -"], 0.0),
        ("65 y male", [f"{RESP} 30 /min -"], 2.0),
        ("65 y male", [f"{RESP} 30 /min -", "3094-0 19.6 mg/dL -"], 3.0),
    ],
)
def test_curb_65(who: str, rows: list[str], points: float) -> None:
    assert scored("curb-65", who, results=rows).points == points


@pytest.mark.parametrize(
    ("case", "points"),
    [
        ({"says": ["Syncope"]}, 0.0),
        ({"results": [f"{SYSTOLIC} 89 mm[Hg] -"]}, 2.0),
        ({"results": [f"{SYSTOLIC} 90 mm[Hg] -"]}, 0.0),
        ({"results": [f"{SYSTOLIC} 181 mm[Hg] -", "67151-1 60 ng/L high"]}, 4.0),
        ({"results": [f"{SYSTOLIC} 181 mm[Hg] -", "67151-1 60 ng/L high"],
          "problems": ["I50.9 Heart failure @900"]}, 5.0),
    ],
)  # fmt: skip
def test_canadian_syncope_risk_score(case: dict[str, object], points: float) -> None:
    assert scored("canadian-syncope", **case).points == points


@pytest.mark.parametrize(
    ("rows", "points"),
    [
        ([f"{TEMP} 38.5 Cel -", "4537-7 39 mm/h -", "6690-2 12 10*3/uL -"], 1.0),
        ([f"{TEMP} 38.6 Cel -", "4537-7 40 mm/h -", "6690-2 12 10*3/uL -"], 3.0),
        ([f"{TEMP} 38.6 Cel -", "4537-7 40 mm/h -", "6690-2 12.1 10*3/uL -"], 4.0),
    ],
)
def test_kocher(rows: list[str], points: float) -> None:
    assert scored("kocher", "5 y male", says=["Will not walk"], results=rows).points == points


@pytest.mark.parametrize(
    ("rows", "points"),
    [
        (["1988-5 149 mg/L -", "2951-2 135 mmol/L -"], 0.0),
        (["1988-5 150 mg/L -", "2951-2 134 mmol/L -"], 6.0),
        (["1988-5 150 mg/L -", "2951-2 134 mmol/L -", "2160-0 1.7 mg/dL -"], 8.0),
    ],
)
def test_lrinec(rows: list[str], points: float) -> None:
    assert scored("lrinec", results=rows).points == points


@pytest.mark.parametrize(
    ("name", "who", "case", "points"),
    [
        ("revised-geneva", "66 y male", {"results": [f"{PULSE} 95 /min -"]}, 6.0),
        ("revised-geneva", "65 y male", {"results": [f"{PULSE} 94 /min -"]}, 3.0),
        ("perc", "49 y male", {"results": [f"{PULSE} 99 /min -", f"{SPO2} 95 % -"]}, 0.0),
        ("perc", "50 y male", {"results": [f"{PULSE} 100 /min -", f"{SPO2} 94 % -"]}, 3.0),
        ("heart", "44 y male", {}, 0.0),
        ("heart", "65 y male", {"problems": ["I10 Hypertension @900", "E11.9 Diabetes @900",
                                             "E78.5 Hyperlipidemia @900"]}, 4.0),
        ("centor", "10 y male", {"note": "Tonsillar exudate.", "results": [f"{TEMP} 38 Cel -"]},
         3.0),
        ("centor", "46 y male", {"note": "Tonsillar exudate."}, 0.0),
        ("bisap", "61 y male", {"results": ["3094-0 26 mg/dL -"], "says": ["Confusion"]}, 3.0),
        ("bisap", "60 y male", {"results": ["3094-0 25 mg/dL -"]}, 0.0),
    ],
)  # fmt: skip
def test_scores_that_inform(name: str, who: str, case: dict[str, object], points: float) -> None:
    assert scored(name, who, **case).points == points


def test_a_score_is_not_computed_for_an_age_it_is_not_published_for() -> None:
    for who in ("15 y male",):
        chart = chart_of({"who": who, "results": HEALTHY})
        assert (
            compute_score(scores()["news2"], Criteria(FindingIndex(index_chart(chart, None))))
            is None
        )


def test_every_score_names_what_there_is_and_its_source() -> None:
    for score in scores().values():
        assert len(score.source) > 20
        assert len(score.says) > 15
        assert score.looked_up is False or date.fromisoformat(str(score.looked_up))
        for item in score.items:
            assert set(item.any) <= known_criteria(), item.name
            assert {item.analyte, item.needs} - {""} <= set(analytes()), item.name
            ways = (item.judgement, bool(item.any), bool(item.bands))
            assert sum(ways) == 1 or (not any(ways) and item.points), item.name
