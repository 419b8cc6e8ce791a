"""Immunization: what was given, or was not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fhir_mapping.chart import Kind, Polarity
from fhir_mapping.drafting.absence import told_as_absence
from fhir_mapping.drafting.draft import Draft, MappingContext
from fhir_mapping.drafting.remarks import remark_of, words_at
from fhir_mapping.elements.json_values import string

__all__ = ["map_immunization"]


def map_immunization(resource: Mapping[str, Any], ref: str, ctx: MappingContext) -> None:
    """One dose; doses of the same vaccine are counted."""
    term = ctx.term(resource.get("vaccineCode"))
    name = term.name
    status = string(resource.get("status")).lower()
    when = ctx.times.first_of(resource, ctx.dialect.immunization_time)
    draft = Draft(Kind.IMMUNIZATION, "", name, ref, when, term.codes, status)
    draft.remark = remark_of(resource, ctx)
    if told_as_absence(term, draft, ctx):
        return
    if not name:
        ctx.found.leave(ref, "no-code", "The vaccine is neither coded nor named.",
                          Kind.IMMUNIZATION)  # fmt: skip
        return
    not_given = status == "not-done" or resource.get("notGiven") is True
    text = name
    if not_given:
        why = words_at(resource, "statusReason", ctx) or _stu3_reason(resource, ctx)
        text += f" (not given: {why})" if why else " (not given)"
    elif resource.get("isSubpotent") is True:
        text += " (subpotent dose)"
    draft.key, draft.text = f"{term.identity}|{not_given}", text
    if not_given:
        draft.polarity = Polarity.ABSENT
    ctx.found.told(draft)


def _stu3_reason(resource: Mapping[str, Any], ctx: MappingContext) -> str:
    explanation = resource.get("explanation")
    return words_at(explanation, "reasonNotGiven", ctx) if isinstance(explanation, dict) else ""
