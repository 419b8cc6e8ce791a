"""A hand-made chart, the template, and a ranking the tests hand in."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from fhir_mapping.chart import Chart, Fact, Flag, Kind, PatientFacts, Polarity
from prompts import Template, load

FACTS = (
    Fact("P1", Kind.PROBLEM, "Type 2 diabetes mellitus", days_ago=4000.0, status="active"),
    Fact("P2", Kind.PROBLEM, "Essential hypertension", days_ago=2900.0, status="active"),
    Fact("P3", Kind.PROBLEM, "Community acquired pneumonia", days_ago=500.0, status="resolved"),
    Fact("P4", Kind.PROBLEM, "Asthma", polarity=Polarity.REFUTED, days_ago=900.0),
    Fact("M1", Kind.MEDICATION, "Metformin 500 mg twice daily", days_ago=700.0, status="active"),
    Fact(
        "M2", Kind.MEDICATION, "Ibuprofen 600 mg three times daily", days_ago=9.0, status="active"
    ),
    Fact("A1", Kind.ALLERGY, "Penicillin (rash, low criticality)", status="active"),
    Fact("X1", Kind.PROCEDURE, "Appendectomy", days_ago=9000.0, status="completed"),
    Fact("F1", Kind.FAMILY, "Father: myocardial infarction at 52"),
    Fact("H1", Kind.SOCIAL, "Current smoker, 20 a day", days_ago=30.0, status="final"),
    Fact("E1", Kind.ENCOUNTER, "Emergency visit", days_ago=0.1, status="in-progress"),
    Fact(
        "L1",
        Kind.LAB,
        "Creatinine 0.9 mg/dL (0.6-1.2)",
        value=0.9,
        unit="mg/dL",
        flag=Flag.NORMAL,
        days_ago=120.0,
        status="final",
    ),
    Fact(
        "L2",
        Kind.LAB,
        "Creatinine 1.8 mg/dL (0.6-1.2)",
        value=1.8,
        unit="mg/dL",
        flag=Flag.HIGH,
        days_ago=0.1,
        status="final",
    ),
    Fact(
        "L3",
        Kind.LAB,
        "Potassium 6.4 mmol/L (3.5-5.1) critical high",
        value=6.4,
        unit="mmol/L",
        flag=Flag.CRITICAL_HIGH,
        days_ago=0.1,
        status="preliminary",
    ),
    Fact("L4", Kind.LAB, "D-dimer <0.5 mg/L", value=0.5, comparator="<", days_ago=0.1),
    Fact("V1", Kind.VITAL, "Heart rate 112 /min", value=112.0, flag=Flag.HIGH, days_ago=0.1),
    Fact("S1", Kind.COMPLAINT, "Nausea, muscle weakness and little urine for 3 days", days_ago=0.1),
    Fact("S2", Kind.COMPLAINT, "Chest pain", polarity=Polarity.ABSENT, days_ago=0.1),
)


@pytest.fixture(scope="session")
def template() -> Template:
    return load("differential", "1")


@pytest.fixture
def chart() -> Chart:
    return Chart(PatientFacts(61.4, "female"), FACTS)


@pytest.fixture
def priority() -> Callable[[Fact, Chart], tuple[float, str]]:
    """Newest first; ties by id."""
    return lambda fact, chart: (1e9 if fact.days_ago is None else abs(fact.days_ago), fact.id)


@pytest.fixture
def must_keep() -> Callable[[Fact, Chart], bool]:
    return lambda fact, chart: fact.kind in (Kind.COMPLAINT, Kind.ALLERGY)
