"""The card on the clinicians' page is a card."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from cds_hooks.cards import build
from cds_hooks.consultation import (
    Assessment,
    ChartFinding,
    CheckedConsultation,
    Consultation,
    Differential,
    Evidence,
    Group,
    KeyState,
    ModelIdentity,
    Outcome,
    Reason,
    Seriousness,
    Verdict,
)
from fhir_mapping.chart import Chart, Code, Fact, Flag, Kind, PatientFacts

PAGE = Path(__file__).resolve().parents[2] / "docs/clinicians/cards.md"
ICD = "http://hl7.org/fhir/sid/icd-10-cm"
THREE_HOURS = 0.13


def lab(number: int, text: str, flag: Flag) -> Fact:
    return Fact(f"L{number}", Kind.LAB, text, flag=flag, days_ago=THREE_HOURS)


def pictured() -> Consultation:
    facts = (
        lab(1, "Leukocytes 11.4 10*9/L (4-10)", Flag.HIGH),
        lab(2, "NT-proBNP 120 pg/mL (<125)", Flag.NORMAL),
        lab(3, "Sodium 131 mmol/L (135-145)", Flag.LOW),
    )
    embolism = ChartFinding(
        "pulmonary-embolism",
        "Pulmonary embolism",
        Seriousness.SERIOUS,
        ("SpO2 90 %", "D-dimer 3.8 mg/L", "knee replacement 11 d ago"),
        (),
        "Konstantinides SV et al. Eur Heart J 2020;41:543-603",
        score="Wells 7.5, likely above 4",
    )
    pneumonia = Assessment(
        "Pneumonia",
        Group.LIKELY,
        Verdict.PLAUSIBLE,
        (Code(ICD, "J18.9", "Pneumonia"),),
        evidence_for=(Evidence("L1", "high"),),
        model_share=2 / 3,
    )
    failure = Assessment(
        "Heart failure",
        Group.LIKELY,
        Verdict.UNCERTAIN,
        (Code(ICD, "I50.9", "Heart failure"),),
        evidence_against=(Evidence("L2", "normal"),),
    )
    models = ("gemma-4-31b-it", "qwen3.5-27b", "gpt-oss-20b")
    return CheckedConsultation(
        id="c",
        key="k",
        service="s",
        created=0.0,
        patient_key="p",
        chart=Chart(PatientFacts(), facts),
        model=ModelIdentity(", ".join(models), "", "llama.cpp"),
        differentials=tuple(Differential((), model) for model in models),
        assessments=(pneumonia, failure),
        unexplained=(Reason("unexplained-result", "abstain", "", ("L3",)),),
        chart_findings=(embolism,),
        key_states={"documents": KeyState.UNAVAILABLE},
        outcome=Outcome.ANSWERED,
    )


def test_the_page_shows_a_card_as_it_is(make_uuid: Callable[[], str]) -> None:
    [card] = build(pictured(), base_url="http://localhost", make_uuid=make_uuid).cards
    shown = f"[{card.indicator}] {card.summary} {card.detail}".replace("**", "").replace("\\", "")
    block = re.search(r"```text\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    assert block is not None
    assert " ".join(block[1].split()) == " ".join(shown.split())
