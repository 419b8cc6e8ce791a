"""What makes two results of one code two things: specimen, method, site, isolate.

Each is told with the result and keeps it out of the others' course. What is usual (venous blood,
serum) is neither: most laboratories send it, some do not.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from typing import Any

from fhir_mapping.chart import Kind
from fhir_mapping.drafting.draft import Draft, MappingContext
from fhir_mapping.drafting.remarks import words_at
from fhir_mapping.elements.json_values import object_of
from fhir_mapping.results.isolates import finding_above
from fhir_mapping.results.variants import subject_of, without_named
from fhir_mapping.tables import table

__all__ = ["name_by_subject", "tell_apart"]

Resource = Mapping[str, Any]

_ALONE = frozenset({"bodySite", "specimen", "method"})
"""Elements of an Observation that tell it apart by themselves."""


def tell_apart(drafts: list[Draft], resource: Resource, ref: str, ctx: MappingContext) -> None:
    """Add to the results of one Observation what distinguishes them from others of their code."""
    if _ALONE.isdisjoint(resource) and not ctx.index.has_members:
        return
    told = [words_at(resource, "bodySite", ctx)] if "bodySite" in resource else []
    also: tuple[str, ...] = ()
    if "specimen" in resource:
        specimen, also = _specimen(resource, ctx)
        told.append(specimen)
        if specimen and not any(w in specimen.casefold() for w in _other_blood()):
            _forget_blood_ranges(drafts)
    if "method" in resource:
        _add(drafts, words_at(resource, "method", ctx), only_key=True)
    told.append(finding_above(ref, ctx))
    for words in told:
        _add(drafts, words)
    for draft in drafts:
        draft.also = (*draft.also, *also)


def name_by_subject(drafts: list[Draft], resource: Resource, ctx: MappingContext) -> list[Draft]:
    """The results of a genetic Observation under the gene or drug that its components name."""
    subject = subject_of(resource, ctx)
    if not subject:
        return drafts
    told = without_named(drafts, subject)
    _add([draft for draft in told if draft.shown != subject], subject)
    return told


def _add(drafts: list[Draft], words: str, *, only_key: bool = False) -> None:
    for draft in drafts:
        if (
            not words
            or words.lower() in draft.text.lower()
            or (draft.kind is Kind.VITAL and only_key)
        ):
            continue
        draft.key += f"|{words.lower()}"
        if not only_key:
            draft.text += f" ({words})"


def _forget_blood_ranges(drafts: list[Draft]) -> None:
    """Published ranges are of blood, serum or plasma."""
    for draft in drafts:
        if draft.range is not None and draft.range.source != "chart":
            draft.range = None
            draft.flag = None if draft.by_range else draft.flag


def _specimen(resource: Resource, ctx: MappingContext) -> tuple[str, tuple[str, ...]]:
    """The words of a specimen that is not the usual one, and the references read for it."""
    sent = object_of(resource.get("specimen"))
    known = ctx.index.reference_of(sent)
    target = ctx.index.resolve(sent, resource)
    also = (known,) if known else ()
    if target is None:
        return _unusual(ctx.words.typed(sent.get("display"))), ()
    words = _unusual(ctx.term(target.get("type")).name)
    collected = object_of(target.get("collection"))
    site = words_at(collected, "bodySite", ctx) if "bodySite" in collected else ""
    return ", ".join(filter(None, (words, _unusual(site)))), also


def _unusual(words: str) -> str:
    """The words without what every specimen is called; '' for a usual one and for a number."""
    plain = _SPECIMEN.sub(" ", words).strip(" ,;:-")
    if not plain or any(map(str.isdigit, plain)) or plain.casefold() in _usual():
        return ""
    return plain


_SPECIMEN = re.compile(
    r"\b(?:specimen|sample|example|of|from)\b|\((?:specimen|substance)\)", re.IGNORECASE
)


@cache
def _other_blood() -> tuple[str, ...]:
    return tuple(table("observations")["specimens"]["blood"])


@cache
def _usual() -> frozenset[str]:
    return frozenset(table("observations")["specimens"]["usual"])
