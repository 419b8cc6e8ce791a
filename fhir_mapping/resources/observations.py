"""Observation: vital signs, laboratory results, social history, findings, panels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from fhir_mapping.chart import Certainty, Kind, Polarity
from fhir_mapping.context import is_uncertain, polarity_of_codes
from fhir_mapping.drafting.draft import Draft, MappingContext
from fhir_mapping.drafting.excluded_results import refusal_of
from fhir_mapping.drafting.modifier_extensions import without_modified_parts
from fhir_mapping.drafting.remarks import remark_of
from fhir_mapping.drafting.statements import state
from fhir_mapping.elements.coding_marks import EXCLUDED, SUSPECTED
from fhir_mapping.elements.concepts import codings, unwrap
from fhir_mapping.elements.json_values import objects
from fhir_mapping.elements.terms import Term
from fhir_mapping.results.belonging import keep_together, member_of
from fhir_mapping.results.components import of_components
from fhir_mapping.results.flags import judge_sent
from fhir_mapping.results.focus import is_of_another
from fhir_mapping.results.interpretations import read_interpretation
from fhir_mapping.results.isolates import organism_among
from fhir_mapping.results.result_identity import name_by_subject, tell_apart
from fhir_mapping.results.result_ranges import set_range, show_range
from fhir_mapping.results.values import REFUSED, SIGNAL, Value, read_value
from fhir_mapping.tables import table

__all__ = ["map_contained", "map_observation"]

Resource = Mapping[str, Any]

_TIMES = ("effectiveDateTime", "effectivePeriod", "effectiveInstant", "effectiveTiming", "issued")


def map_observation(resource: Resource, ref: str, ctx: MappingContext) -> None:
    """One result; each component of a panel is a result of its own, but for a blood pressure."""
    if ("focus" in resource or "extension" in resource) and is_of_another(resource, ctx):
        detail = "It is about somebody or something else than the patient."
        ctx.found.leave(ref, "other-focus", detail)
        return
    if "contained" in resource:
        map_contained(resource, "hasMember", ref, ctx)
    term = ctx.term(resource.get("code"))
    refusal = refusal_of(term)
    if refusal is not None:
        ctx.found.leave(ref, *refusal)
        return
    kind = _kind(resource, term)
    own = _result(resource, ref, kind, ctx)
    drafts = [own] if own else []
    components = resource.get("component")
    if components:
        drafts += of_components(objects(components), resource, ref, kind, ctx, _result)
    if not drafts:
        _explain_nothing(resource, ref, kind, ctx)
        return
    if _is_signal(resource):
        ctx.found.leave(f"{ref}#value", "signal-or-image", SIGNAL, kind)
    when = ctx.times.first_of(resource, _TIMES)
    status = _status(resource)
    remark = remark_of(resource, ctx) if "note" in resource or "comment" in resource else ""
    tell_apart(drafts, resource, ref, ctx)
    if components:
        drafts = name_by_subject(drafts, resource, ctx)
    keep_together(drafts, own, resource, ctx)
    for draft in drafts:
        draft.days_ago, draft.status, draft.remark = when, status, remark
    ctx.found.drafts += drafts


def map_contained(holder: Resource, element: str, ref: str, ctx: MappingContext) -> None:
    """The results that a panel or report contains and refers to, told as from their holder."""
    sent = [reference.get("reference") for reference in objects(holder.get(element))]
    members = [
        (literal, member)
        for literal in sent
        if isinstance(literal, str) and literal.startswith("#")
        if (member := ctx.index.resolve(literal, holder)) is not None and _is_usable(member)
    ]
    if not members:
        return
    found = [member for _, member in members]
    organism = organism_among([holder], ctx) or organism_among(found, ctx)
    for literal, member in members:
        read = without_modified_parts("Observation", member, ref, ctx.found)
        others = [other for other in objects(holder.get("contained")) if other is not member]
        told = len(ctx.found.drafts)
        map_observation({**read, "contained": others}, ref, ctx)
        member_of(ctx.found.drafts[told:], organism)
        for draft in ctx.found.drafts[told:]:
            draft.paths = draft.paths or (f"{ref}{literal}",)


def _is_usable(member: Resource) -> bool:
    if member.get("resourceType") != "Observation" or member.get("modifierExtension"):
        return False
    return _status(member) not in ("entered-in-error", "cancelled")


@dataclass(frozen=True, slots=True)
class _Codes:
    by_category: dict[str, Kind]
    by_code: dict[str, Kind]
    anywhere: frozenset[str]
    hl7: frozenset[str]
    by_coding: dict[tuple[str, str], Kind]


@cache
def _codes() -> _Codes:
    tables = table("observations")
    by_category = {code: Kind(kind) for code, kind in tables["kinds"].items()}
    hl7 = frozenset(tables["category_words"]["hl7"])
    return _Codes(
        by_category,
        {code: Kind(kind) for kind, codes in tables["codes"].items() for code in codes},
        frozenset(tables["category_words"]["any_system"]),
        hl7,
        {(system, code): kind for system in hl7 for code, kind in by_category.items()},
    )


def _kind(resource: Resource, term: Term) -> Kind:
    """By the code where that settles it (a complaint), else by category, else by code."""
    known = _codes()
    by_code = known.by_code.get(term.code)
    if by_code is None and len(term.codes) > 1:
        by_code = next((known.by_code[c.code] for c in term.codes if c.code in known.by_code), None)
    if by_code is Kind.COMPLAINT:
        return by_code
    try:  # nearly all categories are one concept with one coding of HL7's
        coding = resource["category"][0]["coding"][0]
        return known.by_coding[coding["system"], coding["code"]]
    except (KeyError, IndexError, TypeError):
        pass
    for concept in objects(resource.get("category")):
        for coding in codings(unwrap(concept)):
            found = _by_category(coding.get("code"), coding.get("system"))
            if found is not None:
                return found
    if by_code is not None:
        return by_code
    return Kind.LAB if resource.get("referenceRange") else Kind.OBSERVATION


def _by_category(code: Any, system: Any) -> Kind | None:
    """The kind that a category code stands for, if its system is HL7's or does not matter."""
    kind = _codes().by_category.get(code) if isinstance(code, str) else None
    if kind is None or not system or code in _codes().anywhere or system in _codes().hl7:
        return kind
    return None


