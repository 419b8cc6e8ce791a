"""MedicationRequest, MedicationStatement, MedicationAdministration, MedicationDispense.

The same drug is one fact, told by the resource that says most about now: an active order or
statement before an administration or a dispense before anything that has ended.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fhir_mapping.chart import Kind, Polarity
from fhir_mapping.drafting.absence import told_as_absence
from fhir_mapping.drafting.draft import Draft, MappingContext
from fhir_mapping.drafting.remarks import reason_of, remark_of, words_at
from fhir_mapping.elements.concepts import first_code, unwrap
from fhir_mapping.elements.json_values import first, object_of, objects, string
from fhir_mapping.elements.terms import Term
from fhir_mapping.resources.dosage import dose_text

__all__ = ["map_administration", "map_dispense", "map_request", "map_statement"]

Resource = Mapping[str, Any]

_OVER = frozenset({"stopped", "cancelled", "ended", "on-hold"})
_CURRENT = frozenset({"active", "in-progress", "intended", "recorded"})
_SAID = {"on-hold": "on hold", "stopped": "stopped", "completed": "completed",
         "cancelled": "cancelled", "ended": "ended", "intended": "intended",
         "not-taken": "not taken"}  # fmt: skip
_HALF = {4: 184, 7: 16}
"""Days from the middle of a year or month to its end, by how many characters it is written with."""
_ADHERENCE = {
    "not-taking": "not-taken",
    "on-hold": "on-hold",
    "on-hold-as-directed": "on-hold",
    "on-hold-not-as-directed": "on-hold",
    "stopped": "stopped",
    "stopped-as-directed": "stopped",
    "stopped-not-as-directed": "stopped",
    "taking-not-as-directed": "taken not as directed",
    "unknown": "not known whether taken",
}
"""What R5's MedicationStatement.adherence says beyond "taken as directed".
Source: http://hl7.org/fhir/ValueSet/medication-statement-adherence"""


def map_request(resource: Resource, ref: str, ctx: MappingContext) -> None:
    """What was ordered; an order not to give something is a fact of absence."""
    draft = _draft(resource, ref, ctx, resource.get("dosageInstruction"), ("authoredOn",))
    if draft is None:
        return
    if draft.days_ago is None:
        draft.days_ago = _begin_of_dosage(resource.get("dosageInstruction"), ctx)
    dosages = objects(resource.get("dosageInstruction"))
    _end(draft, [_bounds(dosage) for dosage in dosages], ctx)
    intent = resource.get("intent")
    if isinstance(intent, str) and intent in ("proposal", "plan"):
        draft.text += f" ({intent})"
    if resource.get("doNotPerform") is True:
        draft.text, draft.polarity = f"Not to be given: {draft.text}", Polarity.ABSENT
        draft.key += "not"
    draft.weight += 1
    ctx.found.told(draft)


def map_statement(resource: Resource, ref: str, ctx: MappingContext) -> None:
    """What the patient takes, or says that he does not take."""
    times = ("effectiveDateTime", "effectivePeriod", "dateAsserted")
    draft = _draft(resource, ref, ctx, resource.get("dosage"), times)
    if draft is None:
        return
    adherence = first_code(_adherence(resource, "code"))
    if adherence in _ADHERENCE:
        _tell_adherence(draft, _ADHERENCE[adherence], resource, ctx)
    else:
        _end(draft, [object_of(resource.get("effectivePeriod"))], ctx)
    taken = first_code(resource.get("taken"))
    if taken == "n" or "not-taken" in (draft.status, _ADHERENCE.get(adherence, "")):
        draft.polarity = Polarity.ABSENT
        draft.status = "not-taken"
        draft.key += "not"
        if "(not taken" not in draft.text:
            why = _why_not(resource, ctx)
            draft.text += f" (not taken: {why})" if why else " (not taken)"
    draft.weight += 2
    ctx.found.told(draft)


def _bounds(dosage: Resource) -> Resource:
    """The time within which a dosage holds."""
    return object_of(object_of(object_of(dosage.get("timing")).get("repeat")).get("boundsPeriod"))


def _end(draft: Draft, periods: Sequence[Resource], ctx: MappingContext) -> None:
    """Of a drug whose status is current and whose time is over in every part: it has ended.

    What is stated holds for its time only: effective[x] in
    https://hl7.org/fhir/R4/medicationstatement.html.
    """
    is_over = bool(periods) and all(_is_over(period, ctx) for period in periods)
    if is_over and draft.status in _CURRENT and draft.status != "intended":
        draft.status = "ended"
        draft.text += f" ({_SAID['ended']})"
        draft.weight = 0


def _is_over(period: Resource, ctx: MappingContext) -> bool:
    """Whether it ended in the past; a year or month that was sent ends with its last day."""
    ended = ctx.times.end_of(period)
    return ended is not None and ended > _HALF.get(len(string(period.get("end"))), 0)


