"""What a result is of: the organism or variant found by what holds it, or by one beside it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any

from fhir_mapping.context import polarity_of_codes, polarity_of_text
from fhir_mapping.drafting.draft import MappingContext
from fhir_mapping.elements.concepts import wording
from fhir_mapping.elements.json_values import objects
from fhir_mapping.elements.terms import Term
from fhir_mapping.results.variants import subject_of
from fhir_mapping.tables import table

__all__ = ["finding_above", "isolate_of", "named_as_finding", "organism_among", "organism_of"]

Resource = Mapping[str, Any]

_DEEPEST = 3


def finding_above(ref: str, ctx: MappingContext) -> str:
    """The organism or variant that an Observation found which has this one as a member; else ''."""

    def found(holder: Resource) -> str:
        if not _asks_what(ctx.term(holder.get("code"))):
            return ""
        return subject_of(holder, ctx) or organism_of(holder, ctx)

    return _first_above(ref, ctx, ctx.index.holders_of, found)


def isolate_of(ref: str, ctx: MappingContext) -> str:
    """The organism of a susceptibility: found by the panel or report that holds it, or the only one
    found beside it there; else ''."""

    def found(group: Resource) -> str:
        members = [*objects(group.get("hasMember")), *objects(group.get("result"))]
        beside = [ctx.index.resolve(member, group) or {} for member in members]
        return organism_among([group], ctx) or organism_among(beside, ctx)

    return _first_above(ref, ctx, ctx.index.groups_of, found)


def organism_among(resources: Sequence[Resource], ctx: MappingContext) -> str:
    """The one organism that these Observations found; '' where there are none or several."""
    found = {name for r in resources if (name := organism_of(r, ctx))}
    return found.pop() if len(found) == 1 else ""


def organism_of(resource: Resource, ctx: MappingContext) -> str:
    """What an Observation found, if it asks for that ("Bacteria identified") and found it; else ''.

    That a variant is present does not say which.
    """
    asked = ctx.term(resource.get("code"))
    if not _asks_what(asked):
        return ""
    value = resource.get("valueCodeableConcept") or resource.get("valueString")
    said = wording(value, ctx.words)
    is_answer = (
        polarity_of_codes(ctx.term(value).codes)
        or polarity_of_text(said)
        or ctx.statements.answer(asked.name, said, ())
    )
    return "" if is_answer else said


@lru_cache(maxsize=1024)
def named_as_finding(name: str) -> bool:
    """Whether a result of this name says what was found, rather than whether or how much."""
    plain = name.casefold()
    return any(word in plain for word in table("observations")["isolates"]["asked"])


def _asks_what(asked: Term) -> bool:
    """Whether a finding is answered with an organism or a variant, by its codes and names."""
    names = " ".join((asked.name, *(code.display for code in asked.codes)))
    return asked.has_any(table("observations")["isolates"]["codes"]) or named_as_finding(names)


def _first_above(
    ref: str,
    ctx: MappingContext,
    above: Callable[[str], Sequence[str]],
    found: Callable[[Resource], str],
) -> str:
    """The first that is found in what holds a result, then in what holds that."""
    for _ in range(_DEEPEST):
        holders = above(ref)
        for holder in holders:
            if name := found(ctx.index.resolve(holder) or {}):
                return name
        if not holders:
            return ""
        ref = holders[0]
    return ""
