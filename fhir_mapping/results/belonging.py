"""What a result belongs to: the organism it was tested on, the finding its parts are of, the place.

An antibiotic's result is of one isolate; without knowing which, it is never a course with another.
What was found (organism, variant) is no course either: another finding is another thing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from fhir_mapping.drafting.draft import Draft, MappingContext
from fhir_mapping.drafting.remarks import words_at
from fhir_mapping.elements.json_values import object_of, string
from fhir_mapping.results.isolates import isolate_of, named_as_finding, organism_of
from fhir_mapping.tables import table

__all__ = ["keep_together", "member_of"]

Resource = Mapping[str, Any]

_LOINC = ("http://loinc.org", "urn:oid:2.16.840.1.113883.6.1")


def keep_together(
    drafts: list[Draft], own: Draft | None, resource: Resource, ctx: MappingContext
) -> None:
    """Give the results of one Observation the names of what they belong to."""
    if "component" in resource:
        _name_parts([d for d in drafts if d is not own], resource, ctx)
    if "bodyStructure" in resource:
        _add(drafts, _structure(resource, ctx))
    for draft in drafts:
        if draft.value is None and draft is own and named_as_finding(draft.text) and draft.shown:
            draft.key += f"|{draft.shown.lower()}"
        elif _is_susceptibility(draft):
            _keep_apart(draft, ctx)


def member_of(drafts: Sequence[Draft], organism: str) -> None:
    """The results of the members of what found this organism are of it."""
    if organism:
        _add([d for d in drafts if _is_susceptibility(d)], organism)


def _is_susceptibility(draft: Draft) -> bool:
    if any("suscept" in code.display.casefold() for code in draft.codes):
        return True
    shown = draft.shown
    return shown is not None and (any(w in shown for w in _SAID) or shown.casefold() in _answers())


@cache
def _answers() -> frozenset[str]:
    return frozenset(table("observations")["isolates"]["said"])


_SAID = ("susceptible", "resistant", "intermediate")


def _keep_apart(draft: Draft, ctx: MappingContext) -> None:
    """A susceptibility gets the name of its isolate; without one it stands alone."""
    organism = isolate_of(draft.ref, ctx)
    if organism:
        _add([draft], organism)
    else:
        draft.key += f"|{draft.ref}"


def _add(drafts: Sequence[Draft], words: str) -> None:
    for draft in drafts:
        if words and words.lower() not in draft.text.lower():
            draft.key += f"|{words.lower()}"
            draft.text += f" ({words})"


def _name_parts(parts: Sequence[Draft], resource: Resource, ctx: MappingContext) -> None:
    """Parts of a found organism are of it; a number without a LOINC code is of its whole."""
    whole = ctx.term(resource.get("code"))
    organism = organism_of(resource, ctx)
    for draft in parts:
        if organism and _is_susceptibility(draft):
            draft.text = draft.text.removeprefix(f"{whole.name}: ")
            _add([draft], organism)
        elif (
            draft.value is not None
            and whole.name
            and draft.key != "blood-pressure"
            and not any(code.system in _LOINC for code in draft.codes)
            and whole.name.lower() not in draft.text.lower()
        ):
            draft.text = f"{whole.name}: {draft.text}"
            draft.key += f"|{whole.identity}"


def _structure(resource: Resource, ctx: MappingContext) -> str:
    """The words of an R5 BodyStructure, or of R4's: side and place."""
    sent = object_of(resource["bodyStructure"])
    target = ctx.index.resolve(sent, resource)
    if target is None:
        return ctx.words.typed(string(sent.get("display")))
    part = object_of(target.get("includedStructure"))
    side = words_at(part, "laterality", ctx) or words_at(target, "locationQualifier", ctx)
    place = words_at(part, "structure", ctx) or words_at(target, "location", ctx)
    return " ".join(filter(None, (side, place)))
