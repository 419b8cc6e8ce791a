"""AllergyIntolerance: to what, how bad, what happened."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fhir_mapping.chart import Certainty, Kind, Polarity
from fhir_mapping.drafting.absence import absence_in, told_as_absence
from fhir_mapping.drafting.absence_words import AbsenceMeaning, is_exception
from fhir_mapping.drafting.draft import Draft, MappingContext
from fhir_mapping.drafting.remarks import remark_of
from fhir_mapping.drafting.statements import state
from fhir_mapping.elements.concepts import first_code, unwrap, wording
from fhir_mapping.elements.json_values import objects, string
from fhir_mapping.elements.terms import Term
from fhir_mapping.results.values import is_nothing

__all__ = ["map_allergy"]

_ONSET = ("onsetDateTime", "onsetPeriod", "lastOccurrence")
_OVER = frozenset({"inactive", "resolved"})
_UNSURE = frozenset({"unconfirmed", "presumed"})


def map_allergy(resource: Mapping[str, Any], ref: str, ctx: MappingContext) -> None:
    """One allergy or intolerance, or the statement that none is known."""
    reactions = objects(resource.get("reaction"))
    concept = resource.get("code") or next(
        (r["substance"] for r in reactions if r.get("substance")), None
    )
    term = ctx.term(concept)
    name = term.name
    clinical = first_code(resource.get("clinicalStatus"))
    verification = first_code(resource.get("verificationStatus"))
    polarity = _polarity(verification)
    draft = Draft(Kind.ALLERGY, "", name, ref)
    draft.codes, draft.polarity, draft.status = term.codes, polarity, clinical
    draft.days_ago = ctx.times.first_of(resource, ctx.dialect.allergy_recorded + _ONSET)
    draft.remark = remark_of(resource, ctx)
    is_refuted = polarity is Polarity.REFUTED
    unknown = _unknown(term, ctx)
    if unknown and (draft.remark or _happened(reactions, ctx)):
        name = unknown  # what happened is known, though not of what
    elif not is_refuted and told_as_absence(term, draft, ctx, over=clinical in _OVER):
        return
    if not name:
        ctx.found.leave(ref, "no-code", "The allergy is neither coded nor named.", Kind.ALLERGY)
        return
    draft.key = f"{term.identity}|{polarity if is_refuted else clinical in _OVER}"
    if verification in _UNSURE:
        draft.certainty = Certainty.UNCERTAIN
    if not is_refuted and not is_exception(name) and not _happened(reactions, ctx):
        state(draft, name, ctx)  # "No penicillin allergy"
        if draft.polarity is Polarity.ABSENT and draft.certainty is Certainty.UNCERTAIN:
            draft.polarity = Polarity.UNKNOWN
    draft.text = _phrase(resource, name, reactions, ctx)
    said = [s for s in (verification, clinical) if s in {"refuted", *_UNSURE, *_OVER}]
    draft.text += "".join(f" ({s})" for s in said)
    draft.name = name
    ctx.found.told(draft)


def _polarity(verification: str) -> Polarity:
    if verification == "refuted":
        return Polarity.REFUTED
    return Polarity.UNKNOWN if verification == "unconfirmed" else Polarity.PRESENT


def _phrase(
    resource: Mapping[str, Any], name: str, reactions: list[dict[str, Any]], ctx: MappingContext
) -> str:
    said = [name]
    happened = _happened(reactions, ctx)
    if happened:
        said.append(f": {', '.join(happened)}")
    if first_code(resource.get("type")) == "intolerance":
        said.append(" (intolerance)")
    if string(resource.get("criticality")) == "high":
        said.append(" (high criticality)")
    return "".join(said)


def _unknown(term: Term, ctx: MappingContext) -> str:
    """What stands for a substance that the sender does not know or withholds."""
    absence = absence_in(term, Kind.ALLERGY, ctx)
    if absence is None or absence.meaning is AbsenceMeaning.NONE:
        return ""
    return "Withheld substance" if absence.meaning is AbsenceMeaning.MASKED else "Unknown substance"


def _happened(reactions: list[dict[str, Any]], ctx: MappingContext) -> list[str]:
    return list(dict.fromkeys(filter(None, (_reaction(r, ctx) for r in reactions))))


def _reaction(reaction: Mapping[str, Any], ctx: MappingContext) -> str:
    said = (m for m in objects(reaction.get("manifestation")) if not is_nothing(unwrap(m)))
    shown = [wording(m, ctx.words) for m in said]
    text = " and ".join(dict.fromkeys(filter(None, shown)))
    text = text or ctx.words.typed(reaction.get("description"))
    severity = string(reaction.get("severity"))
    return f"{severity} {text}".strip() if severity in ("moderate", "severe") else text
