"""Whole charts of published and generated patients, in the embedded model's own tokenizer."""

from __future__ import annotations

import gzip
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest

from fhir_mapping import map_chart, must_keep
from fhir_mapping.chart import Chart
from prompts import Template, lay_out, render

MODEL = Path(__file__).parents[2] / "build" / "models" / "SmolLM2-135M-Instruct.Q4_1.gguf"
SOURCES = ("clinosim/*.json", "synthea-r4/*.json*", "uscore/*6_bundle.json", "pysynthea/*.json*")

pytestmark = pytest.mark.model


@pytest.fixture(scope="module")
def llama() -> Any:
    llama_cpp = pytest.importorskip("llama_cpp")
    if not MODEL.is_file():
        pytest.skip("the embedded model is not in build/models")
    return llama_cpp.Llama(str(MODEL), vocab_only=True, verbose=False, n_ctx=64)


@dataclass(frozen=True)
class Patient:
    name: str
    resources: list[dict[str, Any]]
    id: str


def patients(folder: Path) -> list[Patient]:
    """Every bundle of the data folder that holds a Patient."""
    found = []
    for path in sorted(p for source in SOURCES for p in folder.glob(f"patients/{source}")):
        raw = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        resources = [e["resource"] for e in orjson.loads(raw).get("entry", []) if "resource" in e]
        ids = [r["id"] for r in resources if r["resourceType"] == "Patient" and "id" in r]
        if ids:
            found.append(Patient(path.name, resources, ids[0]))
    return found


def at_its_newest(patient: Patient) -> Chart:
    """The chart on the day of its newest entry."""
    now = datetime(2026, 1, 1, tzinfo=UTC)
    chart = map_chart(patient.resources, patient_id=patient.id, now=now)
    newest = min((f.days_ago for f in chart.facts if (f.days_ago or -1) >= 0), default=0.0)
    then = now - timedelta(days=newest or 0.0)
    return map_chart(patient.resources, patient_id=patient.id, now=then)


def test_the_must_keep_set_of_every_patient_fits(
    llama: Any, shared_data: Path, template: Template
) -> None:
    found = patients(shared_data)
    assert len(found) > 12
    for patient in found:
        chart = at_its_newest(patient)
        layout = lay_out(chart, template)
        costs = [len(llama.tokenize(t.encode(), add_bos=False)) for t in layout.texts]
        prompt = render(layout, costs)
        left_out = {omission.what for omission in prompt.omissions}
        assert sorted([*prompt.fact_ids, *left_out]) == sorted(f.id for f in chart.facts)
        must = {f.id for f in chart.facts if must_keep(f, chart)}
        assert not must & left_out, patient.name
        whole = len(llama.tokenize(prompt.messages[1].content.encode(), add_bos=False))
        assert whole <= template.settings.chart_tokens, patient.name
