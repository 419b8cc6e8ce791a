"""A recorded consultation about the demonstration patient, and what would answer today."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

import prompts
from cds_hooks.cds_client.requests import hook_request, place_in_time
from cds_hooks.consult.rule_tables import rule_tables, tables_digest
from cds_hooks.consultation import (
    Basis,
    CheckedConsultation,
    ModelIdentity,
    Outcome,
    PreparedConsultation,
    Sampling,
)
from cds_hooks.plausibility import Terminology, load_calibration
from cds_hooks.replay import Today
from cds_hooks.replay.judging import judged
from cds_hooks.services import find
from fhir_mapping import map_chart
from fhir_mapping.chart import Chart

ROOT = Path(__file__).resolve().parents[2]
NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)
SAMPLING = Sampling(samples=1, temperature=None, seed=7, max_tokens=400, names=False)


@pytest.fixture(scope="session")
def terminology() -> Iterator[Terminology]:
    with Terminology(ROOT / "build" / "terminology.sqlite") as opened:
        yield opened


@pytest.fixture(scope="session")
def resources() -> list[dict[str, Any]]:
    raw = json.loads((ROOT / "cds_hooks/cds_client/sample_patients/breathless.json").read_text())
    return [entry["resource"] for entry in place_in_time(raw, NOW)["entry"]]


@pytest.fixture(scope="session")
def chart(resources: list[dict[str, Any]]) -> Chart:
    return map_chart(resources, patient_id="demo-1", now=NOW)


@pytest.fixture
def today(terminology: Terminology) -> Today:
    template = prompts.load("differential")
    basis = Basis("1.0", tables_digest(rule_tables()), "c" * 64, SAMPLING, {})
    return Today(
        template=template,
        terminology=terminology,
        basis=basis,
        sampling=SAMPLING,
        tables=rule_tables(),
        calibration=load_calibration(),
        model_sha256="0" * 64,
    )


def request_body(resources: list[dict[str, Any]]) -> dict[str, Any]:
    """The hook of the demonstration patient."""
    service = find("chartside-patient-view")
    assert service is not None
    return hook_request(
        "patient-view", service.prefetch, resources, patient_id="demo-1", encounter_id="enc-1"
    )


def said(*names: str, fact: str, claim: str = "high") -> str:
    """What a model would write."""
    cited = [{"fact": fact, "is": claim}]
    return json.dumps(
        {"diagnoses": [{"name": n, "group": "likely", "for": cited, "against": []} for n in names]}
    )


@pytest.fixture
def d_dimer(chart: Chart) -> str:
    return next(fact.id for fact in chart.facts if "dimer" in fact.text.lower())


@pytest.fixture
def recorded(today: Today, chart: Chart, d_dimer: str) -> CheckedConsultation:
    """An answered consultation as the store would give it back."""
    layout = prompts.lay_out(chart, today.template)
    prompt = prompts.render(layout, [len(text.split()) + 1 for text in layout.texts])
    prepared = PreparedConsultation(
        id="11111111-1111-4111-8111-111111111111",
        key="k",
        service="chartside-patient-view",
        created=NOW.timestamp(),
        patient_key="p",
        chart=chart,
        prompt=prompt,
        model=ModelIdentity("fake", "0" * 64, "fake-engine", "none"),
        basis=today.basis,
    )
    texts = (said("Pulmonary embolism", "Pneumonia", fact=d_dimer),)
    done = CheckedConsultation.of(prepared, outcome=Outcome.ANSWERED, samples=texts,
                                  sample_models=("fake",))  # fmt: skip
    found = judged(done, today)
    assert isinstance(found, CheckedConsultation)
    return found


@pytest.fixture
def with_basis(recorded: CheckedConsultation) -> Callable[..., CheckedConsultation]:
    """The record with another basis."""
    return lambda **changed: replace(recorded, basis=replace(recorded.basis, **changed))
