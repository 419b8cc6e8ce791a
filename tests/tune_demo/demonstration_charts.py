"""The project's own charts with known answers as a site's file of cases, each of its own patient.

The charts are those by which the rules are measured (`tests/plausibility/cases`): 300 invented
patients with the diagnosis that turned out to be true. Nothing of them is anybody's record.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson

from cds_hooks.evaluation.suites.times import shift
from tests.plausibility.cases.build import NOW, build
from tests.plausibility.cases.load import DATA, Case, load
from tests.plausibility.cases.statements import PATIENT

__all__ = ["FOLDERS", "chart_lines", "only", "write_charts"]

FOLDERS = (DATA, DATA.parent / "kept_aside")
_ICD = "http://hl7.org/fhir/sid/icd-10-cm"


def chart_lines(cases: Iterable[Case], now: datetime) -> Iterator[dict[str, Any]]:
    """Each case as a line of a site's own file: `{id, patient, resources, gold}`."""
    for case in cases:
        patient = f"demonstration-{case.id}"
        named = [_renamed(resource, patient) for resource in build(case)]
        yield {
            "id": case.id,
            "patient": patient,
            "resources": shift(named, now - NOW),
            "gold": {"system": _ICD, "code": case.code, "display": case.truth},
        }


def write_charts(path: Path, now: datetime, *, limit: int = 0) -> int:
    """Write all charts, or the first so many of every kind mixed, and return how many."""
    cases = sorted(load(*FOLDERS), key=lambda case: (case.id[-2:], case.id))
    chosen = cases[: limit or None]
    lines = (orjson.dumps(line) for line in chart_lines(chosen, now))
    path.write_bytes(b"\n".join(lines) + b"\n")
    return len(chosen)


def only(source: Path, target: Path, ids: Iterable[str]) -> int:
    """Write the lines of a site's file whose id is wanted, and return how many they are."""
    wanted = frozenset(ids)
    lines = [line for line in source.read_bytes().splitlines() if line.strip()]
    chosen = [line for line in lines if str(orjson.loads(line)["id"]) in wanted]
    target.write_bytes(b"\n".join(chosen) + b"\n")
    return len(chosen)


def _renamed(resource: Any, patient: str) -> Any:
    raw = orjson.dumps(resource).replace(
        b'"Patient/%s"' % PATIENT.encode(), b'"Patient/%s"' % patient.encode()
    )
    made = orjson.loads(raw)
    return {**made, "id": patient} if made["resourceType"] == "Patient" else made
