"""A consultation without an answer: what happened, its cause, and what to do."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from datetime import UTC, datetime
from importlib.resources import files

import pytest

from cds_hooks.cli.outcomes import not_answered
from cds_hooks.consultation import CheckedConsultation, Consultation, Outcome
from fhir_mapping import map_chart
from tests.consultations import with_outcome

ANSWERS = {Outcome.ANSWERED, Outcome.REUSED, Outcome.CHECKED}


@pytest.fixture
def consultation() -> Consultation:
    patient = {"resourceType": "Patient", "id": "p", "birthDate": "1950-01-01"}
    chart = map_chart([patient], patient_id="p", now=datetime(2026, 1, 1, tzinfo=UTC))
    return CheckedConsultation(
        "id", "key", "chartside-patient-view", 0.0, "pseudonym", chart, outcome=Outcome.ANSWERED
    )


def test_every_outcome_is_an_answer_or_has_words() -> None:
    told = tomllib.loads(files("cds_hooks.cli").joinpath("outcomes.toml").read_text())
    assert set(told) - {"version"} == {each.value for each in set(Outcome) - ANSWERS}


@pytest.mark.parametrize("outcome", sorted(ANSWERS))
def test_an_answer_is_no_error(consultation: Consultation, outcome: Outcome) -> None:
    assert not_answered(with_outcome(consultation, outcome)) is None


@pytest.mark.parametrize("outcome", sorted(set(Outcome) - ANSWERS))
def test_what_is_no_answer_has_a_code_a_cause_and_a_remedy(
    consultation: Consultation, outcome: Outcome
) -> None:
    error = not_answered(with_outcome(consultation, outcome))
    assert error is not None
    assert error.code == outcome.value
    assert error.status >= 500  # exit code 1
    assert error.message
    assert error.hint.endswith(".")


def test_the_fault_is_the_code_and_the_engine_s_words_are_the_cause(
    consultation: Consultation,
) -> None:
    done = replace(
        consultation,
        outcome=Outcome.ENGINE_FAILED,
        fault="engine-died-on-request",
        outcome_detail="engine-failed: The engine process ended.",
    )
    error = not_answered(
        done, "The engine process ended by SIGSEGV on a request. Run `make setup`."
    )
    assert error is not None
    said = error.diagnostics()
    assert said.startswith("engine-died-on-request: the engine failed while it was answering.")
    assert "by SIGSEGV on a request. Run `make setup`. docs/operators/engine.md" in said
    without = not_answered(done)
    assert without is not None
    assert "The engine process ended." in without.diagnostics()
