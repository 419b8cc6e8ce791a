"""A hand-made consultation: a woman with nausea, weakness and little urine."""

from __future__ import annotations

import itertools
import sqlite3
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from cds_hooks.consultation import (
    CheckedConsultation,
    Consultation,
    Differential,
    ModelIdentity,
    Outcome,
    Reason,
    TruthSet,
)
from fhir_mapping.chart import (
    Fact,
    Flag,
    Kind,
    Omission,
)
from prompts import Message, Prompt, TemplateRef
from tests.cards.woman import (
    ASSESSMENTS,
    CHART,
    CONTRADICTIONS,
    EMBOLISM,
    FACTS,
    HYPERKALEMIA,
    KEYS,
    SHA,
)
from tests.consultations import with_outcome


@pytest.fixture(name="answered")
def answered_consultation() -> Consultation:
    """A whole consultation with every verdict, of a model that is fit for use."""
    prompt = Prompt(
        messages=(Message("system", "s"), Message("user", "u")),
        template=TemplateRef("differential", "1", SHA[::-1]),
        schema={},
        fact_ids=tuple(f.id for f in FACTS if f.id != "P2"),
        omissions=(Omission("P2", "token-budget", kind=Kind.PROBLEM),),
        tokens=700,
    )
    return CheckedConsultation(
        id="c-1",
        key="k-1",
        service="chartside-patient-view",
        created=1_700_000_000.0,
        patient_key="p-1",
        chart=CHART,
        prompt=prompt,
        model=ModelIdentity("gemma-4-31b-it-q4", SHA, "llama.cpp", "Gemma"),
        key_states=KEYS,
        samples=("{}", "{}", "{}"),
        differentials=tuple(Differential((), "gemma-4-31b-it-q4", n) for n in range(3)),
        assessments=ASSESSMENTS,
        outcome=Outcome.ANSWERED,
        timings_ms={"gather": 12.0, "map": 4.0, "model": 4210.0, "model.decode": 3000.0},
    )


@pytest.fixture
def demonstration(answered: Consultation) -> Consultation:
    """The same answer from a demonstration model, in one sample."""
    model = ModelIdentity("SmolLM2-135M-Instruct", SHA, "llama.cpp", "Apache-2.0", True)
    one = answered.differentials[:1]
    return replace(answered, model=model, differentials=one, samples=("{}",), samples_failed=0)


@pytest.fixture
def pending(answered: Consultation) -> Consultation:
    """The same chart, six hours later, with one result more, and no answer yet."""
    newer = Fact("L6", Kind.LAB, "Lactate 4.1 mmol/L (0.5-2.2)", flag=Flag.HIGH, days_ago=0.0)
    return with_outcome(
        answered,
        Outcome.PENDING,
        id="c-2",
        created=answered.created + 6 * 3600,
        chart=replace(CHART, facts=(*FACTS[:3], *FACTS[4:], newer)),
        timings_ms={"gather": 9.0},
    )


@pytest.fixture
def contradictory(answered: Consultation) -> Consultation:
    return replace(answered, contradictions=CONTRADICTIONS)


@pytest.fixture
def reviewed(contradictory: Consultation) -> Consultation:
    """The answer of two models, with all that rules found around it."""
    kidney, *others = contradictory.assessments
    noted = (
        Reason("drug-may-cause", "abstain", "a current medication commonly causes it", ("M1",)),
        Reason("unexplained-finding", "abstain", "the chart also tells of findings", ("V1", "S1")),
    )
    answers = (*contradictory.differentials[:2], Differential((), "qwen3.5-27b", 2))
    return replace(
        contradictory,
        differentials=answers,
        assessments=(
            replace(kidney, reasons=(*kidney.reasons, *noted), model_share=1.0),
            *(replace(a, model_share=0.5) for a in others),
        ),
        red_flags=(
            Reason(
                "red-flag",
                "fail",
                "Adrenal crisis: the chart tells of hyperkalemia, tachycardia, vomiting",
                ("L3", "V1", "S1"),
                "Bornstein SR et al. 2016",
            ),
        ),
        unexplained=(Reason("unexplained-result", "abstain", "abnormal", ("V1",)),),
        medication_concerns=(
            Reason(
                "drug-and-result",
                "abstain",
                "hyperkalemia: a current medication commonly causes it",
                ("L3", "M2"),
                "Perazella MA 2000",
            ),
            Reason(
                "drug-and-problem",
                "fail",
                "named by the Beers criteria as potentially inappropriate",
                ("M1", "L2"),
                "AGS Beers criteria 2023",
            ),
        ),
        truth_set=TruthSet(("Acute kidney injury",), 0.5, 0.1, 120, "discharges of this site"),
    )


@pytest.fixture
def critical(reviewed: Consultation) -> Consultation:
    """The reviewed answer in a chart in which rules find two dangerous things."""
    return replace(reviewed, red_flags=(), chart_findings=(HYPERKALEMIA, EMBOLISM))


@pytest.fixture(scope="session")
def terminology_codes() -> list[str]:
    """Every ICD-10-CM code of the compiled terminology."""
    path = Path(__file__).resolve().parents[2] / "build" / "terminology.sqlite"
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as file:
        return [code for (code,) in file.execute("SELECT code FROM concept WHERE system = 'icd'")]


@pytest.fixture
def make_uuid() -> Callable[[], str]:
    """uuid-1, uuid-2 and so on."""
    numbers = itertools.count(1)
    return lambda: f"uuid-{next(numbers)}"
