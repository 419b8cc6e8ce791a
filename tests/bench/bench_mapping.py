"""What mapping a chart costs, beside parsing the same bytes and beside validating them."""

from __future__ import annotations

import gzip
import statistics
import time
import tracemalloc
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
from fhir.resources.R4B.bundle import Bundle
from llama_cpp import Llama

import prompts
from fhir_mapping import map_chart, must_keep

ROOT = Path(__file__).resolve().parents[2]
PATIENTS = ROOT.parent / "shared" / "data" / "patients" / "synthea-r4"
MODEL = ROOT / "build" / "models" / "SmolLM2-135M-Instruct.Q8_0.gguf"
NOW = datetime(2024, 6, 15, 12, tzinfo=UTC)
ROUNDS = 15
Row = dict[str, Any]
Resources = list[dict[str, Any]]


def rows() -> list[Row]:
    """Empty where the sample patients are not beside the checkout."""
    if not PATIENTS.is_dir():
        return []
    _map(_resources(_bytes("Barry_Wolf*.json")))  # the tables are read when they are first used
    small = _bytes("Barry_Wolf*.json")
    large = _bytes("*3.9MB.json.gz")
    return [
        *_against_parsing("1.1 MB patient", small),
        *_against_parsing("3.9 MB patient", large),
        _against_validation(large),
        _growth(_resources(large)),
        _memory(large),
        *_fits(large),
    ]


def _bytes(pattern: str) -> bytes:
    (path,) = PATIENTS.glob(pattern)
    data = path.read_bytes()
    return gzip.decompress(data) if path.suffix == ".gz" else data


def _resources(data: bytes) -> Resources:
    return [entry["resource"] for entry in orjson.loads(data)["entry"]]


def _map(resources: Resources) -> None:
    patient = next(r["id"] for r in resources if r["resourceType"] == "Patient")
    map_chart(resources, patient_id=patient, now=NOW)


def _milliseconds(work: Callable[[], object]) -> float:
    """Processor time, which what else runs on the machine changes less than the clock's."""
    started = time.process_time()
    work()
    return (time.process_time() - started) * 1000


def _row(name: str, unit: str, found: list[float], against: str = "") -> Row:
    return {
        "name": name,
        "value": statistics.median(found),
        "unit": unit,
        "n": len(found),
        "minimum": min(found),
        "maximum": max(found),
        "against": against,
    }


def _against_parsing(name: str, data: bytes) -> Iterator[Row]:
    """Interleaved, so that both see the same machine; the ratio is that of the medians."""
    parsing, mapping = [], []
    for _ in range(ROUNDS):
        parsing.append(_milliseconds(lambda: orjson.loads(data)))
        resources = _resources(data)
        mapping.append(_milliseconds(lambda: _map(resources)))  # noqa: B023 - called at once
    yield _row(f"map {name}", "ms", mapping)
    ratio = statistics.median(mapping) / statistics.median(parsing)
    pairs = [m / p for m, p in zip(mapping, parsing, strict=True)]
    row = _row(f"map {name} / parse it", "ratio", pairs, "orjson.loads of the same bytes")
    yield {**row, "value": ratio}


def _against_validation(data: bytes) -> Row:
    """Interleaved as above; the models load, and are refused nothing, before the clock runs."""
    bundle = orjson.loads(data)
    resources = _resources(data)
    Bundle.model_validate(bundle)
    validating, mapping = [], []
    for _ in range(5):
        validating.append(_milliseconds(lambda: Bundle.model_validate(bundle)))
        mapping.append(statistics.median(_milliseconds(lambda: _map(resources)) for _ in range(3)))
    pairs = [v / m for v, m in zip(validating, mapping, strict=True)]
    row = _row("validate 3.9 MB patient / map it", "ratio", pairs, "fhir.resources R4B Bundle")
    return {**row, "value": statistics.median(validating) / statistics.median(mapping)}


def _growth(resources: Resources) -> Row:
    one, ten = _copies(resources, 1_000), _copies(resources, 10_000)
    singles, tens = [], []
    for _ in range(7):
        singles.append(statistics.median(_milliseconds(lambda: _map(one)) for _ in range(3)))
        tens.append(_milliseconds(lambda: _map(ten)))
    pairs = [many / few for many, few in zip(tens, singles, strict=True)]
    row = _row("map 10,000 resources / map 1,000", "ratio", pairs, "1,000 resources")
    return {**row, "value": statistics.median(tens) / statistics.median(singles)}


def _copies(resources: Resources, wanted: int) -> Resources:
    """So many resources of one patient: copies under ids of their own."""
    patient = [r for r in resources if r["resourceType"] == "Patient"]
    others = [r for r in resources if r["resourceType"] != "Patient"]
    made = [
        {**others[n % len(others)], "id": f"{others[n % len(others)]['id']}-{n // len(others)}"}
        for n in range(wanted - 1)
    ]
    return orjson.loads(orjson.dumps(patient + made))  # type: ignore[no-any-return]


def _memory(data: bytes) -> Row:
    resources = _resources(data)
    found = []
    for _ in range(3):
        tracemalloc.start()
        _map(resources)
        found.append(tracemalloc.get_traced_memory()[1] / len(data))
        tracemalloc.stop()
    return _row("peak memory of mapping / size", "ratio", found, "bytes of the 3.9 MB bundle")


def _fits(data: bytes) -> list[Row]:
    """Tokens in the embedded model's own tokenizer; no row where the model is not there."""
    if not MODEL.is_file():
        return []
    vocabulary = Llama(str(MODEL), vocab_only=True, verbose=False, n_ctx=64)

    def tokens(text: str) -> int:
        return len(vocabulary.tokenize(text.encode(), add_bos=False, special=False))

    resources = _resources(data)
    patient = next(r["id"] for r in resources if r["resourceType"] == "Patient")
    chart = map_chart(resources, patient_id=patient, now=NOW)
    layout = prompts.lay_out(chart, prompts.load("differential"))
    prompt = prompts.render(layout, [tokens(text) for text in layout.texts])
    must = {fact.id for fact in chart.facts if must_keep(fact, chart)}
    shown = tokens(prompt.messages[1].content)
    raw = sum(tokens(orjson.dumps(resource).decode()) for resource in resources)
    return [
        _row("chart of the 3.9 MB patient in the prompt", "tokens", [shown], "1,200 at most"),
        _row("its FHIR JSON / that", "ratio", [raw / shown], f"{raw} tokens of JSON"),
        _row("must-keep facts left out", "facts", [len(must - set(prompt.fact_ids))], "none"),
    ]
