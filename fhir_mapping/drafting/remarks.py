"""Remarks that people wrote beside a resource, and why something was done or not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fhir_mapping.drafting.draft import MappingContext
from fhir_mapping.elements.concepts import wording
from fhir_mapping.elements.json_values import items, objects
from fhir_mapping.elements.short_names import without_tag
from fhir_mapping.elements.text import one_line

__all__ = ["reason_of", "remark_of", "words_at"]

Resource = Mapping[str, Any]

_LONGEST_REMARK = 160
_MOST_REASONS = 3


def remark_of(resource: Resource, ctx: MappingContext) -> str:
    """The texts of `note` (STU3: also `comment`), masked, on one line, cut; or ''."""
    notes = resource.get("note") or resource.get("comment")
    if not notes:
        return ""
    if isinstance(notes, str):
        text = ctx.words.typed(notes)
    else:
        text = " ".join(filter(None, (ctx.words.typed(n.get("text")) for n in objects(notes))))
    return one_line(text, _LONGEST_REMARK)


def reason_of(resource: Resource, elements: Sequence[str], ctx: MappingContext) -> str:
    """The words of coded reasons, and of the resources that referenced reasons mean; or ''."""
    found: dict[str, None] = {}
    for element in (*elements, "reasonReference"):
        if element in resource:
            for sent in items(resource[element])[:_MOST_REASONS]:
                words = _reason(sent, resource, ctx)
                if words:
                    found[words] = None
    return ", ".join(found)


def _reason(sent: Any, resource: Resource, ctx: MappingContext) -> str:
    reference = sent.get("reference") if isinstance(sent, dict) else None
    target = ctx.index.resolve(reference, resource) if reference else None
    term = ctx.term(target.get("code")) if target else None
    if term is not None and term.named and term.name:
        return term.name
    term = ctx.term(sent)
    return "" if term.null else term.name


def words_at(resource: Resource, element: str, ctx: MappingContext) -> str:
    """The words of the concepts of an element, joined; or ''."""
    sent = resource.get(element)
    if not sent:
        return ""
    said = (without_tag(wording(s, ctx.words)) for s in items(sent))
    return ", ".join(dict.fromkeys(filter(None, said)))
