"""No class of facts takes the whole prompt: each group of facts has a share that is its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir_mapping.chart import Chart, Fact, Flag, Kind, PatientFacts
from fhir_mapping.priority import Group, group, is_critical
from prompts import Layout, Prompt, lay_out, load, render
from prompts.choice import shares
from prompts.shorter import name_of, short_phrase

BUDGET = 1200
DRUGS = tuple(
    Fact(
        f"M{n}",
        Kind.MEDICATION,
        f"Example drug number {n} film-coated tablet {n}0 mg: total of {n + 28} tablets for 28 days"
        " (one a day on average), for chronic kidney disease stage 3b",
        days_ago=8.0,
        status="active",
    )
    for n in range(1, 41)
)
MYELOMA = (
    Fact("L1", Kind.LAB, "Hemoglobin 6.2 g/dL critical low", value=6.2, unit="g/dL",
         flag=Flag.CRITICAL_LOW, days_ago=119.0),
    Fact("L2", Kind.LAB, "Platelets 12 10^3/uL critical low", value=12.0,
         flag=Flag.CRITICAL_LOW, days_ago=119.0),
    Fact("L3", Kind.LAB, "IgG 4200 mg/dL high", value=4200.0, flag=Flag.HIGH, days_ago=119.0),
    Fact("E1", Kind.ENCOUNTER, "Inpatient stay, for Multiple myeloma, lasted 8 days",
         days_ago=123.0, status="finished"),
)  # fmt: skip


def tokens(layout: Layout) -> list[int]:
    """About as many as a tokenizer makes: one for four letters."""
    return [1 + len(text) // 4 for text in layout.texts]


def prompt_of(facts: Sequence[Fact], budget: int = BUDGET) -> tuple[Prompt, Layout]:
    layout = lay_out(Chart(PatientFacts(55.0, "female"), tuple(facts)), load("differential"))
    return render(layout, tokens(layout), budget=budget), layout


def test_long_drug_lines_leave_space_for_results_and_the_diagnosis_of_a_visit() -> None:
    prompt, _ = prompt_of([*MYELOMA, *DRUGS])
    assert {"L1", "L2", "L3", "E1"} <= set(prompt.fact_ids)
    assert "Multiple myeloma" in prompt.messages[1].content


def test_drugs_are_shown_without_doses_before_other_facts_lose_their_lines() -> None:
    prompt, _ = prompt_of([*MYELOMA, *DRUGS, *(replace(d, id=f"M{d.id[1:]}00") for d in DRUGS)])
    text = prompt.messages[1].content
    assert "Example drug number 1 film-coated tablet 10 mg | active" in text
    assert "Also recorded: Example drug number" in text
    assert "total of" not in text


@pytest.mark.parametrize("crowd", [Kind.MEDICATION, Kind.PROBLEM, Kind.ALLERGY, Kind.COMPLAINT])
def test_no_kind_of_fact_crowds_the_critical_ones_out(crowd: Kind) -> None:
    many = [
        Fact(f"{crowd.letter}{n}", crowd, f"Entry {n} " + "of many long words " * 6,
             status="active", days_ago=0.1)
        for n in range(60)
    ]  # fmt: skip
    prompt, _ = prompt_of([*MYELOMA, *many])
    assert {"L1", "L2", "L3", "E1"} <= set(prompt.fact_ids)


@st.composite
def crowded(draw: st.DrawFn) -> list[Fact]:
    """Up to twelve critical results among hundreds of facts of other kinds."""
    critical = draw(st.integers(1, 12))
    facts = [
        Fact(f"L{n}", Kind.LAB, f"Analyte {n} {n}.5 mmol/L critical high", value=n + 0.5,
             flag=Flag.CRITICAL_HIGH, days_ago=draw(st.floats(0, 300)))
        for n in range(critical)
    ]  # fmt: skip
    for kind in draw(st.lists(st.sampled_from([k for k in Kind if k is not Kind.LAB]), max_size=4)):
        words = "long words " * draw(st.integers(1, 20))
        facts += [
            Fact(f"{kind.letter}{n}", kind, f"{kind.value} {n} {words}", status="active",
                 days_ago=draw(st.floats(0, 30)))
            for n in range(draw(st.integers(0, 60)))
        ]  # fmt: skip
    return facts


@given(crowded())
def test_whatever_the_chart_the_critical_facts_are_in_the_prompt(facts: list[Fact]) -> None:
    distinct = list({fact.id: fact for fact in facts}.values())
    prompt, layout = prompt_of(distinct)
    critical = {f.id for f in distinct if is_critical(f, layout.chart)}
    assert critical
    assert critical <= set(prompt.fact_ids)


def test_more_critical_facts_than_fit_are_named_newest_first() -> None:
    many = [
        Fact(f"L{n}", Kind.LAB, f"Analyte {n} {n}.5 mmol/L critical high", value=n + 0.5,
             flag=Flag.CRITICAL_HIGH, days_ago=float(n))
        for n in range(300)
    ]  # fmt: skip
    prompt, _ = prompt_of(many)
    shown = [int(i[1:]) for i in prompt.fact_ids]
    assert sorted(shown) == list(range(len(shown)))
    assert len(shown) > 20


@pytest.mark.parametrize(
    ("days", "critical"), [(365.0, True), (366.0, True), (366.1, False), (None, False)]
)
def test_a_critical_result_counts_for_a_year(days: float | None, critical: bool) -> None:
    fact = Fact("L1", Kind.LAB, "Hemoglobin 6.2 g/dL", flag=Flag.CRITICAL_LOW, days_ago=days)
    chart = Chart(PatientFacts(55.0, "female"), (fact,))
    assert is_critical(fact, chart) is critical
    assert group(fact, chart) is (Group.CRITICAL if critical else Group.RESULT)


def test_the_shares_are_of_every_group_and_leave_space_for_the_rest() -> None:
    assert set(shares()) == set(Group)
    assert all(part > 0 for part in shares().values())
    assert sum(shares().values()) == pytest.approx(0.9)


@pytest.mark.parametrize(
    ("text", "short", "name"),
    [
        ("Inpatient stay, for Multiple myeloma, lasted 8 days",
         "Inpatient stay, for Multiple myeloma", "Multiple myeloma"),
        ("Emergency visit, for Chest pain; Dyspnea", "Emergency visit, for Chest pain; Dyspnea",
         "Chest pain; Dyspnea"),
        ("Ambulatory visit; diagnosis: Sarcoidosis", "Ambulatory visit; diagnosis: Sarcoidosis",
         "Sarcoidosis"),
        ("Ambulatory visit", "Ambulatory visit", "Ambulatory visit"),
    ],
)  # fmt: skip
def test_a_visit_is_shortened_to_its_reason(text: str, short: str, name: str) -> None:
    fact = Fact("E1", Kind.ENCOUNTER, text)
    assert (short_phrase(fact), name_of(fact)) == (short, name)
