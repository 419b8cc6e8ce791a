"""The JSON of a resource with the part marked, and a prompt by its sections."""

from __future__ import annotations

import json
from typing import Any

import pytest

from cds_hooks.console.inspector.json_parts import abridged, marked_json
from cds_hooks.console.inspector.prompt_sections import counted_sections
from prompts import Message
from tests.fake_engine import FakeEngine

BLOOD_PRESSURE = {
    "resourceType": "Observation",
    "component": [{"code": {"text": "a"}}, {"code": {"text": "b"}}],
    "note": [],
    "contained": [{"resourceType": "Observation", "id": "in-1"}],
    "reasonCode": [{"text": "c"}],
}


@pytest.mark.parametrize(
    ("parts", "marked"),
    [
        ((), ""),
        (("component-2",), '"text": "b"'),
        (("component-1", "component-2"), '"text": "a" "text": "b"'),
        (("in-1",), '"resourceType": "Observation", "id": "in-1"'),
        (("reason-1",), '"text": "c"'),
        (("component-3",), ""),
        (("other-1",), ""),
    ],
)
def test_the_part_is_marked_and_all_is_shown(parts: tuple[str, ...], marked: str) -> None:
    lines = marked_json(BLOOD_PRESSURE, parts)
    assert json.loads("\n".join(line for line, _ in lines)) == BLOOD_PRESSURE
    told = " ".join(line.strip() for line, is_marked in lines if is_marked)
    assert all(word in told for word in marked.split())
    assert bool(told) == bool(marked)
    if marked:
        assert len(told) < 120


@pytest.mark.parametrize("document", [{}, {"a": []}, {"a": {}}, {"a": [[]]}, {"b": None}])
def test_any_resource_is_shown_whole(document: dict[str, Any]) -> None:
    lines = marked_json(document, ("a-1",))
    assert json.loads("\n".join(line for line, _ in lines)) == document


def test_of_a_huge_resource_the_marked_lines_are_shown_all_the_same() -> None:
    huge = {"component": [{"valueInteger": n} for n in range(30_000)]}
    lines = marked_json(huge, ("component-20000",))
    shown = abridged(lines)
    assert len(shown) < 4010
    assert [line for line in shown if line[1]] == [line for line in lines if line[1]]
    assert (shown[0], shown[-1]) == (lines[0], lines[-1])
    left_out = sum(int(line.split()[1]) for line, _ in shown if line.startswith("..."))
    dots = sum(line.startswith("...") for line, _ in shown)
    assert left_out + len(shown) - dots == len(lines)


@pytest.mark.parametrize(("count", "whole"), [(9, True), (10, True), (11, False)])
def test_a_resource_of_few_lines_is_shown_whole(count: int, whole: bool) -> None:
    lines = [(str(n), False) for n in range(count)]
    assert (abridged(lines, 10) == lines) is whole


async def test_a_prompt_is_cut_at_its_headings_and_each_part_is_counted() -> None:
    user = "Patient: 60 years\n\nProblems:\nP1 | Gout: left\nP2 | a:\n\nAnswer as JSON:"
    messages = (Message("system", "Be brief."), Message("user", user))
    found = await counted_sections(messages, FakeEngine())
    assert [each.title for each in found] == ["system turn", "user turn", "Problems",
                                              "Answer as JSON"]  # fmt: skip
    assert [each.tokens for each in found] == [3, 4, 9, 4]
    assert "\n\n".join(each.text for each in found[1:]) == user


async def test_while_the_engine_is_away_no_tokens_are_told() -> None:
    found = await counted_sections((Message("user", "x"),), FakeEngine(status="restarting"))
    assert [each.tokens for each in found] == [None]
