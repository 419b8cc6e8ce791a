"""Procedure: what was done, or was not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fhir_mapping.chart import Kind, Polarity
from fhir_mapping.drafting.absence import told_as_absence
from fhir_mapping.drafting.ages import days_since_age
from fhir_mapping.drafting.draft import Draft, MappingContext
from fhir_mapping.drafting.remarks import reason_of, remark_of, words_at
from fhir_mapping.elements.concepts import wording
from fhir_mapping.elements.json_values import objects, string
from fhir_mapping.elements.short_names import without_tag

__all__ = ["map_procedure"]

_SAID = {"in-progress": "in progress", "preparation": "planned", "stopped": "stopped",
         "suspended": "suspended", "on-hold": "on hold"}  # fmt: skip


def map_procedure(resource: Mapping[str, Any], ref: str, ctx: MappingContext) -> None:
    """One procedure; repeats of the same are counted."""
    term = ctx.term(resource.get("code"))
    name = term.name
    status = string(resource.get("status")).lower()
    draft = Draft(Kind.PROCEDURE, "", name, ref, _when(resource, ctx), term.codes, status)
    draft.remark = remark_of(resource, ctx)
    if told_as_absence(term, draft, ctx):
        return
    if not name:
        ctx.found.leave(ref, "no-code", "The procedure is neither coded nor named.",
                          Kind.PROCEDURE)  # fmt: skip
        return
    not_done = status == "not-done" or resource.get("notDone") is True
    text = _phrase(resource, name, ctx)
    if not_done:
        why = words_at(resource, "statusReason", ctx) or words_at(resource, "notDoneReason", ctx)
        text += f" (not done: {why})" if why else " (not done)"
    elif status in _SAID:
        why = words_at(resource, "statusReason", ctx)
        text += f" ({_SAID[status]}: {why})" if why else f" ({_SAID[status]})"
    draft.key, draft.text = f"{term.identity}|{text}", text
    if not_done:
        draft.polarity = Polarity.ABSENT
    ctx.found.told(draft)


def _when(resource: Mapping[str, Any], ctx: MappingContext) -> float | None:
    days = ctx.times.first_of(resource, ctx.dialect.procedure_time)
    for name in ("performedAge", "performedRange", "occurrenceAge", "occurrenceRange"):
        if days is None and name in resource:
            days = days_since_age(resource[name], ctx)
    return days


def _phrase(resource: Mapping[str, Any], name: str, ctx: MappingContext) -> str:
    words = ctx.words
    said = [name]
    sites = [without_tag(wording(site, words)) for site in objects(resource.get("bodySite"))]
    site = ", ".join(s for s in dict.fromkeys(sites) if s and s.lower() not in name.lower())
    if site:
        said.append(f" ({site})")
    reason = reason_of(resource, ctx.dialect.reason, ctx)
    if reason and reason.lower() not in name.lower():
        said.append(f", for {reason}")
    outcome = wording(resource.get("outcome"), words)
    if outcome:
        said.append(f", outcome: {outcome}")
    for problem in objects(resource.get("complication")):
        shown = wording(problem, words)
        if shown:
            said.append(f", complication: {shown}")
    return "".join(said)
