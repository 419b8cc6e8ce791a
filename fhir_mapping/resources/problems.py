"""Condition: problems, encounter diagnoses and health concerns."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from fhir_mapping.chart import Certainty, Experiencer, Kind, Polarity
from fhir_mapping.drafting.absence import told_as_absence
from fhir_mapping.drafting.ages import days_since_age
from fhir_mapping.drafting.draft import Draft, MappingContext
from fhir_mapping.drafting.remarks import remark_of, words_at
from fhir_mapping.drafting.statements import state
from fhir_mapping.elements.coding_marks import EXCLUDED, STATE_AFTER, SUSPECTED
from fhir_mapping.elements.concepts import first_code, wording
from fhir_mapping.elements.json_values import items, objects
from fhir_mapping.elements.terms import Term
from fhir_mapping.tables import table

__all__ = ["map_condition"]

_ONSET = ("onsetDateTime", "onsetPeriod")
_TELLING = ("severity", "bodySite", "stage", "note")
"""Of entries of one problem, the one that says more of these leads."""
_ABATEMENT = ("abatementDateTime", "abatementPeriod")
_OVER = frozenset({"inactive", "remission", "resolved"})
_UNSURE = frozenset({"unconfirmed", "provisional", "differential"})


def map_condition(resource: Mapping[str, Any], ref: str, ctx: MappingContext) -> None:
    """One problem; refuted ones say so, resolved ones stand apart from active ones."""
    term = ctx.term(resource.get("code"))
    name = term.name
    verification = first_code(resource.get("verificationStatus"))
    categories = _categories(resource)
    over, ended = _over(resource, term, ctx)
    draft = Draft(_kind(categories), "", name, ref, codes=term.codes)
    draft.status = _status(resource, term, over)
    draft.days_ago, draft.remark = _when(resource, ended, ctx), remark_of(resource, ctx)
    if verification != "refuted" and told_as_absence(
        term, draft, ctx, over=over, wholly=draft.kind is Kind.PROBLEM
    ):
        return
    if not name:
        ctx.found.leave(ref, "no-code", "The condition is neither coded nor named.", Kind.PROBLEM)
        return
    _assert(draft, term, verification, ctx)
    refuted = draft.polarity is Polarity.REFUTED
    status = draft.polarity if refuted else "over" if over else "current"
    draft.key = f"{term.identity}|{status}{term.side and f' {term.side}'}"
    draft.text = _phrase(resource, term, verification, draft.status, ctx)
    said = _tables()["said"]
    if not (draft.status or refuted) and len(categories) == 1 and categories[0] in said:
        draft.text += f" ({said[categories[0]]})"
    draft.name = name
    draft.weight = sum(bool(resource.get(element)) for element in _TELLING)
    ctx.found.told(draft)


def _over(
    resource: Mapping[str, Any], term: Term, ctx: MappingContext
) -> tuple[bool, float | None]:
    """Whether it is over, by its status, its end or its code, and how many days ago it ended."""
    clinical = first_code(resource.get("clinicalStatus"))
    over = clinical in _OVER or (not clinical and _has_abated(resource))
    over = over or term.certainty == STATE_AFTER
    if not over:
        return False, None
    abated = ctx.times.first_of(resource, _ABATEMENT)
    if abated is None and "abatementAge" in resource:
        abated = days_since_age(resource["abatementAge"], ctx)
    return True, abated


def _status(resource: Mapping[str, Any], term: Term, over: bool) -> str:
    """The sender's own word, but for a state after a disease, which is coded as active too."""
    clinical = first_code(resource.get("clinicalStatus"))
    if over and clinical not in _OVER and term.certainty == STATE_AFTER:
        return "resolved"
    return clinical or ("resolved" if over else "")


@cache
def _tables() -> dict[str, dict[str, str]]:
    return {name: dict(table("problems")[name]) for name in ("kinds", "said")}


def _categories(resource: Mapping[str, Any]) -> list[str]:
    return [first_code(sent) for sent in items(resource.get("category"))]


def _kind(categories: list[str]) -> Kind:
    kinds = _tables()["kinds"]
    return next((Kind(kinds[code]) for code in categories if code in kinds), Kind.PROBLEM)


def _has_abated(resource: Mapping[str, Any]) -> bool:
    return any(
        key.startswith("abatement") and value not in (None, False, "", [], {})
        for key, value in resource.items()
    )


def _assert(draft: Draft, term: Term, verification: str, ctx: MappingContext) -> None:
    """Sets whether it is so, how sure that is, and whose it is: by status, by words, by code."""
    draft.polarity = _polarity(term, verification)
    if verification in _UNSURE or term.certainty == SUSPECTED:
        draft.certainty = Certainty.UNCERTAIN
    state(draft, term.name, ctx)
    if any(
        code.system in _family()[0] and code.code.startswith(_family()[1]) for code in term.codes
    ):
        draft.experiencer = Experiencer.FAMILY


@cache
def _family() -> tuple[frozenset[str], tuple[str, ...]]:
    """Code systems, and the beginnings of their codes, of diseases in the family."""
    coded = table("problems")["family"]
    return frozenset(coded["systems"]), tuple(coded["begins"])


def _polarity(term: Term, verification: str) -> Polarity:
    if verification == "refuted" or term.certainty == EXCLUDED:
        return Polarity.REFUTED
    unsure = verification in _UNSURE or term.certainty == SUSPECTED
    return Polarity.UNKNOWN if unsure else Polarity.PRESENT


def _when(resource: Mapping[str, Any], ended: float | None, ctx: MappingContext) -> float | None:
    if ended is not None:
        return ended
    onset = ctx.times.first_of(resource, _ONSET)
    if onset is None:
        for name in ("onsetAge", "onsetRange"):
            if onset is None and name in resource:
                onset = days_since_age(resource[name], ctx)
    if onset is not None:
        return onset
    return ctx.times.first_of(resource, ctx.dialect.condition_recorded)


def _phrase(
    resource: Mapping[str, Any],
    term: Term,
    verification: str,
    clinical: str,
    ctx: MappingContext,
) -> str:
    name = term.name
    said = [name]
    severity = wording(resource.get("severity"), ctx.words)
    if severity and severity.lower() not in name.lower():
        said.append(f", {severity.lower()}")
    said += _details(resource, name, ctx)
    if verification == "refuted":
        said.append(" (refuted)")
    elif verification in _UNSURE:
        said.append(f" ({verification})")
    if clinical in ("recurrence", "relapse") or (
        clinical in _OVER and term.certainty != STATE_AFTER
    ):
        said.append(f" ({clinical})")
    return "".join(said)


def _details(resource: Mapping[str, Any], name: str, ctx: MappingContext) -> list[str]:
    """Site, stage, and an onset that was only written."""
    said = []
    site = words_at(resource, "bodySite", ctx) if "bodySite" in resource else ""
    if site and site.lower() not in name.lower():
        said.append(f" ({site})")
    if "stage" in resource:
        stages = [wording(s.get("summary"), ctx.words) for s in objects(resource["stage"])]
        said += [f", {stage}" for stage in dict.fromkeys(filter(None, stages))]
    onset = ctx.words.typed(resource.get("onsetString"))
    if onset:
        said.append(f", onset: {onset}")
    return said
