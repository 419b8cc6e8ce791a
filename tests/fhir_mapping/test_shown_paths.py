"""Which strings of a resource can reach a prompt: a list that is reviewed, and none beyond it.

A sentinel is put into every string of every golden resource, one at a time; the paths at which it
came through are those of `golden/shown_paths.txt`. UPDATE_GOLDEN=1 writes the list again: look at
what changed before it is committed, for each line is text that a model may read.
"""

from __future__ import annotations

import base64
import copy
import os
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import pytest

import prompts
from fhir_mapping import map_chart

GOLDEN = Path(__file__).parent / "golden"
LISTED = GOLDEN / "shown_paths.txt"
NOW = datetime(2024, 6, 15, 12, tzinfo=UTC)
SENTINEL = "Zyxwvutsrq"
_UNIDENTIFYING = {"resourceType", "id", "reference"}
"""Without these a resource is another one, of another patient, or none."""

Place = tuple[str | int, ...]


def _strings(value: Any, place: Place = ()) -> Iterator[Place]:
    if isinstance(value, str):
        yield place
    elif isinstance(value, dict):
        for key, inner in value.items():
            if key not in _UNIDENTIFYING:
                yield from _strings(inner, (*place, key))
    elif isinstance(value, list):
        for n, inner in enumerate(value):
            yield from _strings(inner, (*place, n))


def _planted(resources: list[Any], place: Place) -> list[Any]:
    """A copy with the sentinel behind the string at this place; in base64 inside it."""
    made = copy.deepcopy(resources)
    *way, last = place
    holder: Any = made
    for step in way:
        holder = holder[step]
    said = f"{holder[last]} {SENTINEL}"
    if last == "data":
        try:
            text = base64.b64decode(holder[last]).decode()
            said = base64.b64encode(f"{text} {SENTINEL}".encode()).decode()
        except ValueError:
            pass
    holder[last] = said
    return made


def _prompt(resources: list[Any]) -> str:
    """The whole chart as a model would read it, whatever it costs."""
    chart = map_chart(resources, patient_id="p1", now=NOW)
    layout = prompts.lay_out(chart, prompts.load("differential"))
    prompt = prompts.render(layout, [1] * len(layout.texts), budget=10**6)
    return "\n".join(message.content for message in prompt.messages)


def _shown(case: Path) -> Iterator[str]:
    patient = orjson.loads((GOLDEN / "patient.json").read_bytes())
    resources = [patient, *orjson.loads((case / "input" / "resources.json").read_bytes())]
    for place in _strings(resources):
        if SENTINEL in _prompt(_planted(resources, place)):
            number, *path = place
            kind = resources[int(number)]["resourceType"]
            yield re.sub(r"\.\d+", "", ".".join(map(str, (kind, *path))))


@pytest.fixture(scope="module")
def shown() -> set[str]:
    cases = sorted(path.parent for path in GOLDEN.glob("*/input"))
    return {path for case in cases for path in _shown(case)}


def test_only_the_listed_strings_can_reach_a_prompt(shown: set[str]) -> None:
    if os.environ.get("UPDATE_GOLDEN"):
        LISTED.write_text("".join(f"{path}\n" for path in sorted(shown)), "utf-8")
    assert sorted(shown) == LISTED.read_text("utf-8").split()


def test_nobody_and_no_place_to_reach_anybody_is_listed(shown: set[str]) -> None:
    named = re.compile(
        r"Patient\.|\.(?:name\.|telecom|address|contact|identifier|performer|author|requester"
        r"|asserter|recorder|participant|serialNumber|lotNumber|udiCarrier|url|birthDate)"
    )
    assert not [path for path in shown if named.search(path)]