def _status(resource: Resource) -> str:
    status = resource.get("status")
    return status.strip().lower() if isinstance(status, str) else ""


def _result(element: Resource, ref: str, kind: Kind, ctx: MappingContext) -> Draft | None:
    value = read_value(element, ctx)
    interpretation = element.get("interpretation")
    said, flag = "", None
    if interpretation:
        read = read_interpretation(interpretation, ctx.words)
        said, flag = read.said, read.flag
    if value is None:
        if not (said or flag):
            return None
        value = Value(said)
    term = ctx.term(element.get("code"))
    sort = "number" if value.number is not None else "words"
    name = term.name or "unnamed result"
    draft = Draft(kind, f"{term.identity or ref}|{sort}", name, ref, codes=term.codes)
    draft.result = True
    draft.value, draft.comparator, draft.unit = value.number, value.comparator, value.unit
    draft.shown = value.shown
    if said and said != value.shown:
        draft.shown = f"{value.shown or value.figure} ({said})"
    if value.number is not None:
        set_range(draft, element.get("referenceRange"), flag, ctx)
    if flag is not None:
        judge_sent(draft, flag)
    if value.number is None:
        _answer(draft, name, value, ctx)
    show_range(draft, element, ctx)
    if said and draft.polarity is Polarity.PRESENT and _interpreted_as_absent(interpretation, ctx):
        draft.polarity = Polarity.ABSENT
    return draft


