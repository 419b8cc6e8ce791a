"""What a genetic result is about: the gene and its change, and the drug or disease it bears on.

They stand in components of the result; without them "absent" and "resistant" are of nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

from fhir_mapping.drafting.draft import Draft, MappingContext
from fhir_mapping.elements.json_values import objects
from fhir_mapping.tables import table

__all__ = ["subject_of", "without_named"]

Resource = Mapping[str, Any]

_LONGEST = 80


def subject_of(resource: Resource, ctx: MappingContext) -> str:
    """ "EGFR p.Leu858Arg" of a variant, "osimertinib" of an implication; '' of any other result."""
    components = [c for c in objects(resource.get("component")) if _is_any(c, _codes(), ctx)]
    if not components:
        return ""
    said: list[str] = []
    for codes in table("observations")["genetics"]["subject"]:
        found = [_value(c, ctx) for c in components if _is_any(c, codes, ctx)]
        words = ", ".join(dict.fromkeys(filter(None, found)))
        if words and len(" ".join((*said, words))) <= _LONGEST:
            said.append(words)
    return " ".join(said)


def without_named(drafts: list[Draft], subject: str) -> list[Draft]:
    """The results without those that only repeat the subject, unless there are no others."""
    others = [
        draft
        for draft in drafts
        if not any(code.code in _codes() for code in draft.codes)
        or not draft.shown
        or draft.shown not in subject
    ]
    return others or drafts


@cache
def _codes() -> frozenset[str]:
    return frozenset(c for row in table("observations")["genetics"]["subject"] for c in row)


def _is_any(component: Resource, codes: Iterable[str], ctx: MappingContext) -> bool:
    return ctx.term(component.get("code")).has_any(codes)


def _value(component: Resource, ctx: MappingContext) -> str:
    name = ctx.term(component.get("valueCodeableConcept")).name
    return name or ctx.words.typed(component.get("valueString"))
