"""What mapping costs beside parsing the same bytes: interleaved in one process, as a ratio."""

from __future__ import annotations

import gzip
import statistics
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson

from fhir_mapping import map_chart
from fhir_mapping.loading import find_patient_ids

BUNDLES = Path(__file__).resolve().parents[3] / "shared" / "data" / "patients" / "synthea-r4"
TIMES = 15


def rows() -> list[dict[str, Any]]:
    """A ratio a bundle; none where the sample data is not beside the checkout."""
    files = sorted(path for path in BUNDLES.glob("*.json*") if path.suffix in {".json", ".gz"})
    return [_row(path) for path in files]


def _row(path: Path) -> dict[str, Any]:
    raw = path.read_bytes()
    raw = gzip.decompress(raw) if path.suffix == ".gz" else raw
    resources = [entry["resource"] for entry in orjson.loads(raw)["entry"]]
    [patient_id] = find_patient_ids(resources)
    now = datetime.now(UTC)
    parse, mapped = [], []
    for _ in range(TIMES):
        parse.append(_seconds(lambda: orjson.loads(raw)))
        mapped.append(_seconds(lambda: map_chart(resources, patient_id=patient_id, now=now)))
    ratios = [one / other for one, other in zip(mapped, parse, strict=True)]
    return {
        "name": f"mapping {len(resources)} resources, {len(raw) / 1e6:.1f} MB",
        "value": statistics.median(mapped) / statistics.median(parse),
        "unit": "x",
        "n": TIMES,
        "minimum": min(ratios),
        "maximum": max(ratios),
        "against": f"orjson.loads, {1000 * statistics.median(parse):.1f} ms",
    }


def _seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began
