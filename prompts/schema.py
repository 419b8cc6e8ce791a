"""The JSON Schema of an answer, in which evidence can only be a fact that was shown."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

__all__ = ["FACT_IDS", "NAMES", "answer_schema"]

FACT_IDS = "x-chartside-fact-ids"
"""Marks a string of a template's schema that becomes an enumeration of the chart's fact ids: of all
(`true`), of those that are `"measured"`, or of those that are `"told"` in words."""

NAMES = "x-chartside-names"
"""Marks a string that an engine with a terminology trie may bind to disease names."""


_MEASURED = ("L", "V")

Ids = Mapping[Any, list[str]]
"""The ids that a mark stands for."""


def answer_schema(
    schema: Mapping[str, Any],
    fact_ids: Sequence[str],
    *,
    measured: Collection[str] | None = None,
) -> dict[str, Any]:
    """`schema` with every FACT_IDS mark replaced by the enumeration of `fact_ids`.

    `measured` are those of the ids whose facts are numbers or have a flag; without it laboratory
    results and vital signs count as such, by the letter of their ids. With no facts to cite an
    array of evidence can only be empty, and a choice between kinds is one of the kinds there are.
    """
    numbers = {i for i in fact_ids if i[:1] in _MEASURED} if measured is None else set(measured)
    ids = {
        True: list(fact_ids),
        "measured": [i for i in fact_ids if i in numbers],
        "told": [i for i in fact_ids if i not in numbers],
    }
    return {key: _filled(value, ids) for key, value in schema.items()}


def _filled(node: Any, ids: Ids) -> Any:
    if isinstance(node, list):
        return [_filled(item, ids) for item in node]
    if not isinstance(node, dict):
        return node
    if node.get(FACT_IDS):
        return {"type": "string", "enum": ids[node[FACT_IDS]]}
    if node.get("type") == "array" and _cites(node.get("items")):
        return _evidence(node, ids)
    return {key: _filled(value, ids) for key, value in node.items()}


def _evidence(array: dict[str, Any], ids: Ids) -> dict[str, Any]:
    """An array of evidence, or an empty one when there is nothing to cite."""
    items = array["items"]
    kinds = [kind for kind in items.get("anyOf", [items]) if ids[_mark(kind)]]
    if not kinds:
        return {"type": "array", "maxItems": 0}
    filled = [_filled(kind, ids) for kind in kinds]
    return {**array, "items": filled[0] if len(filled) == 1 else {"anyOf": filled}}


def _cites(items: Any) -> bool:
    if not isinstance(items, dict):
        return False
    return all(_mark(kind) for kind in items.get("anyOf", [items]))


def _mark(kind: Any) -> Any:
    """Which ids the objects of an array may cite; None when they cite none."""
    properties = kind.get("properties", {}) if isinstance(kind, dict) else {}
    marks = (p.get(FACT_IDS) for p in properties.values() if isinstance(p, dict))
    return next((mark for mark in marks if mark), None)
