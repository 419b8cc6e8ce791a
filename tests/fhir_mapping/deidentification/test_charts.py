"""Charts of ten locales with known identifiers: none is told, and clinical words stay."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from typing import Any

import pytest

import prompts
from fhir_mapping import Chart, map_chart, must_keep
from fhir_mapping.elements.text import TextCleaner
from fhir_mapping.elements.times import RelativeTimes
from fhir_mapping.masking import masker
from fhir_mapping.priority import priority
from tests.fhir_mapping.deidentification.generator import Example, examples, locales
from tests.fhir_mapping.deidentification.judging import identifying, left_of, lost

NOW = datetime(2024, 6, 15, 12, tzinfo=UTC)
SAMPLE = range(60)
ALL = pytest.param(range(500), marks=pytest.mark.slow)
LOST_AT_MOST = 0.01
TEMPLATE = prompts.load("differential", "1")


def _chart(example: Example) -> Chart:
    return map_chart(example.resources, patient_id="p1", now=NOW)


def _shown(chart: Chart) -> str:
    facts = [(f.text, f.codes, f.unit, f.status, f.comparator) for f in chart.facts]
    left_out = [(o.reason, o.detail) for o in chart.omissions]
    layout = prompts.lay_out(chart, TEMPLATE)
    prompt = prompts.render(
        layout, [1] * len(layout.texts), budget=100_000, priority=priority, must_keep=must_keep
    )
    messages = [message.content for message in prompt.messages]
    return "\n".join(map(str, (*facts, *left_out, *chart.quality, *messages)))


@pytest.mark.parametrize("numbers", [SAMPLE, ALL], ids=["sample", "all"])
@pytest.mark.parametrize("later", [False, True])
def test_no_identifier_is_told(
    later: bool, numbers: range, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    for example in examples(numbers, later):
        shown = _shown(_chart(example)) + caplog.text
        clinical = [phrase for planted in example.texts for phrase in planted.clinical]
        tokens = set().union(*map(identifying, example.texts))
        assert not left_of(tokens, clinical, shown), (example.locale, example.patient["name"])


@pytest.mark.parametrize("numbers", [SAMPLE, ALL], ids=["sample", "all"])
@pytest.mark.parametrize("later", [False, True])
def test_clinical_words_stay(later: bool, numbers: range) -> None:
    gone, written = 0, 0
    for example in examples(numbers, later):
        words = TextCleaner(masker(example.patient, RelativeTimes(NOW)))
        for planted in example.texts:
            gone += len(lost(planted, words.masked(planted.text)))
            written += len(planted.clinical)
    assert gone < LOST_AT_MOST * written


@pytest.mark.parametrize("later", [False, True])
def test_without_a_mask_every_identifier_would_be_told(later: bool) -> None:
    for example in examples(range(40), later):
        for planted in example.texts:
            for each in planted.identifiers:
                alone = type(planted)(each, [each], planted.clinical)
                assert left_of(identifying(alone), [], planted.text), each


def test_every_locale_is_written() -> None:
    assert {example.locale for example in examples(SAMPLE, later=False)} == set(locales())
    assert len(locales()) == 10


def _told(patient: dict[str, Any], *typed: str) -> list[str]:
    owner = {"reference": "Patient/p1"}
    problems = [
        {"resourceType": "Condition", "id": f"c{n}", "subject": owner, "code": {"text": text}}
        for n, text in enumerate(typed)
    ]
    about = {"resourceType": "Patient", "id": "p1", **patient}
    chart = map_chart([about, *problems], patient_id="p1", now=NOW)
    return [fact.text for fact in chart.facts]


def test_a_problem_named_for_somebody_is_told_of_a_patient_of_that_name() -> None:
    patient = {"name": [{"family": "Parkinson", "given": ["Small"]}]}
    typed = ["Parkinson disease", "Small cell carcinoma"]
    assert _told(patient, *typed) == typed


def test_a_japanese_name_in_a_problem() -> None:
    patient = {"name": [{"text": "架空 一郎", "family": "架空", "given": ["一郎"]}]}
    assert _told(patient, "架空一郎様の狭心症疑い") == ["[patient]様の狭心症疑い"]


def test_a_birthday_of_an_australian_report() -> None:
    patient = {"birthDate": "1983-08-25", "address": [{"city": "Minjary", "postalCode": "2720"}]}
    told = _told(patient, "Born 25-Aug-1983, 25 Aug 83, 08251983. Collected 18-Jan-23.")
    assert told == ["Born [patient], [patient], [patient]. Collected [17 months ago]."]
