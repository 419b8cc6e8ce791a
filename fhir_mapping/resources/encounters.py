"""Encounter: visits and stays, and the complaint of the present one."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from fhir_mapping.chart import Kind
from fhir_mapping.drafting.absence import absence_in, leave_unknown
from fhir_mapping.drafting.draft import Draft, MappingContext
from fhir_mapping.drafting.statements import state
from fhir_mapping.elements.coding_marks import EXCLUDED
from fhir_mapping.elements.concepts import first_code
from fhir_mapping.elements.json_values import first, object_of, objects, string
from fhir_mapping.elements.phrasing import span
from fhir_mapping.elements.terms import Term
from fhir_mapping.tables import table

__all__ = ["current_encounters", "map_encounter", "map_present_encounter"]

Resource = Mapping[str, Any]

_OPEN = frozenset({"in-progress", "arrived", "triaged", "onleave", "on-hold"})
_NOT_SO = frozenset({"refuted", "entered-in-error"})


def current_encounters(encounters: Mapping[str, Resource], ctx: MappingContext) -> set[str]:
    """The references of the present encounters among those of this patient.

    The one the caller named; else the open stays that began with the newest open stay, and the
    emergency visit of today (a stay that nobody closed must not hide it); else the visits that
    began or ended with the newest visit, open or over; and what any of these is part of. How long
    ago each may have begun is in `encounters.toml`: an encounter that nobody closed for years, or
    whose end has passed, is not open.
    """
    named = f"Encounter/{ctx.encounter_id}" if ctx.encounter_id else ""
    if named in encounters:
        return _with_wholes({named}, encounters, ctx)
    period = ctx.dialect.encounter_period
    begun = {ref: ctx.times.first_of(r, period) for ref, r in encounters.items()}
    ended = {ref: ctx.times.end_of(_period(r, ctx)) for ref, r in encounters.items()}
    is_open = {
        ref
        for ref, r in encounters.items()
        if string(r.get("status")).lower() in _OPEN and (ended[ref] or 0.0) <= _SETTLES
    }
    stays = {ref for ref in is_open if _class_code(encounters[ref], ctx) in _stays()}
    limits = table("encounters")["present"]
    candidates = _begun_within(begun, stays, limits["open_stay_days"])
    if not candidates:
        candidates = _begun_within(begun, is_open, limits["open_visit_days"])
        last = {ref: _last(begun[ref], ended[ref]) for ref in begun}
        candidates |= _begun_within(last, set(last), limits["ended_visit_days"])
    if not candidates:
        return {ref for ref in is_open if begun[ref] is None}
    newest = min(candidates.values())
    latest = {ref for ref, days in candidates.items() if days - newest <= 1.0}
    emergencies = {ref for ref, r in encounters.items() if _class_code(r, ctx) in _EMERGENCY}
    latest |= _begun_within(begun, emergencies, limits["emergency_days"]).keys()
    return _with_wholes(latest, encounters, ctx)


_SETTLES = 1.0
"""Days after its end that an encounter may still be open, while its record is completed. Ours."""

_EMERGENCY = frozenset({"emer", "emergency"})


def _period(resource: Resource, ctx: MappingContext) -> dict[str, Any]:
    return object_of(first(resource, ctx.dialect.encounter_period))


def _last(begun: float | None, ended: float | None) -> float | None:
    """Days since a visit was last seen: its end where that has passed, else its beginning."""
    if begun is None or ended is None or not 0 <= ended <= begun:
        return begun
    return ended


def _begun_within(
    begun: Mapping[str, float | None], refs: set[str], days: float
) -> dict[str, float]:
    """How many days ago those of `refs` began that began in the past and not before `days`."""
    return {ref: ago for ref in refs if (ago := begun[ref]) is not None and 0 <= ago <= days}


@cache
def _stays() -> frozenset[str]:
    return frozenset(table("encounters")["present"]["stays"])


def _with_wholes(
    refs: set[str], encounters: Mapping[str, Resource], ctx: MappingContext
) -> set[str]:
    """These and all that they are part of: the ward's visit, the stay, the hospital's case."""
    found: set[str] = set()
    waiting = list(refs)
    while waiting:
        ref = waiting.pop()
        if ref in encounters and ref not in found:
            found.add(ref)
            waiting.append(str(ctx.index.reference_of(encounters[ref].get("partOf"))))
    return found


def map_encounter(resource: Resource, ref: str, ctx: MappingContext) -> None:
    """One visit or stay; repeats that read the same are counted."""
    status = string(resource.get("status")).lower()
    reasons = _reasons(resource, ref, ctx)
    draft = _draft(resource, ref, reasons, ctx)
    draft.status = status
    if status == "planned":
        draft.key += f"|{ref}"
        draft.text = f"Planned: {draft.text}"
    ctx.found.told(draft)


def map_present_encounter(resource: Resource, ref: str, ctx: MappingContext) -> None:
    """The present visit or stay; its reasons are the complaint."""
    reasons = _reasons(resource, ref, ctx)
    draft = _draft(resource, ref, reasons, ctx)
    draft.status = string(resource.get("status")).lower()
    draft.key += f"|{ref}"
    draft.text = f"Present encounter: {draft.text}"
    for n, (reason, also) in enumerate(reasons):
        if reason.certainty == EXCLUDED:
            continue  # the encounter says so
        complaint = Draft(Kind.COMPLAINT, f"{reason.identity}|{n}", reason.name, ref)
        complaint.paths = (f"{ref}#reason-{n + 1}",)
        complaint.days_ago, complaint.codes = draft.days_ago, reason.codes
        complaint.status, complaint.also = draft.status, also
        state(complaint, reason.name, ctx)
        ctx.found.told(complaint)
    ctx.found.told(draft)


_Reasons = list[tuple[Term, tuple[str, ...]]]


def _draft(resource: Resource, ref: str, reasons: _Reasons, ctx: MappingContext) -> Draft:
    period = first(resource, ctx.dialect.encounter_period)
    begun = ctx.times.days_ago(period)
    sort = ctx.term(resource.get("type"))
    diagnoses = _diagnoses(resource, reasons, ctx)
    text = _phrase(resource, "" if sort.null else sort.name, ctx) + _said_for(reasons, diagnoses)
    text += _length(period, begun, ctx)
    draft = Draft(Kind.ENCOUNTER, text, text, ref, begun, sort.codes)
    draft.also = tuple(a for _, also in (*reasons, *diagnoses) for a in also)
    return draft


def _phrase(resource: Resource, sort: str, ctx: MappingContext) -> str:
    parts = [_class(resource, ctx), sort]
    if "serviceType" in resource:
        parts.append(ctx.term(resource["serviceType"]).name)
    return ", ".join(dict.fromkeys(filter(None, parts))) or "Encounter"


def _said_for(reasons: _Reasons, diagnoses: _Reasons) -> str:
    said = ""
    if reasons:
        said += f", for {'; '.join(dict.fromkeys(reason.name for reason, _ in reasons))}"
    if diagnoses:
        said += f"; diagnosis: {'; '.join(dict.fromkeys(found.name for found, _ in diagnoses))}"
    return said


@cache
def _classes() -> dict[str, str]:
    return dict(table("encounters")["classes"])


def _class_code(resource: Resource, ctx: MappingContext) -> str:
    return ctx.term(resource.get("class")).code


def _class(resource: Resource, ctx: MappingContext) -> str:
    term = ctx.term(resource.get("class"))
    known = _classes().get(term.code)
    if known is not None:
        return known
    return term.name if term.named else term.codes[0].code if term.codes else ""


def _reasons(resource: Resource, ref: str, ctx: MappingContext) -> _Reasons:
    """Each reason, coded or referenced, with the references that were read for it."""
    found: _Reasons = []
    for element in ctx.dialect.encounter_reason:
        if element in resource:
            for sent in objects(resource[element]):
                values = objects(sent.get("value")) or [sent]
                found += [_stated(value, resource, ctx) for value in values]
    if "reasonReference" in resource:
        found += [_stated(sent, resource, ctx) for sent in objects(resource["reasonReference"])]
    return [one for n, one in enumerate(found, 1) if _is_reason(one[0], f"{ref}#reason-{n}", ctx)]


def _is_reason(term: Term, what: str, ctx: MappingContext) -> bool:
    """Whether it names one; "none" and "unknown" do not, and are recorded."""
    absence = absence_in(term, Kind.PROBLEM, ctx)
    if absence is not None:
        leave_unknown(absence, what, Kind.COMPLAINT, ctx)
        return False
    return bool(term.name)


def _diagnoses(resource: Resource, reasons: _Reasons, ctx: MappingContext) -> _Reasons:
    """What was diagnosed at a visit and is not its reason already."""
    if "diagnosis" not in resource:
        return []
    known = {reason.name for reason, _ in reasons}
    sent = [c for d in objects(resource.get("diagnosis")) for c in objects(d.get("condition"))]
    stated = [_stated(condition, resource, ctx) for condition in sent]
    return [found for found in stated if found[0].name and found[0].name not in known]


def _stated(
    value: dict[str, Any], holder: Resource, ctx: MappingContext
) -> tuple[Term, tuple[str, ...]]:
    """A concept, Reference or CodeableReference as what it means, and what was read for it.

    Nothing when it refers to a condition that was refuted or entered in error.
    """
    reference = value.get("reference")
    known = ctx.index.reference_of(reference) if reference else None
    target = ctx.index.resolve(known or reference, holder) if reference else None
    if target:
        if first_code(target.get("verificationStatus")) in _NOT_SO:
            return ctx.term(None), ()
        term = ctx.term(target.get("code"))
        if term.certainty == EXCLUDED or not term.named:  # as a problem it is told
            return ctx.term(None), (known,) if known else ()
        if term.name:
            return term, (known,) if known else ()
    return ctx.term(reference if isinstance(reference, dict) else value), ()


def _length(period: Any, begun: float | None, ctx: MappingContext) -> str:
    """How long a stay of a day or more lasted."""
    ended = ctx.times.end_of(object_of(period))
    if begun is None or ended is None or begun - ended < 1:
        return ""
    return f", lasted {span(begun - ended)}"
