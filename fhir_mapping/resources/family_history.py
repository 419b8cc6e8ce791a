"""FamilyMemberHistory: what runs in the family. Names of relatives are never read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fhir_mapping.chart import Experiencer, Kind, Polarity
from fhir_mapping.drafting.absence import absence_in, leave_unknown
from fhir_mapping.drafting.absence_words import Absence, AbsenceMeaning
from fhir_mapping.drafting.ages import age_words
from fhir_mapping.drafting.draft import Draft, MappingContext
from fhir_mapping.drafting.modifier_extensions import answer_of
from fhir_mapping.drafting.remarks import remark_of
from fhir_mapping.drafting.statements import state
from fhir_mapping.elements.coding_marks import EXCLUDED
from fhir_mapping.elements.concepts import codings, first_code, unwrap, wording
from fhir_mapping.elements.json_values import object_of, objects, string
from fhir_mapping.elements.short_names import without_tag
from fhir_mapping.tables import table

__all__ = ["map_family_history"]


def map_family_history(resource: Mapping[str, Any], ref: str, ctx: MappingContext) -> None:
    """One fact for each condition of the relative, or one for the relative without conditions."""
    relative = f"{_relation(resource, ctx)}{_death(resource, ctx)}"
    drafts = []
    left_out: Absence | None = None
    for n, condition in enumerate(objects(resource.get("condition")), 1):
        path = f"{ref}#condition-{n}"
        term = ctx.term(condition.get("code"))
        absence = absence_in(term, Kind.PROBLEM, ctx)
        if absence is not None and absence.meaning is not AbsenceMeaning.NONE:
            leave_unknown(absence, path, Kind.FAMILY, ctx)
            left_out = absence
        elif term.name:
            name = f"{absence.words[:1].lower()}{absence.words[1:]}" if absence else term.name
            text = f"{relative}: {name}{_details(condition, ctx)}"
            draft = Draft(Kind.FAMILY, f"{relative}|{term.identity}", text, ref, paths=(path,))
            draft.codes, draft.remark = term.codes, remark_of(condition, ctx)
            if absence is not None or term.certainty == EXCLUDED:
                draft.polarity = Polarity.ABSENT
            _answer(draft, term.name, condition, ctx)
            drafts.append(draft)
    drafts = drafts or _without_condition(resource, relative, ref, ctx)
    if not drafts and left_out is not None:
        leave_unknown(left_out, ref, Kind.FAMILY, ctx)
    elif not drafts:
        ctx.found.leave(ref, "no-value", "No condition of the relative is given.", Kind.FAMILY)
    for draft in drafts:
        draft.days_ago = ctx.times.days_ago(resource.get("date"))
        draft.status = string(resource.get("status"))
        draft.experiencer = Experiencer.FAMILY
        ctx.found.told(draft)


def _relation(resource: Mapping[str, Any], ctx: MappingContext) -> str:
    """Who it is in words: those that were sent, else those of the code.

    A code alone of an EHR's own system ("156") names no relative.
    """
    sent = resource.get("relationship")
    concept = unwrap(sent)
    by_code = table("relatives")["names"].get(first_code(concept))
    has_words = object_of(concept).get("text") or any(c.get("display") for c in codings(concept))
    term = ctx.term(sent)
    if by_code and not has_words:
        said = by_code
    elif not term.named and term.name:
        return f"Relative ({term.name})"
    else:
        said = without_tag(wording(concept, ctx.words)) or "Relative"
    return f"{said[:1].upper()}{said[1:]}"


def _answer(draft: Draft, name: str, condition: Mapping[str, Any], ctx: MappingContext) -> None:
    """Whether the relative had it: by a modifier extension, else by its words."""
    said = answer_of(condition, ctx)
    if said in (Polarity.ABSENT, Polarity.UNKNOWN):
        draft.polarity = said
        draft.text += f" ({said.value})"
    elif said is None:
        state(draft, name, ctx)
    draft.key += f"|{draft.polarity.value}"


def _without_condition(
    resource: Mapping[str, Any], relative: str, ref: str, ctx: MappingContext
) -> list[Draft]:
    remark = remark_of(resource, ctx)
    unknown = resource.get("status") == "health-unknown"
    if remark:
        return [Draft(Kind.FAMILY, ref, f"{relative}: {remark}", ref)]
    if unknown:
        draft = Draft(Kind.FAMILY, ref, f"{relative}: health unknown", ref)
        draft.polarity = Polarity.UNKNOWN
        return [draft]
    if "(died" in relative:
        return [Draft(Kind.FAMILY, ref, relative, ref)]
    return []


def _death(resource: Mapping[str, Any], ctx: MappingContext) -> str:
    age = age_words(resource, "deceased", ctx)
    if age:
        return f" (died {'at ' if age[0].isdigit() else ''}{age})"
    died = resource.get("deceasedBoolean") is True or bool(resource.get("deceasedDate"))
    return " (died)" if died else ""


def _details(condition: Mapping[str, Any], ctx: MappingContext) -> str:
    said = []
    onset = age_words(condition, "onset", ctx)
    if onset:
        said.append(f"onset {'at ' if onset[0].isdigit() else ''}{onset}")
    if condition.get("contributedToDeath") is True:
        said.append("contributed to death")
    outcome = wording(condition.get("outcome"), ctx.words)
    if outcome:
        said.append(outcome.lower())
    return f" ({', '.join(said)})" if said else ""
