"""Condition: problems, encounter diagnoses and health concerns."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from fhir_mapping.absence import says_nothing_known
from fhir_mapping.ages import days_since_age
from fhir_mapping.annotations import remark_of, words_at
from fhir_mapping.chart import Certainty, Experiencer, Kind, Polarity
from fhir_mapping.concepts import first_code, wording
from fhir_mapping.draft import Draft, Scene
from fhir_mapping.reading import items, objects
from fhir_mapping.stated import state
from fhir_mapping.tables import table
from fhir_mapping.terms import Term

__all__ = ["map_condition"]

_ONSET = ("onsetDateTime", "onsetPeriod")
_TELLING = ("severity", "bodySite", "stage", "note")
"""Of entries of one problem, the one that says more of these leads."""
_ABATEMENT = ("abatementDateTime", "abatementPeriod")
_OVER = frozenset({"inactive", "remission", "resolved"})
_UNSURE = frozenset({"unconfirmed", "provisional", "differential"})


def map_condition(resource: Mapping[str, Any], ref: str, scene: Scene) -> None:
    """One problem; refuted ones say so, resolved ones stand apart from active ones."""
    term = scene.term(resource.get("code"))
    name = term.name
    if not name:
        scene.found.leave(ref, "no-code", "The condition is neither coded nor named.", Kind.PROBLEM)
        return
    verification = first_code(resource.get("verificationStatus"))
    clinical = first_code(resource.get("clinicalStatus"))
    abated = scene.times.first_of(resource, _ABATEMENT)
    if abated is None and "abatementAge" in resource:
        abated = days_since_age(resource["abatementAge"], scene)
    over = clinical in _OVER or (not clinical and _has_abated(resource))
    categories = _categories(resource)
    draft = Draft(_kind(categories), "", name, ref, codes=term.codes)
    _assert(draft, term, verification, scene)
    refuted = draft.polarity is Polarity.REFUTED
    standing = draft.polarity if refuted else "over" if over else "current"
    draft.key = f"{term.identity}|{standing}"
    draft.status = clinical or ("resolved" if over else "")
    draft.days_ago = _when(resource, abated if over else None, scene)
    draft.text = _phrase(resource, name, verification, draft.status, scene)
    if not draft.status and len(categories) == 1 and categories[0] in _tables()["said"]:
        draft.text += f" ({_tables()['said'][categories[0]]})"
    draft.name, draft.remark = name, remark_of(resource, scene)
    draft.weight = sum(bool(resource.get(element)) for element in _TELLING)
    scene.found.told(draft)


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


def _assert(draft: Draft, term: Term, verification: str, scene: Scene) -> None:
    """Sets whether it is so, how sure that is, and whose it is: by status, by words, by code."""
    draft.polarity = _polarity(term, verification)
    if verification in _UNSURE:
        draft.certainty = Certainty.UNCERTAIN
    if draft.polarity is not Polarity.ABSENT:
        state(draft, term.name, scene)
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
    if verification == "refuted":
        return Polarity.REFUTED
    if says_nothing_known(term):
        return Polarity.ABSENT
    return Polarity.UNKNOWN if verification in _UNSURE else Polarity.PRESENT


def _when(resource: Mapping[str, Any], ended: float | None, scene: Scene) -> float | None:
    if ended is not None:
        return ended
    onset = scene.times.first_of(resource, _ONSET)
    if onset is None:
        for name in ("onsetAge", "onsetRange"):
            if onset is None and name in resource:
                onset = days_since_age(resource[name], scene)
    if onset is not None:
        return onset
    return scene.times.first_of(resource, scene.dialect.condition_recorded)


def _phrase(
    resource: Mapping[str, Any],
    name: str,
    verification: str,
    clinical: str,
    scene: Scene,
) -> str:
    said = [name]
    severity = wording(resource.get("severity"), scene.words)
    if severity and severity.lower() not in name.lower():
        said.append(f", {severity.lower()}")
    said += _details(resource, name, scene)
    if verification == "refuted":
        said.append(" (refuted)")
    elif verification in _UNSURE:
        said.append(f" ({verification})")
    if clinical in _OVER or clinical in ("recurrence", "relapse"):
        said.append(f" ({clinical})")
    return "".join(said)


def _details(resource: Mapping[str, Any], name: str, scene: Scene) -> list[str]:
    """Site, stage, and an onset that was only written."""
    said = []
    site = words_at(resource, "bodySite", scene) if "bodySite" in resource else ""
    if site and site.lower() not in name.lower():
        said.append(f" ({site})")
    if "stage" in resource:
        stages = [wording(s.get("summary"), scene.words) for s in objects(resource["stage"])]
        said += [f", {stage}" for stage in dict.fromkeys(filter(None, stages))]
    onset = scene.words.typed(resource.get("onsetString"))
    if onset:
        said.append(f", onset: {onset}")
    return said
