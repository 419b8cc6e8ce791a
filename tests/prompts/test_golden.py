"""The prompt as a model reads it: a change of these files is a change of the template.

UPDATE_GOLDEN=1 writes them again."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from fhir_mapping.chart import Chart, PatientFacts
from prompts import Prompt, Template, lay_out, render

GOLDEN = Path(__file__).parent / "golden"


def shown(prompt: Prompt) -> str:
    turns = [f"[{message.role}]\n{message.content}\n" for message in prompt.messages]
    left_out = [f"{o.what}: {o.reason}, {o.detail}" for o in prompt.omissions]
    return "\n".join([*turns, "[left out]", *left_out, ""])


def compare(name: str, prompt: Prompt) -> None:
    path = GOLDEN / f"{name}.txt"
    if os.environ.get("UPDATE_GOLDEN"):
        path.write_text(shown(prompt), "utf-8")
    assert shown(prompt) == path.read_text("utf-8")


@pytest.mark.parametrize("budget", [1200, 200, 100])
def test_differential_1(chart: Chart, template: Template, budget: int, priority, must_keep) -> None:  # type: ignore[no-untyped-def]
    layout = lay_out(chart, template)
    costs = [len(text) // 4 for text in layout.texts]
    prompt = render(layout, costs, budget=budget, priority=priority, must_keep=must_keep)
    compare(f"differential-1-{budget}", prompt)


def test_differential_1_of_an_empty_chart(template: Template) -> None:
    layout = lay_out(Chart(PatientFacts(deceased=True), ()), template)
    compare("differential-1-empty", render(layout, [1, 1]))
