"""A resource as lines of JSON, with the part that a fact came from marked."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import orjson

__all__ = ["MarkedLine", "abridged", "marked_json"]

MarkedLine = tuple[str, bool]
_NUMBERED = re.compile(r"([a-zA-Z]+)-(\d+)")
# Parts are named for what they are; these elements are called otherwise in FHIR.
_ELEMENTS = {"reason": ("reasonCode", "reasonReference", "reason"), "answer": ("item",)}


def marked_json(resource: Mapping[str, Any], parts: tuple[str, ...]) -> list[MarkedLine]:
    """The lines of a resource; True marks those of `parts` ("component-2", or the id of a contained
    resource). Where no part can be told, nothing is marked."""
    lines: list[MarkedLine] = [("{", False)]
    last = len(resource) - 1
    for place, (name, value) in enumerate(resource.items()):
        comma = "," if place < last else ""
        lines += _member(name, value, comma, parts)
    return [*lines, ("}", False)]


def abridged(lines: list[MarkedLine], most: int = 4000) -> list[MarkedLine]:
    """At most about so many lines, the marked ones first: a page stays light, whatever is in a
    resource. A line of dots stands for those that are left out."""
    if len(lines) <= most:
        return lines
    marked = [place for place, (_, is_marked) in enumerate(lines) if is_marked][: most // 2]
    kept = sorted({*marked, *range(most - len(marked) - 1), len(lines) - 1})
    shown: list[MarkedLine] = []
    for before, place in zip([-1, *kept], kept, strict=False):
        if place > before + 1:
            shown.append((f"... {place - before - 1} lines ...", False))
        shown.append(lines[place])
    return shown


def _member(name: str, value: Any, comma: str, parts: tuple[str, ...]) -> Iterator[MarkedLine]:
    marked = set(_marked(name, value, parts))
    if not marked or not isinstance(value, list):
        head, *rest = _dumped(value)
        lines = [f"  {orjson.dumps(name).decode()}: {head}", *(f"  {line}" for line in rest)]
        yield from ((line, False) for line in [*lines[:-1], lines[-1] + comma])
        return
    yield f"  {orjson.dumps(name).decode()}: [", False
    for place, item in enumerate(value):
        end = "," if place < len(value) - 1 else ""
        lines = [f"    {line}" for line in _dumped(item)]
        yield from ((line, place in marked) for line in [*lines[:-1], lines[-1] + end])
    yield f"  ]{comma}", False


def _marked(name: str, value: Any, parts: tuple[str, ...]) -> Iterator[int]:
    """The places in a list that one of the parts names."""
    if not isinstance(value, list):
        return
    for part in parts:
        found = _NUMBERED.fullmatch(part)
        if found and name in _ELEMENTS.get(found[1], (found[1],)):
            yield int(found[2]) - 1
        if name == "contained":
            yield from (
                n for n, v in enumerate(value) if isinstance(v, dict) and v.get("id") == part
            )


def _dumped(value: Any) -> list[str]:
    return orjson.dumps(value, option=orjson.OPT_INDENT_2).decode().split("\n")
