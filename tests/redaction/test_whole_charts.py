"""Whole charts: of nobody named in them anything is left, and most facts are."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from cds_hooks.redaction import redact
from fhir_mapping import map_chart
from tests.sample.places import SAMPLE

NOW = datetime(2026, 11, 29, 7, 0, tzinfo=UTC)
FILES = [
    file
    for file in sorted(SAMPLE.folder.glob("patients/**/*.json"))
    if b'"Bundle"' in file.read_bytes()[:2000]
]
PEOPLE = ("Patient", "Practitioner", "RelatedPerson")


def _bundle(file: Any) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(file.read_bytes())
    assert document["resourceType"] == "Bundle"
    return document


def _redacted(bundle: dict[str, Any]) -> dict[str, Any]:
    request = {"hook": "patient-view", "context": {}, "prefetch": {"all": bundle}}
    return redact(request, now=NOW).request["prefetch"]["all"]


def _resources(bundle: dict[str, Any]) -> list[dict[str, Any]]:
    return [entry.get("resource", {}) for entry in bundle.get("entry", [])]


def _words(value: Any) -> Iterator[str]:
    """Every text of a name, address, number or birth date."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for each in value:
            yield from _words(each)
    elif isinstance(value, dict):
        for name, inner in value.items():
            if name not in ("use", "system", "type", "extension"):
                yield from _words(inner)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_nothing_of_the_people_in_a_chart_is_left(file: Any) -> None:
    bundle = _bundle(file)
    named = {
        word
        for person in _resources(bundle)
        if person.get("resourceType") in PEOPLE
        for part in ("id", "name", "telecom", "address", "identifier", "birthDate")
        for word in _words(person.get(part))
        if len(word) >= 4
    }
    kept = json.dumps(_redacted(bundle), ensure_ascii=False)
    left = [w for w in named if re.search(rf"(?<!\w){re.escape(w)}(?!\w)", kept)]
    assert left == []


def test_most_facts_of_a_coded_chart_stay() -> None:
    counted: Counter[str] = Counter()
    for file in FILES:
        document = _bundle(file)
        everybody = [r for r in _resources(document) if r.get("resourceType") == "Patient"]
        patients = [r for r in everybody if "id" in r]
        if len(patients) != 1:
            continue
        kept = _redacted(document)
        [now_called] = [r["id"] for r in _resources(kept) if r["resourceType"] == "Patient"]
        before = map_chart([document], patient_id=patients[0]["id"], now=NOW).facts
        after = map_chart([kept], patient_id=now_called, now=datetime(2020, 1, 1, 7, tzinfo=UTC))
        said = [Counter((f.kind, f.value, f.unit) for f in facts if f.value is not None)
                for facts in (before, after.facts)]  # fmt: skip
        counted["before"] += said[0].total()
        counted["same"] += (said[0] & said[1]).total()
    assert counted["before"] > 20
    assert counted["same"] >= 0.9 * counted["before"]
