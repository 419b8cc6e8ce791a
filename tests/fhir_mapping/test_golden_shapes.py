"""Charts in the shapes of published example sets are told as they should be, and name nobody."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import orjson
import pytest

import prompts


def _module() -> ModuleType:
    path = Path(__file__).with_name("golden_charts.py")
    spec = importlib.util.spec_from_file_location("golden_charts", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


GOLDEN = _module()
BUDGET = 1200


def _cases(table: str) -> list[Any]:
    """Each shape; those that are not yet read as they should be fail strictly."""
    missing = GOLDEN.not_yet()[table]
    return [
        pytest.param(
            case,
            id=case.name,
            marks=[pytest.mark.xfail(strict=True, reason=missing[case.name])]
            if case.name in missing
            else [],
        )
        for case in GOLDEN.shapes()
    ]


def _golden(case: Path) -> dict[str, Any]:
    chart: dict[str, Any] = orjson.loads((case / "output" / "chart.json").read_bytes())
    return chart


def _resources(case: Path) -> list[dict[str, Any]]:
    given: list[dict[str, Any]] = orjson.loads((case / "input" / "resources.json").read_bytes())
    return given


@pytest.mark.parametrize("case", _cases("charts"))
def test_the_chart_is_the_one_decided_by_hand(case: Path) -> None:
    version = case.name.rpartition("-")[2]
    golden = _golden(case)
    assert GOLDEN.charted_shape(case, version) == golden
    assert GOLDEN.charted_shape(case) == golden


@pytest.mark.parametrize("case", GOLDEN.shapes(), ids=lambda case: case.name)
def test_no_resource_of_a_shape_is_lost(case: Path) -> None:
    given = {f"{r['resourceType']}/{r['id']}" for r in _resources(case)}
    for chart in (_golden(case), GOLDEN.charted_shape(case)):
        told = {source for fact in chart["facts"] for source in fact["sources"]}
        assert given <= told | set(chart["left_out"])


def test_there_are_enough_shapes_and_each_says_where_it_was_seen() -> None:
    shapes = GOLDEN.shapes()
    assert len(shapes) >= 10
    assert sum(len(_resources(case)) for case in shapes) >= 60
    for case in shapes:
        assert "https://" in (case / "source.md").read_text("utf-8")
    names = {case.name for case in shapes}
    assert all(set(rows) <= names for rows in GOLDEN.not_yet().values())


def _prompt(case: Path, budget: int) -> str:
    layout = prompts.lay_out(GOLDEN.mapped(case), prompts.load("differential"))
    costs = [1 + len(text) // 3 for text in layout.texts]
    prompt = prompts.render(layout, costs, budget=budget)
    return "\n".join(message.content for message in prompt.messages)


def _identifiers(patient: dict[str, Any]) -> Iterator[str]:
    """What says who the patient is: names, numbers, telephones, addresses and the birth date."""
    yield patient["birthDate"]
    for part in ("identifier", "telecom"):
        yield from (sent["value"] for sent in patient.get(part, ()))
    for name in patient["name"]:
        spoken = [name.get("text", ""), name.get("family", ""), *name.get("given", ())]
        yield from (said for said in (*spoken, spoken[0].replace(" ", "")) if len(said) > 1)
    for address in patient.get("address", ()):
        lines = [address.get("text", ""), address.get("city", ""), address.get("postalCode", "")]
        yield from filter(None, (*lines, *address.get("line", ())))


@pytest.mark.parametrize("case", _cases("identifiers"))
@pytest.mark.parametrize("budget", [BUDGET, 10**6], ids=["usual", "whole"])
def test_a_prompt_of_a_shape_names_nobody(case: Path, budget: int) -> None:
    prompt = _prompt(case, budget)
    closed_up = prompt.replace(" ", "")
    for said in _identifiers(GOLDEN.patient_of(case)):
        assert said not in prompt
        assert said.replace(" ", "") not in closed_up


@pytest.mark.parametrize("case", GOLDEN.shapes(), ids=lambda case: case.name)
def test_a_prompt_of_a_shape_tells_its_facts(case: Path) -> None:
    prompt = _prompt(case, 10**6)
    for fact in GOLDEN.mapped(case).facts:
        assert f"\n{fact.id} | " in prompt
