"""Which elements of resources that are read are not read, and why: the list applied to a bundle."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from fhir_mapping.chart import Omission
from fhir_mapping.tables import table

__all__ = ["ElementLeftOut", "elements_left_out"]

_NOT_LISTED = ("not-listed", "FHIR does not define it for this type, or a newer version does.")


@dataclass(frozen=True, slots=True)
class ElementLeftOut:
    """`element` is "Observation.performer", `count` in how many resources it was sent."""

    element: str
    reason: str
    detail: str
    count: int


def elements_left_out(resources: Iterable[Mapping[str, Any]]) -> tuple[ElementLeftOut, ...]:
    """The elements that were sent and are not read, most often sent first; types that are not read
    at all are omissions of the chart, and not counted here."""
    counted: Counter[tuple[str, str, str]] = Counter()
    for resource in resources:
        kind = resource.get("resourceType")
        rules = _rules(kind) if isinstance(kind, str) else None
        if rules is not None:
            for name in resource:
                why = rules.get(name, _NOT_LISTED)
                if why is not None:
                    counted[f"{kind}.{name}", *why] += 1
    ranked = sorted(counted.items(), key=lambda item: (-item[1], item[0]))
    return tuple(ElementLeftOut(*found, count) for found, count in ranked)


@cache
def _rules(kind: str) -> dict[str, tuple[str, str] | None] | None:
    """For each listed element of a type why it is skipped, or None if it is read."""
    tables = table("minimum_necessary")
    if kind not in tables or not kind[:1].isupper():
        return None
    rules: dict[str, tuple[str, str] | None] = {"resourceType": None}
    for part in (tables["everywhere"], tables[kind]):
        for reason, names in part.get("skip", {}).items():
            rules.update(dict.fromkeys(names, (reason, tables["reasons"][reason])))
        rules.update(dict.fromkeys([*part.get("read", ()), *part.get("mask", ())]))
    return rules


def unread_extensions(resources: Iterable[Mapping[str, Any]]) -> list[Omission]:
    return []
