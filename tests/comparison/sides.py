"""A consultation to compare with changes of itself."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from cds_hooks.comparison import Comparison, Side, compare
from cds_hooks.consultation import (
    Candidate,
    CheckedConsultation,
    Differential,
    Group,
    ModelIdentity,
    Outcome,
)
from cds_hooks.protocol.cards import Card, Coding, Link, Source, Suggestion
from prompts import Message, Prompt, TemplateRef
from tests.cards import woman
from tests.cards.woman import ASSESSMENTS, KEYS, SHA

FACTS = tuple(replace(fact, sources=(f"Observation/{fact.id}",)) for fact in woman.FACTS)
CHART = replace(woman.CHART, facts=FACTS)

CHART_TEXT = """Patient: 61 years old, female

Problems:
P1 | Essential hypertension | active | 8 years ago

Results and vital signs:
L2 | Creatinine 1.8 mg/dL (0.6-1.2) | high | today
L3 | Potassium 6.4 mmol/L (3.5-5.1) | critical high | today

Differential diagnosis of this patient as JSON:"""

CARD = Card(
    "Acute kidney injury, hyperkalemia",
    "warning",
    Source("Chartside", topic=Coding("chartsideDifferential", "urn:x")),
    uuid="u-1",
    detail="**To consider**\n- Acute kidney injury\n- Hyperkalemia",
    suggestions=(Suggestion("Add Hyperkalemia (E87.5)", "s-1"),),
    selection_behavior="any",
    links=(Link("What this rests on", "https://cds.example/basis"),),
)


def prompt_of(text: str, version: str = "2") -> Prompt:
    messages = (Message("system", "You are asked."), Message("user", text))
    return Prompt(messages, TemplateRef("differential", version, SHA), {}, ("P1", "L2", "L3"))


def said(*names: str, sample: int = 0) -> Differential:
    return Differential(tuple(Candidate(name, Group.LIKELY) for name in names), "m", sample)


DONE = CheckedConsultation(
    id="c-1",
    key="k-1",
    service="chartside-patient-view",
    created=1_700_000_000.0,
    patient_key="p-1",
    chart=CHART,
    prompt=prompt_of(CHART_TEXT),
    model=ModelIdentity("m", SHA, "llama.cpp"),
    key_states=KEYS,
    samples=('{"a": 1}', '{"b": 2}'),
    sample_models=("m", "m"),
    differentials=(said("AKI", "Hyperkalemia"), said("AKI", sample=1)),
    assessments=ASSESSMENTS,
    outcome=Outcome.ANSWERED,
    timings_ms={"gather": 12.0, "model": 4210.0},
    settings_sha256="ab" * 32,
)


def compared(**changes: Any) -> Comparison:
    """The consultation with itself after these changes, with one card each."""
    return compare(Side(DONE, (CARD,)), Side(replace(DONE, **changes), (CARD,)))
