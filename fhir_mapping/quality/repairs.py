"""What is not FHIR and was read all the same: the path, what was made of it, what to send instead.

The models of fhir.resources accept part of it in silence (null, empty lists, gender "M"), so this
looks by itself. No note holds a value.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from fhir_mapping.chart import QualityNote
from fhir_mapping.quality.fhir_validation import place

__all__ = ["GENDERS", "repairs"]

_MOST_NOTES_EACH = 20
GENDERS = frozenset({"male", "female", "other", "unknown"})
_DAY = re.compile(r"\s*\d{4}-\d{2}-\d{2}(?P<time>[T ]\s*\d.*)?")
_NUMBER = re.compile(r"\s*(?:[<>]=?)?\s*-?\d+(?:\.\d+)?\s*")
_ZONE = re.compile(r"(?:Z|[+-]\d{2}:\d{2})$")
_SECONDS = re.compile(r"T\d{2}:\d{2}:\d{2}")
_TIMES = ("DateTime", "Instant", "issued", "recorded", "date", "start", "end", "authoredOn")
_CODES = ("status", "gender", "code", "comparator", "intent", "use", "criticality")

_SAID = {
    "null-value": "null was read as nothing. Leave the element out.",
    "empty-value": "An empty value was read as nothing. Leave the element out.",
    "outer-blanks": "Blanks around a code were ignored. Send the code alone.",
    "number-as-string": "A number in a string was read as a number. Send a JSON number.",
    "comparator-in-value": "A comparator in the number was read. Send it as `comparator`.",
    "no-timezone": "It was read in the time zone of the reading clock. Send a time zone.",
    "date-repaired": "It was read as far as it could be. Send YYYY-MM-DDThh:mm:ss+zz:zz.",
    "id-as-number": "A number was read as an id. Send a string.",
    "code-outside-value-set": "It was read by its likely meaning. Send a code of the value set.",
    "object-for-list": "One object was read as a list of one. Send a list.",
}
_LISTS = frozenset({"coding", "component", "contained", "extension", "referenceRange"})
"""Lists in every version and resource type that has them."""


def repairs(resources: Iterable[Mapping[str, Any]]) -> tuple[QualityNote, ...]:
    """What was repaired in resources as they were read, at most 20 notes for each resource."""
    notes: list[QualityNote] = []
    for n, resource in enumerate(resources):
        if isinstance(resource, Mapping):
            found = dict.fromkeys(_walk(resource, place(resource, n)))
            notes += list(found)[:_MOST_NOTES_EACH]
    return tuple(notes)


def _walk(resource: Mapping[str, Any], where: str) -> Iterator[QualityNote]:
    waiting: list[tuple[str, str, Any]] = [(where, "", resource)]
    while waiting:
        path, name, value = waiting.pop()
        for code in _found(name, value):
            yield QualityNote(path, code, _SAID[code])
        if isinstance(value, Mapping):
            yield from _in_object(path, name, value)
            waiting += reversed([(f"{path}.{key}", str(key), one) for key, one in value.items()])
        elif isinstance(value, list):
            waiting += reversed([(f"{path}[{n}]", name, one) for n, one in enumerate(value)])


def _found(name: str, value: Any) -> Iterator[str]:
    if value is None:
        yield "null-value"
    elif value in ("", [], {}):
        yield "empty-value"
    elif name in ("id", "reference") and isinstance(value, int):
        yield "id-as-number"
    elif isinstance(value, str):
        if name in _CODES and value != value.strip():
            yield "outer-blanks"
        if name == "gender" and value.strip() not in GENDERS:
            yield "code-outside-value-set"
        if name.endswith(_TIMES):
            yield from _in_time(value)


def _in_object(path: str, name: str, value: Mapping[str, Any]) -> Iterator[QualityNote]:
    number = value.get("value")
    is_quantity = name.endswith(("Quantity", "Age")) or not {"unit", "comparator"}.isdisjoint(value)
    if is_quantity and isinstance(number, str) and _NUMBER.fullmatch(number):
        code = "comparator-in-value" if set(number) & set("<>") else "number-as-string"
        yield QualityNote(f"{path}.value", code, _SAID[code])
    for key in _LISTS & value.keys():
        if isinstance(value[key], Mapping):
            yield QualityNote(f"{path}.{key}", "object-for-list", _SAID["object-for-list"])


def _in_time(value: str) -> Iterator[str]:
    match = _DAY.fullmatch(value)
    if match is None or not match["time"]:
        return
    if not _ZONE.search(value):
        whole = _SECONDS.search(value) and "+" not in value
        yield "no-timezone" if whole else "date-repaired"
    elif not _SECONDS.search(value):
        yield "date-repaired"
