"""Charts of the golden folders: run as a program it writes `output/chart.json` of each anew.

    .venv/bin/python tests/fhir_mapping/golden_charts.py

Look at what changed before it is committed.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson

from fhir_mapping import map_chart

FOLDER = Path(__file__).parent / "golden"
NOW = datetime(2024, 6, 15, 12, tzinfo=UTC)


_USUAL = {
    "polarity": "present",
    "certainty": "certain",
    "experiencer": "patient",
    "nothing_known": False,
}


def cases() -> list[Path]:
    return sorted(path.parent for path in FOLDER.glob("*/input"))


def charted(case: Path, version: str | None = None) -> dict[str, Any]:
    """The chart of a case as JSON, empty parts left out; by shape if no version is said."""
    resources = orjson.loads((FOLDER / "patient.json").read_bytes())
    given = orjson.loads((case / "input" / "resources.json").read_bytes())
    chart = map_chart([resources, *given], patient_id="p1", now=NOW, fhir_version=version)
    facts = [
        {key: value for key, value in _plain(fact).items() if value or value == 0}
        for fact in chart.facts
    ]
    left_out = {omission.what: omission.reason for omission in chart.omissions}
    return {"fhir_version": chart.fhir_version, "facts": facts, "left_out": left_out}


def _plain(fact: Any) -> dict[str, Any]:
    plain: dict[str, Any] = orjson.loads(orjson.dumps(fact))
    plain["codes"] = [code["code"] for code in plain["codes"]]
    for key, usual in _USUAL.items():
        if plain[key] == usual:
            del plain[key]
    if plain["days_ago"] is not None:
        plain["days_ago"] = round(plain["days_ago"], 2)
    return plain


def main() -> None:
    for case in cases():
        output = case / "output" / "chart.json"
        output.parent.mkdir(exist_ok=True)
        output.write_bytes(orjson.dumps(charted(case), option=orjson.OPT_INDENT_2) + b"\n")


if __name__ == "__main__":
    main()
