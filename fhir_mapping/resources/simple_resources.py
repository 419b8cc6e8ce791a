"""Resource types that become one fact each from a few elements, told by a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fhir_mapping.chart import Kind, Polarity
from fhir_mapping.drafting.absence import told_as_absence
from fhir_mapping.drafting.draft import Draft, MappingContext
from fhir_mapping.drafting.remarks import remark_of
from fhir_mapping.elements.json_values import items, string
from fhir_mapping.elements.terms import Term
from fhir_mapping.tables import table

__all__ = ["map_simple", "simple_types"]

Resource = Mapping[str, Any]

_CURRENT = frozenset({"", "active", "in-progress", "accepted", "available", "final", "completed"})
_MOST_DETAILS = 4


def simple_types() -> frozenset[str]:
    """The resource types that the table tells how to read."""
    return frozenset(name for name, rule in table("simple_types").items() if isinstance(rule, dict))


def map_simple(resource: Resource, ref: str, ctx: MappingContext) -> None:
    """One fact: its name, then what else the table says is worth telling."""
    rule = table("simple_types")[string(resource.get("resourceType"))]
    kind = Kind(rule["kind"])
    term, also = _name(resource, rule["name"], ctx)
    name = term.name
    status = string(resource.get(rule.get("status", "status"))).lower()
    draft = Draft(kind, "", name, ref, codes=term.codes, status=status, also=also)
    draft.days_ago = ctx.times.first_of(resource, tuple(rule["time"]))
    draft.remark = remark_of(resource, ctx)
    if (term.null or not rule["prefix"]) and told_as_absence(term, draft, ctx):
        return
    if not name:
        ctx.found.leave(ref, "no-code", "It is neither coded nor named.", kind)
        return
    details = _details(resource, rule["more"], ctx)
    prefix, is_told = _prefix(resource, rule)
    text = f"{prefix}: {name}" if prefix else name
    if details:
        text += f" ({', '.join(details)})"
    if status not in _CURRENT:
        text += f" ({status.replace('-', ' ')})"
    refused = resource.get("doNotPerform") is True
    if refused:
        text = f"Not to be done: {text}"
    draft.key, draft.text = f"{text}|{status}", text
    told = Polarity.PRESENT if is_told else Polarity.UNKNOWN
    draft.polarity = Polarity.ABSENT if refused else told
    ctx.found.told(draft)


def _prefix(resource: Resource, rule: Mapping[str, Any]) -> tuple[str, bool]:
    """What the fact begins with, and whether that is what such a resource usually tells."""
    for element, prefixes in rule.get("prefixes", {}).items():
        other = prefixes.get(string(resource.get(element)))
        if other:
            return other, False
    return rule["prefix"], True


def _name(
    resource: Resource, paths: Sequence[str], ctx: MappingContext
) -> tuple[Term, tuple[str, ...]]:
    for path in paths:
        for value in _at(resource, path):
            term = ctx.term(value)
            if term.name and not (isinstance(value, dict) and "reference" in value):
                return term, ()
            term, also = _target(value, resource, ctx)
            if term.name:
                return term, also
    return ctx.term(None), ()


def _target(value: Any, resource: Resource, ctx: MappingContext) -> tuple[Term, tuple[str, ...]]:
    """What a Reference means: a device by its type, anything else by its code."""
    reference = value.get("reference") if isinstance(value, dict) else None
    target = ctx.index.resolve(reference, resource)
    if target is None:
        return ctx.term(value), ()
    known = ctx.index.reference_of(reference)
    return ctx.term(target.get("code") or target.get("type")), (known,) if known else ()


def _details(resource: Resource, paths: Sequence[str], ctx: MappingContext) -> list[str]:
    found: dict[str, None] = {}
    for path in paths:
        for value in _at(resource, path):
            text = ctx.term(value).name
            if text:
                found[text] = None
    return list(found)[:_MOST_DETAILS]


def _at(resource: Resource, path: str) -> list[Any]:
    """The values at a dotted path, lists opened."""
    values: list[Any] = [resource]
    for element in path.split("."):
        values = [
            item
            for value in values
            if isinstance(value, dict)
            for item in items(value.get(element))
        ]
    return values
