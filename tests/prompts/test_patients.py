"""Whole charts of invented and published patients, in the embedded model's own tokenizer."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest

from fhir_mapping import map_chart, must_keep
from fhir_mapping.chart import Chart
from fhir_mapping.input.loading import find_patient_ids, load_bytes, load_path
from prompts import Template, lay_out, render
from tests.sample.places import Data
from tests.sample.transactions import large

MODEL = Path(__file__).parents[2] / "build" / "models" / "SmolLM2-135M-Instruct.Q8_0.gguf"
SOURCES = (
    "export-r4",
    "parts-stu3/*.json",
    "profiles-r4/*.json",
    "stays-r4/*.json",
    "transactions-r4/*.json",
    "clinosim/*.json",
    "pysynthea/*.json*",
    "smart-stu3/*.json",
    "synthea-r4/*.json*",
    "uscore/*.json",
    "uscore-examples",
)

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
    """Every patient of the data folder; one whose bundle is in parts is read from all of them."""
    parts: dict[Path, list[dict[str, Any]]] = {}
    for path in sorted(p for source in SOURCES for p in folder.glob(f"patients/{source}")):
        whole = path.with_name(re.sub(r"(?:\.\d\d)?\.json(?:\.gz)?$", "", path.name))
        if path.name != "labels.json":
            parts.setdefault(whole, []).extend(load_path(path))
    found = []
    for whole, resources in parts.items():
        ids = find_patient_ids(resources)
        found += [Patient(whole.name, resources, patient_id) for patient_id in ids]
    return found


def at_its_newest(patient: Patient) -> Chart:
    """The chart on the day of its newest entry."""
    now = datetime(2026, 1, 1, tzinfo=UTC)
    chart = map_chart(patient.resources, patient_id=patient.id, now=now)
    past = (f.days_ago for f in chart.facts if f.days_ago is not None and f.days_ago >= 0)
    then = now - timedelta(days=min(past, default=0.0))
    return map_chart(patient.resources, patient_id=patient.id, now=then)


def test_the_must_keep_set_of_every_patient_fits(
    llama: Any, data: Data, template: Template
) -> None:
    found = patients(data.folder)
    if data.name == "sample":
        assert len(found) == 12
        found.append(Patient("large", load_bytes(orjson.dumps(large())), ""))
        found[-1] = replace(found[-1], id=find_patient_ids(found[-1].resources)[0])
    else:
        assert len(found) > 24
    for patient in found:
        chart = at_its_newest(patient)
        layout = lay_out(chart, template)
        costs = [len(llama.tokenize(t.encode(), add_bos=False)) for t in layout.texts]
        prompt = render(layout, costs)
        left_out = {o.what for o in prompt.omissions if o.reason != "shortened"}
        assert sorted([*prompt.fact_ids, *left_out]) == sorted(f.id for f in chart.facts)
        must = {f.id for f in chart.facts if must_keep(f, chart)}
        assert not must & left_out, patient.name
        whole = len(llama.tokenize(prompt.messages[1].content.encode(), add_bos=False))
        assert whole <= template.settings.chart_tokens, patient.name
