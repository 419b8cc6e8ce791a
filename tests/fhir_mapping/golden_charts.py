"""Charts of the golden folders: run as a program it writes `output/chart.json` of each again.

    .venv/bin/python tests/fhir_mapping/golden_charts.py

Look at what changed before it is committed. `golden/shapes` holds charts in the shapes of published
example sets, each with a `source.md`; those of `golden_not_yet.toml` are not yet read as they
should be, and keep what was decided by hand.
"""

from __future__ import annotations

import tomllib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson

from fhir_mapping import Chart, map_chart

FOLDER = Path(__file__).parent / "golden"
SHAPES = FOLDER / "shapes"
NOW = datetime(2024, 6, 15, 12, tzinfo=UTC)


_USUAL = {
    "polarity": "present",
    "certainty": "certain",
    "experiencer": "patient",
    "nothing_known": False,
}


def cases() -> list[Path]:
    return sorted(path.parent for path in FOLDER.glob("*/input"))


_REVIEWED = ("id", "kind", "text", "codes", "value", "comparator", "unit", "range", "flag",
             "days_ago", "status", "polarity", "certainty", "experiencer", "sources")  # fmt: skip
"""What was decided for each fact of a shape."""


def shapes() -> list[Path]:
    return sorted(path.parent for path in SHAPES.glob("*/input"))


def not_yet() -> dict[str, dict[str, str]]:
    """Shapes that are not yet read as they should be, with the reason: charts and identifiers."""
    return tomllib.loads(Path(__file__).with_name("golden_not_yet.toml").read_text("utf-8"))


def patient_of(case: Path) -> dict[str, Any]:
    """The patient of a shape: its own, else the one whom all cases share."""
    own = case / "input" / "patient.json"
    path = own if own.exists() else FOLDER / "patient.json"
    patient: dict[str, Any] = orjson.loads(path.read_bytes())
    return patient


def mapped(case: Path, version: str | None = None) -> Chart:
    given = orjson.loads((case / "input" / "resources.json").read_bytes())
    return map_chart([patient_of(case), *given], patient_id="p1", now=NOW, fhir_version=version)


def charted_shape(case: Path, version: str | None = None) -> dict[str, Any]:
    """Facts with what was decided of them, and the resources and parts that were left out."""
    chart = mapped(case, version)
    plain = [_plain(fact) for fact in chart.facts]
    facts = [
        {key: fact[key] for key in _REVIEWED if fact.get(key) or fact.get(key) == 0}
        for fact in plain
    ]
    left_out = {o.what: o.reason for o in chart.omissions if "/" in o.what}
    return {"fhir_version": chart.fhir_version, "facts": facts, "left_out": left_out}


def charted(case: Path, version: str | None = None) -> dict[str, Any]:
    """The chart of a case as JSON, empty parts left out; by shape if no version is said."""
    chart = mapped(case, version)
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
        _write(case, charted(case))
    for case in shapes():
        if case.name not in not_yet()["charts"]:
            _write(case, charted_shape(case))


def _write(case: Path, chart: dict[str, Any]) -> None:
    output = case / "output" / "chart.json"
    output.parent.mkdir(exist_ok=True)
    output.write_bytes(orjson.dumps(chart, option=orjson.OPT_INDENT_2) + b"\n")


if __name__ == "__main__":
    main()
