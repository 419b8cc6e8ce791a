"""JSON as lines, each with an id by its path, so that a finding can point at it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["JsonLine", "json_id", "json_lines", "with_steady_ids"]

_UNFIT = re.compile(r"[^A-Za-z0-9]+")


@dataclass(frozen=True, slots=True)
class JsonLine:
    """One line: `id` is unique among the lines of its `name`, `path` as findings tell it."""

    id: str
    path: str
    indent: int
    text: str


def json_id(name: str, path: str) -> str:
    """The id of the line at a path: `cards[0].links[1]` is `NAME-cards-0-links-1`."""
    return "-".join(part for part in (name, *_UNFIT.split(path)) if part)


def json_lines(document: Any, *, name: str = "json") -> tuple[JsonLine, ...]:
    """The document pretty-printed, a line for each value and for each end of an array or object.

    Members stay in their order, so that equal documents give equal lines and ids.
    """
    seen: dict[str, int] = {}
    lines = []
    for path, indent, text in _lines(document, "", "", 0, ""):
        found = json_id(name, path)
        seen[found] = count = seen.get(found, 0) + 1
        lines.append(JsonLine(found if count == 1 else f"{found}--{count}", path, indent, text))
    return tuple(lines)


def _lines(
    value: Any, path: str, label: str, depth: int, comma: str
) -> Iterator[tuple[str, int, str]]:
    if isinstance(value, dict) and value:
        yield path, depth, f"{label}{{"
        for place, (key, inner) in enumerate(value.items(), 1):
            here = f"{path}.{key}" if path else str(key)
            name = f"{json.dumps(str(key), ensure_ascii=False)}: "
            yield from _lines(inner, here, name, depth + 1, "," if place < len(value) else "")
        yield path, depth, f"}}{comma}"
    elif isinstance(value, list) and value:
        yield path, depth, f"{label}["
        for place, inner in enumerate(value):
            end = "," if place + 1 < len(value) else ""
            yield from _lines(inner, f"{path}[{place}]", "", depth + 1, end)
        yield path, depth, f"]{comma}"
    else:
        yield path, depth, f"{label}{json.dumps(value, ensure_ascii=False, default=str)}{comma}"


def with_steady_ids(document: Mapping[str, Any]) -> dict[str, Any]:
    """A response whose random ids are told by place ("card-1", "suggestion-1-2"), so that two
    responses can be compared or kept as a test case."""
    copy: dict[str, Any] = json.loads(json.dumps(document))
    for place, card in enumerate(_objects(copy.get("cards")), 1):
        _rename(card, f"card-{place}")
        for number, suggestion in enumerate(_objects(card.get("suggestions")), 1):
            _rename(suggestion, f"suggestion-{place}-{number}")
    return copy


def _objects(listed: Any) -> Iterator[dict[str, Any]]:
    for each in listed if isinstance(listed, list) else ():
        if isinstance(each, dict):
            yield each


def _rename(element: dict[str, Any], name: str) -> None:
    if "uuid" in element:
        element["uuid"] = name