def _answer(draft: Draft, name: str, value: Value, ctx: MappingContext) -> None:
    """What a value in words says of the thing observed ("no"), or a complaint of itself."""
    shown = value.shown or ""
    term = ctx.term(value.concept) if value.concept is not None else None
    coded = term.codes if term is not None else ()
    answer = ctx.statements.answer(name, shown, coded)
    if answer is None and is_uncertain(shown):
        draft.certainty = Certainty.UNCERTAIN
    if term is not None and term.certainty == EXCLUDED:
        draft.polarity = Polarity.ABSENT
    if term is not None and term.certainty == SUSPECTED:
        draft.certainty = Certainty.UNCERTAIN
    if term is not None and answer is not None and not term.named:
        draft.shown = answer.value  # the code says it, and has no words
    if answer not in (None, Polarity.PRESENT):
        draft.polarity = answer or Polarity.PRESENT
        if draft.polarity is Polarity.ABSENT and ctx.statements.whole(name).is_denied:
            draft.polarity = Polarity.UNKNOWN  # "No fever: no"
    elif answer is None and draft.kind in _TOLD_BY_VALUE and len(shown) <= _SHORT:
        state(draft, shown, ctx)
    else:
        state(draft, name.rstrip("? "), ctx)


_TOLD_BY_VALUE = frozenset({Kind.COMPLAINT, Kind.SOCIAL})
"""What is said of the patient stands in the value: "Chief complaint: no fever", "Never smoker"."""

_SHORT = 40
"""A longer value is no mere denial ("I do not have housing (staying with others ...)")."""


def _interpreted_as_absent(interpretation: Any, ctx: MappingContext) -> bool:
    codes = ctx.term(interpretation).codes
    return polarity_of_codes(codes, interpretation=True) is Polarity.ABSENT


def _explain_nothing(resource: Resource, ref: str, kind: Kind, ctx: MappingContext) -> None:
    """Why an Observation made no fact."""
    if _is_signal(resource):
        ctx.found.leave(ref, "signal-or-image", SIGNAL, kind)
    elif resource.get("hasMember") or resource.get("related"):
        ctx.found.leave(ref, "panel-header", "Its members are facts of their own.", kind)
    elif _says_by_its_code(resource, ctx.term(resource.get("code")).name):
        term = ctx.term(resource.get("code"))
        when = ctx.times.first_of(resource, _TIMES)
        draft = Draft(kind, term.identity, term.name, ref, when, term.codes, _status(resource))
        draft.remark = remark_of(resource, ctx)
        state(draft, term.name, ctx)
        tell_apart([draft], resource, ref, ctx)
        ctx.found.drafts.append(draft)
    elif resource.get("dataAbsentReason"):
        ctx.found.leave(ref, "data-absent", "The sender says that there is no value.", kind)
    else:
        ctx.found.leave(ref, "no-value", "There is no value that can be read.", kind)


def _is_signal(resource: Resource) -> bool:
    return any(resource.get(element) for element in REFUSED)


def _says_by_its_code(resource: Resource, name: str) -> bool:
    """A finding coded in a terminology of findings is told by its code alone.

    Not what is only to be measured or asked: "Serum potassium level" without a value says nothing.
    """
    if any(key.startswith("value") for key in resource) or resource.get("dataAbsentReason"):
        return False
    tables = table("observations")
    systems = tables["self_contained"]["systems"]
    coded = [c for c in codings(unwrap(resource.get("code"))) if c.get("system") in systems]
    return bool(coded) and not any(_is_observable(c.get("display"), name) for c in coded)


def _is_observable(display: Any, name: str) -> bool:
    known = table("observations")["observables"]
    said = (display if isinstance(display, str) else name).casefold().strip()
    return said.endswith(tuple(known["tags"])) or _plain(said).endswith(tuple(known["words"]))


def _plain(said: str) -> str:
    return said.rpartition(" (")[0] if said.endswith(")") else said