def _tell_adherence(draft: Draft, means: str, resource: Resource, ctx: MappingContext) -> None:
    """What the patient does with the drug counts more than that the statement is recorded."""
    why = words_at({"reason": _adherence(resource, "reason")}, "reason", ctx)
    said = f"{_SAID.get(means, means)}: {why}" if why else _SAID.get(means, means)
    draft.text = f"{draft.text} ({said})"
    if means in _SAID:
        draft.status = means
    if means == "stopped":
        draft.weight = 0


def map_administration(resource: Resource, ref: str, ctx: MappingContext) -> None:
    """What was given."""
    draft = _draft(resource, ref, ctx, resource.get("dosage"), ctx.dialect.administered)
    if draft is None:
        return
    if draft.status == "not-done" or resource.get("notGiven") is True:
        why = _why_not(resource, ctx)
        said = f": {why}" if why else ""
        draft.text = draft.text.replace(f" (completed{said})", "") + f" (not given{said})"
        draft.polarity = Polarity.ABSENT
        draft.key += "not"
    else:
        draft.text = draft.text.replace(" (completed)", "") + " (given)"
        draft.weight = 5
    ctx.found.told(draft)


def map_dispense(resource: Resource, ref: str, ctx: MappingContext) -> None:
    """What a pharmacy handed over."""
    times = ("whenHandedOver", "whenPrepared", "recorded")
    draft = _draft(resource, ref, ctx, resource.get("dosageInstruction"), times)
    if draft is None:
        return
    draft.text = draft.text.replace(" (completed)", "") + " (dispensed)"
    draft.weight = 3
    ctx.found.told(draft)


def _draft(
    resource: Resource, ref: str, ctx: MappingContext, dosages: Any, times: tuple[str, ...]
) -> Draft | None:
    """The drug, its dose and status; None where no drug is meant, which is told or recorded."""
    term, also = _drug(resource, ctx)
    name = term.name
    draft = Draft(Kind.MEDICATION, f"{term.identity}|", name, ref, codes=term.codes, also=also)
    draft.status = string(resource.get("status")).lower()
    draft.days_ago = ctx.times.first_of(resource, times)
    draft.remark = remark_of(resource, ctx)
    if told_as_absence(term, draft, ctx, over=draft.status in _OVER):
        return None
    if not name:
        detail = "The medication is neither coded, named nor among the resources."
        ctx.found.leave(ref, "no-medication", detail, Kind.MEDICATION)
        return None
    dose = dose_text(dosages, ctx.words)
    if dose:
        draft.text = dose if dose.lower().startswith(name.lower()) else f"{name}: {dose}"
    purpose = reason_of(resource, ctx.dialect.reason, ctx)
    if purpose:
        draft.text += f", for {purpose}"
    if draft.status in _SAID:
        why = _why_not(resource, ctx)
        draft.text += f" ({_SAID[draft.status]}: {why})" if why else f" ({_SAID[draft.status]})"
    draft.name = name
    draft.weight = 10 if draft.status in _CURRENT else 8 if draft.status == "on-hold" else 0
    return draft


def _why_not(resource: Resource, ctx: MappingContext) -> str:
    """Why a drug was stopped, paused, not taken or not given."""
    for element in ("statusReason", "reasonNotTaken", "reasonNotGiven",
                    "statusReasonCodeableConcept"):  # fmt: skip
        if element in resource:
            return words_at(resource, element, ctx)
    return ""


def _drug(resource: Resource, ctx: MappingContext) -> tuple[Term, tuple[str, ...]]:
    """The drug, and the reference of the Medication that was read for it; no name if unknown."""
    for element in ctx.dialect.medication:
        sent = resource.get(element)
        if not sent:
            continue
        concept = unwrap(sent)
        term = ctx.term(concept)
        if term.null or (term.name and not _is_reference(concept)):
            return term, ()
        term, also = _referenced(sent, resource, ctx)
        if term.name:
            return term, also
    return ctx.term(None), ()


def _is_reference(value: Any) -> bool:
    return isinstance(value, dict) and "reference" in value


def _referenced(sent: Any, resource: Resource, ctx: MappingContext) -> tuple[Term, tuple[str, ...]]:
    reference = sent.get("reference") if isinstance(sent, dict) else None
    if isinstance(reference, dict):
        sent, reference = reference, reference.get("reference")
    target = ctx.index.resolve(reference, resource)
    known = ctx.index.reference_of(reference)
    also = (known,) if known else ()
    if target is not None:
        term = ctx.term(target.get("code") or _ingredients(target))
        if term.name:
            return term, also
    display = sent.get("display") if isinstance(sent, dict) else None
    return ctx.term({"text": display}), also


def _ingredients(medication: Resource) -> Any:
    for ingredient in objects(medication.get("ingredient")):
        for name in ("itemCodeableConcept", "item"):
            if ingredient.get(name):
                return unwrap(ingredient[name])
    return None


def _adherence(resource: Resource, element: str) -> Any:
    adherence = resource.get("adherence")
    return adherence.get(element) if isinstance(adherence, dict) else None


def _begin_of_dosage(dosages: Any, ctx: MappingContext) -> float | None:
    for dosage in objects(dosages):
        begun = first(dosage, ("timing",))
        if begun is not None:
            return ctx.times.days_ago(begun)
    return None
