"""Ten times what the engine can do, for a moment: `make soak` is the long form."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path
from typing import Any

from tests.end_to_end.conftest import running_service
from tests.soak.judged import Aims
from tests.soak.overload import overload, records_in

SECONDS = 10.0


def rows() -> list[dict[str, Any]]:
    """Rows for `make bench`."""
    with tempfile.TemporaryDirectory() as folder, running_service(Path(folder)) as service:
        service.until_ready()
        found = asyncio.run(overload(service, SECONDS))
        found.records = records_in(Path(folder) / "records.sqlite")
    took = [1000 * each for each in found.took_s]
    margin = Aims().late_ms
    beyond = sum(late > margin for late in found.late_ms)
    within = f"answer_within {1000 * found.within_s:.0f} ms and {margin:.0f} ms more"
    what = f"ten times too much work for {SECONDS:.0f} s"
    return [
        {
            "name": f"{what}: latest answer",
            "value": max(took),
            "unit": "ms",
            "n": len(took),
            "minimum": min(took),
            "maximum": max(took),
            "against": f"{within}; {beyond} later",
        },
        _count(f"{what}: hooks without an answer", found.lost, found.fired),
        _count(f"{what}: answers without a record", found.unrecorded, found.fired),
    ]


def _count(name: str, value: int, fired: int) -> dict[str, Any]:
    return {
        "name": name,
        "value": value,
        "unit": "",
        "n": fired,
        "minimum": value,
        "maximum": value,
        "against": "none",
    }
