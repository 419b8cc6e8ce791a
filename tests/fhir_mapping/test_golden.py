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


R4 = [case for case in GOLDEN.cases() if case.name.endswith("-r4")]


@pytest.mark.parametrize("case", R4, ids=lambda case: case.name)
def test_r4b_is_read_as_r4_is(case: Path) -> None:
    golden = orjson.loads((case / "output" / "chart.json").read_bytes())
    assert GOLDEN.charted(case, "4.3.0") == {**golden, "fhir_version": "R4B"}


@pytest.mark.parametrize("case", GOLDEN.cases(), ids=lambda case: case.name)
def test_a_version_that_is_said_reads_the_same_as_one_that_is_seen(case: Path) -> None:
    version = case.name.rpartition("-")[2]
    assert GOLDEN.charted(case, version) == GOLDEN.charted(case)


def test_every_type_has_golden_folders_in_the_versions() -> None:
    names = {case.name for case in GOLDEN.cases()}
    types = {name.rpartition("-")[0] for name in names}
    assert names == {f"{kind}-{version}" for kind in types for version in ("r4", "r5", "stu3")}
