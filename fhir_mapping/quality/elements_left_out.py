"""Which elements of resources that are read are not read, and why: the list applied to a bundle.

Every element that holds a value counts, in parts (components, reactions, answers), in contained
resources, and in the codings of concepts too.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from fhir_mapping.chart import Omission
from fhir_mapping.elements.coding_marks import is_read
from fhir_mapping.elements.json_values import objects
from fhir_mapping.tables import table

__all__ = ["ElementLeftOut", "elements_left_out", "unread_extensions"]

Why = tuple[str, str]
"""The reason and the detail."""

_NOT_LISTED = ("not-listed", "FHIR does not define it for this type, or a newer version does.")
_DEEPEST = 12
_CODING = frozenset({"system", "code", "display"})
_OF_CODINGS = {"version": "technical", "userSelected": "technical"}


@dataclass(frozen=True, slots=True)
class ElementLeftOut:
    """`element` is a path ("Observation.component.extension"), `count` in how many resources it was
    sent."""

    element: str
    reason: str
    detail: str
    count: int


def elements_left_out(resources: Iterable[Mapping[str, Any]]) -> tuple[ElementLeftOut, ...]:
    """The elements that were sent and are not read, most often sent first; types that are not read
    at all are omissions of the chart, and not counted here."""
    counted: Counter[tuple[str, str, str]] = Counter()
    for resource in resources:
        counted.update({(path, *why) for path, why in _of_resource(resource)})
    ranked = sorted(counted.items(), key=lambda item: (-item[1], item[0]))
    return tuple(ElementLeftOut(*found, count) for found, count in ranked)


def unread_extensions(resources: Iterable[Mapping[str, Any]]) -> list[Omission]:
    """An omission for each path at which codings or concepts have extensions that are not read."""
    counted: Counter[str] = Counter()
    for resource in resources:
        for path, (reason, _) in _of_resource(resource):
            if reason == "extension" and path.count(".") > 1:
                counted[path] += 1
    return [
        Omission(path, "unknown-extension", f"{n} {'is' if n == 1 else 'are'} not read.")
        for path, n in sorted(counted.items())
    ]


def _of_resource(resource: Mapping[str, Any], depth: int = 0) -> Iterator[tuple[str, Why]]:
    kind = resource.get("resourceType")
    rules = _rules(kind) if isinstance(kind, str) else None
    if rules is None:
        return
    for name, value in resource.items():
        why = _extension() if name.startswith("_") else rules.get(name, _NOT_LISTED)
        if why is not None:
            yield f"{kind}.{name}", why
        elif name != "contained":
            yield from _within(str(kind), f"{kind}.{name}", name, value, depth)
    if depth < _DEEPEST:
        for contained in objects(resource.get("contained")):
            yield from _of_resource(contained, depth + 1)


def _within(kind: str, path: str, name: str, value: Any, depth: int) -> Iterator[tuple[str, Why]]:
    """What is not read of the objects at a path that is read."""
    if depth >= _DEEPEST:
        return
    rule = _parts().get((kind, name))
    for part in objects(value):
        for inner, held in part.items():
            why = _why_within(inner, held, part, rule)
            if why is not None:
                yield f"{path}.{inner}", why
            else:
                yield from _within(kind, f"{path}.{inner}", inner, held, depth + 1)


def _why_within(
    name: str, value: Any, part: Mapping[str, Any], rule: tuple[str, ...] | None
) -> Why | None:
    """Why an element within another is not read, or None if it is."""
    if name == "extension":
        read = all(is_read(extension.get("url")) for extension in objects(value))
        return None if read else _extension()
    if name.startswith("_"):
        return _extension()
    if name in _OF_CODINGS and not _CODING.isdisjoint(part):
        return _reason(_OF_CODINGS[name])
    if rule is None or name in ("id", "modifierExtension") or _is_in(name, rule):
        return None
    return _reason("finer")


def _is_in(name: str, rule: tuple[str, ...]) -> bool:
    return any(name == one or (one[-1] == "*" and name.startswith(one[:-1])) for one in rule)


def _extension() -> Why:
    return _reason("extension")


@cache
def _reason(name: str) -> Why:
    return name, table("minimum_necessary")["reasons"][name]


@cache
def _parts() -> dict[tuple[str, str], tuple[str, ...]]:
    return {
        (kind, part): tuple(names)
        for kind, parts in table("minimum_necessary")["parts"].items()
        for part, names in parts.items()
    }


@cache
def _rules(kind: str) -> dict[str, Why | None] | None:
    """For each listed element of a type why it is skipped, or None if it is read."""
    tables = table("minimum_necessary")
    if kind not in tables or not kind[:1].isupper():
        return None
    rules: dict[str, Why | None] = {"resourceType": None}
    for part in (tables["everywhere"], tables[kind]):
        for reason, names in part.get("skip", {}).items():
            rules.update(dict.fromkeys(names, (reason, tables["reasons"][reason])))
        rules.update(dict.fromkeys([*part.get("read", ()), *part.get("mask", ())]))
    return rules
