"""Remarks that people wrote beside a resource, and why something was done or not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fhir_mapping.concepts import wording
from fhir_mapping.draft import Scene
from fhir_mapping.names import without_tag
from fhir_mapping.reading import items, objects
from fhir_mapping.words import one_line

__all__ = ["reason_of", "remark_of", "words_at"]

Resource = Mapping[str, Any]

_LONGEST_REMARK = 160
_MOST_REASONS = 3


def remark_of(resource: Resource, scene: Scene) -> str:
    """The texts of `note` (STU3: also `comment`), masked, on one line, cut; or ''."""
    notes = resource.get("note") or resource.get("comment")
    if not notes:
        return ""
    if isinstance(notes, str):
        text = scene.words.typed(notes)
    else:
        text = " ".join(filter(None, (scene.words.typed(n.get("text")) for n in objects(notes))))
    return one_line(text, _LONGEST_REMARK)


def reason_of(resource: Resource, elements: Sequence[str], scene: Scene) -> str:
    """The words of coded reasons, and of the resources that referenced reasons mean; or ''."""
    found: dict[str, None] = {}
    for element in (*elements, "reasonReference"):
        if element in resource:
            for sent in items(resource[element])[:_MOST_REASONS]:
                words = _reason(sent, resource, scene)
                if words:
                    found[words] = None
    return ", ".join(found)


def _reason(sent: Any, resource: Resource, scene: Scene) -> str:
    reference = sent.get("reference") if isinstance(sent, dict) else None
    target = scene.index.resolve(reference, resource) if reference else None
    term = scene.term(target.get("code")) if target else None
    if term is not None and term.named and term.name:
        return term.name
    term = scene.term(sent)
    return "" if term.null else term.name


def words_at(resource: Resource, element: str, scene: Scene) -> str:
    """The words of the concepts of an element, joined; or ''."""
    sent = resource.get(element)
    if not sent:
        return ""
    said = (without_tag(wording(s, scene.words)) for s in items(sent))
    return ", ".join(dict.fromkeys(filter(None, said)))
