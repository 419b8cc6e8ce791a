"""The JSON Schema of an answer, in which evidence can only be a fact that was shown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

__all__ = ["FACT_IDS", "NAMES", "answer_schema"]

FACT_IDS = "x-chartside-fact-ids"
"""Marks a string of a template's schema that becomes an enumeration of the chart's fact ids."""

NAMES = "x-chartside-names"
"""Marks a string that an engine with a terminology trie may bind to disease names."""


def answer_schema(schema: Mapping[str, Any], fact_ids: Sequence[str]) -> dict[str, Any]:
    """`schema` with every FACT_IDS mark replaced by the enumeration of `fact_ids`.

    With no facts shown there is nothing to cite: arrays of evidence can then only be empty.
    """
    return {key: _filled(value, fact_ids) for key, value in schema.items()}


def _filled(node: Any, fact_ids: Sequence[str]) -> Any:
    if isinstance(node, list):
        return [_filled(item, fact_ids) for item in node]
    if not isinstance(node, dict):
        return node
    if node.get(FACT_IDS) is True:
        return {"type": "string", "enum": list(fact_ids)}
    if not fact_ids and node.get("type") == "array" and _cites(node.get("items")):
        return {"type": "array", "maxItems": 0}
    return {key: _filled(value, fact_ids) for key, value in node.items()}


def _cites(items: Any) -> bool:
    properties = items.get("properties", {}) if isinstance(items, dict) else {}
    return any(isinstance(p, dict) and p.get(FACT_IDS) is True for p in properties.values())
