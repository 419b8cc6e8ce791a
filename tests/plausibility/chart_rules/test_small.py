"""Small charts by kind: what is dangerous is told, and what is everyday is not."""

from __future__ import annotations

from typing import Any

import pytest

from cds_hooks.consultation import Seriousness
from cds_hooks.plausibility import Terminology, assess_chart
from tests.plausibility.chart_rules.charts import SMALL, SPOKEN, chart_of


@pytest.mark.parametrize("case", [*SMALL, *SPOKEN], ids=[c["id"] for c in (*SMALL, *SPOKEN)])
def test_a_small_chart(terminology: Terminology, case: dict[str, Any]) -> None:
    chart = chart_of(case)
    found = assess_chart(chart, terminology).chart_findings
    loud = [f for f in found if f.seriousness is not Seriousness.NOTABLE]
    assert bool(loud) is bool(case["finds"])
    if case["finds"]:
        assert {f.diagnosis for f in loud} & set(case["finds"])
    ids = {f.id for f in chart.facts}
    for finding in found:
        assert finding.told
        assert set(finding.fact_ids) <= ids
        assert finding.fact_ids
        assert finding.source


def test_the_most_serious_is_told_first_with_its_values(terminology: Terminology) -> None:
    case = next(c for c in SMALL if c["id"] == "pe-1")
    first = assess_chart(chart_of(case), terminology).chart_findings[0]
    assert first.diagnosis == "Pulmonary embolism"
    assert "SpO2 90 %" in first.told
    assert "D-dimer 3.8 mg/L" in first.told
    assert "total knee replacement 11 d ago" in first.told


def test_a_critical_result_is_told_with_its_value(terminology: Terminology) -> None:
    case = next(c for c in SMALL if c["id"] == "k-1")
    (finding,) = (
        f
        for f in assess_chart(chart_of(case), terminology).chart_findings
        if f.rule == "severe-hyperkalemia"
    )
    assert finding.told[0] == "K 7.1 mmol/L"
    assert finding.seriousness is Seriousness.CRITICAL
