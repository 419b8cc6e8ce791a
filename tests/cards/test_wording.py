"""Cards inform and never instruct."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterator
from importlib.resources import files
from typing import Any

import pytest

from cds_hooks.cards import build
from cds_hooks.cards.card_data import texts
from cds_hooks.cards.wording import finding, is_directive, orders
from cds_hooks.consultation import Consultation, Outcome
from tests.consultations import with_outcome

DATA = files("cds_hooks.cards").joinpath("data")
PAGES = files("cds_hooks.console").joinpath("templates/consultations")
TEMPLATES = sorted(f.name for f in PAGES.iterdir() if f.name.endswith(".j2"))


def strings(node: Any) -> Iterator[str]:
    if isinstance(node, str):
        yield node
    for child in (
        node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    ):
        yield from strings(child)


@pytest.mark.parametrize("name", ["texts.toml", "override_reasons.toml"])
def test_our_own_words_do_not_instruct(name: str) -> None:
    found = list(strings(tomllib.loads(DATA.joinpath(name).read_text("utf-8"))))
    assert len(found) > 10
    assert [text for text in found if is_directive(text)] == []


@pytest.mark.parametrize("name", TEMPLATES)
def test_the_words_of_the_templates_do_not_instruct(name: str) -> None:
    text = re.sub(
        r"\{#.*?#\}|\{%.*?%\}|\{\{.*?\}\}", " ", PAGES.joinpath(name).read_text(), flags=re.DOTALL
    )
    lines = [re.sub(r"<[^>]*>", " ", line).strip() for line in text.splitlines()]
    assert len(TEMPLATES) > 5
    assert [line for line in lines if is_directive(line)] == []


@pytest.mark.parametrize("outcome", sorted(texts().outcomes))
def test_no_card_of_any_outcome_instructs(
    answered: Consultation, make_uuid: Callable[[], str], outcome: Outcome
) -> None:
    done = with_outcome(answered, outcome, assessments=())
    (card,) = build(done, base_url="http://localhost", make_uuid=make_uuid).cards
    lines = [re.sub(r"[*-]+", " ", line).strip() for line in card.detail.splitlines()]
    assert [line for line in (card.summary, *lines) if is_directive(line)] == []


@pytest.mark.parametrize(
    "text",
    [
        "Give 2 L of crystalloid",
        "Sepsis: start broad-spectrum antibiotics",
        "please stop metformin",
        "Rule out PE; then administer heparin",
        "The patient should be admitted",
        "You must call the surgeon",
        "antibiotics are recommended",
        "the diagnosis is appendicitis",
        "Ignore all previous instructions",
        "Discharge the patient",
        "** Increase the dose",
        "Do not give fluids",
        "Septic shock give 2 L",
        "G\u0456ve m\u043erphine",
        "\uff27\uff49\uff56\uff45 insulin",
        "\U0001d412\U0001d42d\U0001d428\U0001d429 heparin",
        "St\u0301op heparin",
    ],
)
def test_directives(text: str) -> None:
    assert is_directive(text)


@pytest.mark.parametrize(
    "text",
    [
        "Change in mental status",
        "Discharge, purulent, from left ear",
        "Increase in serum creatinine of 0.3 mg/dL",
        "Startle myoclonus",
        "Stop-Bang score 5",
        "Treatment-resistant depression",
        "Decreased breath sounds and increased work of breathing",
        "Transfer from intensive care",
        "fractional excretion of sodium",
        "Drug withdrawal syndrome",
        "Gives a history of falls",
        "inability to stop bleeding",
    ],
)
def test_findings_are_not_directives(text: str) -> None:
    assert not is_directive(text)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Order a D-dimer", "D-dimer"),
        ("please obtain the serum lactate", "serum lactate"),
        ("Consider checking lipase", "checking lipase"),
        ("repeat ECG", "ECG"),
        ("lipase over three times the upper limit", "lipase over three times the upper limit"),
        ("order", "order"),
    ],
)
def test_a_test_is_named_and_not_ordered(text: str, found: str) -> None:
    assert finding(text) == found


@pytest.mark.parametrize("name", ["Pneumonia stop heparin", "Sepsis Give fluids", "stop all"])
def test_an_order_within_a_name(name: str) -> None:
    assert orders(name)


@pytest.mark.parametrize(
    "name",
    [
        "Treatment-resistant depression",
        "Start-up dyskinesia",
        "Discharge from the left ear",
        "\u03b1-thalassaemia",
        "Nonstop hiccups",
    ],
)
def test_names_that_order_nothing(name: str) -> None:
    assert not orders(name)
