"""Writes the sample: `python -m tests.sample [FOLDER]`, by default the one that is shipped."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import orjson

from tests.sample import cases, hooks, profiles, recording, stays, stu3, transactions
from tests.sample.places import SAMPLE

__all__ = ["files", "write"]


def files() -> Iterator[tuple[str, bytes]]:
    """Path below the folder -> content; the same bytes each time."""
    for name, bundle in stays.bundles():
        yield f"patients/stays-r4/{name}.json", _json(bundle)
    yield "patients/stays-r4/labels.json", _json(stays.LABELS)
    for name, bundle in transactions.small():
        yield f"patients/transactions-r4/{name}.json", _json(bundle)
    for name, bundle in stu3.parts():
        yield f"patients/parts-stu3/{name}.json", _json(bundle)
    yield "patients/profiles-r4/collection.json", _json(profiles.collection())
    for kind, lines in profiles.export().items():
        yield f"patients/export-r4/{kind}.ndjson", lines
    yield "eval/osce_cases.jsonl", cases.osce_lines()
    yield "eval/vignettes_mcq.jsonl", cases.vignette_lines()
    yield "eval/eurorad_predictions.csv", recording.csv_text().encode()
    for name, request in hooks.requests().items():
        yield f"hooks/{name}", _json(request)
    yield "hooks/cards.json", _json(hooks.cards())


def write(folder: Path) -> None:
    for name, content in files():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def _json(value: object) -> bytes:
    return orjson.dumps(value) + b"\n"


if __name__ == "__main__":
    write(Path(sys.argv[1]) if sys.argv[1:] else SAMPLE.folder)
