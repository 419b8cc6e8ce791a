"""Every golden folder maps to the chart beside it."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import orjson
import pytest


def _module() -> ModuleType:
    path = Path(__file__).with_name("golden_charts.py")
    spec = importlib.util.spec_from_file_location("golden_charts", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


GOLDEN = _module()


@pytest.mark.parametrize("case", GOLDEN.cases(), ids=lambda case: case.name)
def test_the_chart_is_the_golden_one(case: Path) -> None:
    assert GOLDEN.charted(case) == orjson.loads((case / "output" / "chart.json").read_bytes())


@pytest.mark.parametrize("case", GOLDEN.cases(), ids=lambda case: case.name)
def test_the_golden_folders_account_for_every_resource(case: Path) -> None:
    chart = orjson.loads((case / "output" / "chart.json").read_bytes())
    told = {source for fact in chart["facts"] for source in fact["sources"]}
    given = orjson.loads((case / "input" / "resources.json").read_bytes())
    assert {f"{r['resourceType']}/{r['id']}" for r in given} <= told | set(chart["left_out"])
    version = case.name.rpartition("-")[2].upper()
    assert chart["fhir_version"] == version
