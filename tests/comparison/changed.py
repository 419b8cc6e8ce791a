"""Two consultations that differ in every part."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from cds_hooks.comparison import Comparison, Side, compare
from cds_hooks.consultation import KeyState, Verdict
from fhir_mapping.chart import Fact, Flag, Kind
from tests.cards.woman import ASSESSMENTS, EMBOLISM, KEYS
from tests.comparison.sides import CARD, CHART, CHART_TEXT, DONE, FACTS, prompt_of, said

_LACTATE = Fact("L6", Kind.LAB, "Lactate 4.1 mmol/L (0.5-2.2)", flag=Flag.HIGH, days_ago=0.0)
_FACTS = (
    *(f for f in FACTS if f.id not in ("P3", "L3", "M2")),
    replace(FACTS[2], status="resolved"),
    replace(FACTS[7], text="Potassium 4.4 mmol/L (3.5-5.1)", flag=Flag.NORMAL),
    _LACTATE,
)


def changed(text: str = "Sepsis") -> Comparison:
    """The second has `text` in many places."""
    kidney, _, *others = ASSESSMENTS
    lower: Any = replace(kidney, verdict=Verdict.UNCERTAIN, reasons=(), agreement=0.5)
    new = replace(
        DONE,
        chart=replace(CHART, facts=_FACTS, omissions=()),
        prompt=prompt_of(CHART_TEXT.replace("6.4", "4.4").replace("Problems", text), "1"),
        key_states={**KEYS, text: KeyState.EMPTY},
        chart_findings=(replace(EMBOLISM, diagnosis=text),),
        samples=('{"c": 3}',),
        sample_models=("m",),
        differentials=(said(text, "AKI"),),
        assessments=(replace(kidney, name=text, codes=()), lower, *others),
        timings_ms={"gather": 15.0, text: 3.0},
    )
    card = replace(CARD, summary=text, detail=f"**To consider**\n- {text}", indicator="critical")
    one, two = Side(DONE, (CARD,), {"version": "1.0"}), Side(new, (card,), {"version": text})
    return compare(one, two)


COMPARISON = changed()
