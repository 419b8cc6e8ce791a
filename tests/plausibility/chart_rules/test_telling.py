"""Which findings of a rule are told first, and which another one tells already."""

from __future__ import annotations

import pytest

from cds_hooks.plausibility.chart.finding_index import findings
from cds_hooks.plausibility.chart_rules.criteria import MetCriterion, known_criteria, result_limits
from cds_hooks.plausibility.chart_rules.finding_order import (
    analyte_of,
    distinct_findings,
    is_specific,
    ordered_findings,
)
from cds_hooks.plausibility.chart_rules.phrases import labels

SPREAD = {"gcs": 49, "lactate": 6, "systolic": 13, "tracheal-deviation": 1, "chest-pain": 13}


def met(name: str, phrase: str = "", background: bool = False) -> MetCriterion:
    return MetCriterion(name, phrase or name, ("F1",), background)


def names(found: list[MetCriterion]) -> list[str]:
    return [m.name for m in found]


def test_what_few_diagnoses_have_comes_first_and_histories_last() -> None:
    told = [
        met("history-diabetes", background=True),
        met("heart-rate", "heart rate 134 /min"),
        met("chest-pain"),
        met("lactate", "lactate 4.1 mmol/L"),
        met("tracheal-deviation"),
    ]
    assert names(ordered_findings(told, SPREAD, ())) == [
        "tracheal-deviation",
        "lactate",
        "heart-rate",
        "chest-pain",
        "history-diabetes",
    ]


def test_a_value_that_the_rule_requires_comes_before_words() -> None:
    told = [met("tracheal-deviation"), met("systolic", "BP 82/50 mmHg")]
    assert names(ordered_findings(told, SPREAD, ())) == ["tracheal-deviation", "systolic"]
    assert names(ordered_findings(told, SPREAD, {"systolic"})) == ["systolic", "tracheal-deviation"]


@pytest.mark.parametrize(("count", "specific"), [(4, True), (5, True), (6, False)])
def test_a_finding_of_at_most_five_diagnoses_is_specific(count: int, specific: bool) -> None:
    assert is_specific(met("chest-pain"), {"chest-pain": count}) is specific


@pytest.mark.parametrize(
    ("told", "left"),
    [
        # The same in words as in a value, and a wider finding: one finding.
        ([met("gcs", "GCS 11"), met("altered-mental-state")], ["gcs"]),
        ([met("temperature", "temperature 39 °C"), met("fever")], ["temperature"]),
        ([met("wheezing"), met("wheeze")], ["wheezing"]),
        # Without a value there is nothing that tells the words.
        ([met("altered-mental-state")], ["altered-mental-state"]),
        ([met("fever"), met("headache")], ["fever", "headache"]),
    ],
)
def test_a_finding_counts_once(told: list[MetCriterion], left: list[str]) -> None:
    assert names(distinct_findings(told)) == left


def test_what_says_no_more_counts_but_is_not_told_again() -> None:
    told = [met("focal-weakness"), met("arm-weakness")]
    assert names(distinct_findings(told)) == ["focal-weakness", "arm-weakness"]
    assert names(ordered_findings(told, {}, ())) == ["arm-weakness"]


def test_the_tables_of_order_name_criteria_and_analytes_that_exist() -> None:
    known = known_criteria() | {limit.analyte for limit in result_limits().values()}
    known |= {analyte_of(name) for name in findings()} | {"age", "weight"}
    for table in ("measures", "told_by"):
        for name, others in labels()[table].items():
            assert {name, *others} <= known, (table, name)
    assert set(labels()["order"]["common"]) <= known
    assert set(labels()["findings"]) <= known_criteria()
