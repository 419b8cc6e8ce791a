"""Tolerant readers: a value of the wrong type reads as nothing, and never raises.

Senders put a lone object where FHIR wants a list, a number in a string, a code where there should
be a CodeableConcept. What can be understood is; what cannot is as if it were not there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isfinite
from typing import Any

__all__ = ["first", "items", "number", "object_of", "objects", "string"]

Resource = Mapping[str, Any]

_NOTHING: dict[str, Any] = {}


def string(value: object) -> str:
    """The string without outer blanks, or ''."""
    return value.strip() if isinstance(value, str) else ""


def object_of(value: object) -> dict[str, Any]:
    """The object, the first object of a list, or an empty one."""
    if isinstance(value, dict):
        return value
    if isinstance(value, list):
        for item in value:
            if isinstance(item, dict):
                return item
    return _NOTHING


def objects(value: object) -> list[dict[str, Any]]:
    """The objects of a list, or of lists in it; a lone object is a list of one."""
    if isinstance(value, list):
        found = [item for item in value if isinstance(item, dict)]
        return found if len(found) == len(value) else _within(value)
    return [value] if isinstance(value, dict) else []


def _within(value: list[Any]) -> list[dict[str, Any]]:
    """The objects of a list and of the lists in it, which some senders make of one element."""
    found: list[dict[str, Any]] = []
    for item in value:
        inner = item if isinstance(item, list) else [item]
        found += [one for one in inner if isinstance(one, dict)]
    return found


def items(value: object) -> list[Any]:
    """The list, or a list of one; nothing for null."""
    if isinstance(value, list):
        if value and type(value[0]) is list:
            return [one for item in value for one in (item if type(item) is list else [item])]
        return value
    return [] if value is None else [value]


def number(value: object) -> float | None:
    """A finite number, also from a string that holds one; never from a boolean."""
    if isinstance(value, bool):
        return None
    if not isinstance(value, (int, float)):
        if not isinstance(value, str) or len(value) > 40:
            return None
        try:
            value = float(value)
        except ValueError:
            return None
    try:
        read = float(value)
    except OverflowError:
        return None
    return read if isfinite(read) else None


def first(resource: Resource, names: Sequence[str]) -> Any:
    """The first of these elements that is there and not empty, or None."""
    for name in names:
        value = resource.get(name)
        if value is not None and value != "" and value != []:
            return value
    return None
