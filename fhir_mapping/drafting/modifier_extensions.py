"""Modifier extensions of parts: known ones are read, others leave the part out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from fhir_mapping.chart import Polarity
from fhir_mapping.context import polarity_of_codes, polarity_of_text
from fhir_mapping.drafting.draft import MappingAccumulator, MappingContext
from fhir_mapping.elements.json_values import objects, string
from fhir_mapping.tables import table

__all__ = ["answer_of", "without_modified_parts"]

Resource = Mapping[str, Any]

_DETAIL = "It has a modifier extension that is not known here, which may change its meaning."
_KEY = "modifierExtension"
_DEEPEST = 12
_OPPOSITE = {Polarity.PRESENT: Polarity.ABSENT, Polarity.ABSENT: Polarity.PRESENT}


def without_modified_parts(
    kind: str, resource: Resource, ref: str, found: MappingAccumulator
) -> Resource:
    """The resource without the parts that must not be read, each recorded by its path.

    It is the same object where there is nothing to leave out, as nearly always.
    """
    parts = _parts().get(kind)
    if parts is None or not _has_modified(resource, parts, _DEEPEST):
        return resource
    return _pruned(kind, resource, f"{ref}#", parts, found)


def answer_of(element: Resource, ctx: MappingContext) -> Polarity | None:
    """What the known modifier extensions of a part say of it; None of a part without any."""
    said = None
    for extension in objects(element.get(_KEY)):
        known = _known().get(string(extension.get("url")))
        if known is not None:
            said = _said(extension, ctx)
            if known["means"] == "denial":
                said = _OPPOSITE.get(said or Polarity.UNKNOWN)
    return said


def _said(extension: Resource, ctx: MappingContext) -> Polarity:
    value = extension.get("valueBoolean")
    if isinstance(value, bool):
        return Polarity.PRESENT if value else Polarity.ABSENT
    sent = extension.get("valueCodeableConcept") or extension.get("valueCoding")
    term = ctx.term(sent or extension.get("valueString") or extension.get("valueCode"))
    found = polarity_of_codes(term.codes)
    return found or polarity_of_text(term.name) or Polarity.UNKNOWN


class _Parts(dict[str, "_Parts"]):
    """The names of parts, each with those of the parts within it."""


@cache
def _parts() -> dict[str, _Parts]:
    found = {}
    for kind, paths in table("modifiers")["parts"].items():
        top = found[kind] = _Parts()
        for path in paths:
            *above, name = path.split(".")
            at, passed = top, {}
            for step in above:
                at = passed[step] = at[step]
            # A part within one of its own name nests without end: an item's items.
            at[name] = passed[name] if name in passed else _Parts()
    return found


@cache
def _known() -> dict[str, dict[str, Any]]:
    return {row["url"]: row for row in table("modifiers")["known"]}


def _has_modified(element: Resource, parts: _Parts, depth: int) -> bool:
    """Whether a part below has a modifier extension, known or not."""
    for name, within in parts.items():
        value = element.get(name)
        if value:
            for part in value if type(value) is list else (value,):
                if type(part) is dict and (
                    _KEY in part or (depth and within and _has_modified(part, within, depth - 1))
                ):
                    return True
    return False


def _pruned(
    kind: str,
    element: Resource,
    where: str,
    parts: _Parts,
    found: MappingAccumulator,
    depth: int = 0,
) -> dict[str, Any]:
    kept = dict(element)
    for name, within in parts.items():
        value = element.get(name)
        if isinstance(value, (dict, list)) and depth < _DEEPEST:
            read = list(_read(kind, name, value, where, within, found, depth))
            kept[name] = read if isinstance(value, list) else read[0] if read else None
    return kept


def _read(
    kind: str,
    name: str,
    value: Any,
    where: str,
    parts: _Parts,
    found: MappingAccumulator,
    depth: int,
) -> Iterator[Any]:
    """The parts of one element that may be read."""
    for n, part in enumerate(value if isinstance(value, list) else [value], 1):
        place = f"{where}{name}-{n}"
        if not isinstance(part, dict):
            yield part
        elif _is_unknown(kind, part):
            found.leave(place, "modifier-extension", _DETAIL)
        else:
            yield _pruned(kind, part, f"{place}.", parts, found, depth + 1)


def _is_unknown(kind: str, part: Resource) -> bool:
    extensions = part.get(_KEY)
    if not extensions:
        return False
    known = (_known().get(string(e.get("url"))) for e in objects(extensions))
    return not all(row is not None and kind in row["types"] for row in known) or not objects(
        extensions
    )
