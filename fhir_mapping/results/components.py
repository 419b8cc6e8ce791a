"""The components of an Observation: two that make a blood pressure, any others one by one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from fhir_mapping.chart import Flag, Kind
from fhir_mapping.drafting.draft import Draft, MappingContext
from fhir_mapping.drafting.excluded_results import refusal_of
from fhir_mapping.elements.concepts import codings
from fhir_mapping.elements.json_values import object_of
from fhir_mapping.elements.phrasing import plain
from fhir_mapping.results.courses import limits_text
from fhir_mapping.results.values import REFUSED, SIGNAL
from fhir_mapping.tables import table

__all__ = ["of_components"]

Component = Mapping[str, Any]
Reader = Callable[[Component, str, Kind, MappingContext], Draft | None]


@cache
def _pressure_codes() -> tuple[frozenset[str], frozenset[str]]:
    codes = table("observations")["blood_pressure"]
    return frozenset(codes["systolic"]), frozenset(codes["diastolic"])


def of_components(
    components: list[dict[str, Any]],
    parent: Mapping[str, Any],
    ref: str,
    kind: Kind,
    ctx: MappingContext,
    read: Reader,
) -> list[Draft]:
    """A draft for each component with a value; those without one are recorded as left out."""
    results: list[tuple[Component, Draft]] = []
    for n, component in enumerate(components, 1):
        what = f"{ref}#component-{n}"
        refusal = refusal_of(ctx.term(component.get("code")))
        if refusal is not None:
            ctx.found.leave(what, *refusal)
            continue
        draft = read(component, ref, kind, ctx)
        if draft is None:
            if any(component.get(element) for element in REFUSED):
                ctx.found.leave(what, "signal-or-image", SIGNAL, kind)
            else:
                ctx.found.leave(what, "no-value", "The component has no value to read.", kind)
        else:
            _name_by_parent(draft, component, parent, ctx)
            draft.paths = (what,)
            results.append((component, draft))
    return _joined(results, parent, ctx)


def _name_by_parent(
    draft: Draft, component: Component, parent: Mapping[str, Any], ctx: MappingContext
) -> None:
    """What a component says in words is said of its Observation: "Ectopia lentis: present".

    A number under a name of its own needs no other.
    """
    if draft.value is not None and _has_words(component):
        return
    whole = ctx.term(parent.get("code"))
    code = ctx.term(component.get("code"))
    alone = table("observations")["blood_pressure"]["alone"].get(code.code)
    if alone and not _has_words(component):
        draft.text = alone
        return
    if not whole.name or whole.name.lower() in draft.text.lower():
        return
    if code.has_any(table("observations")["presence"]["codes"]):
        draft.text, draft.codes = whole.name, whole.codes
        draft.key = f"{whole.identity}|words"
        return
    draft.text = f"{whole.name}: {draft.text}"
    draft.key += f"|{whole.identity}"


def _has_words(component: Component) -> bool:
    """Whether there is more to call it by than a code."""
    concept = object_of(component.get("code"))
    return bool(concept.get("text")) or any(c.get("display") for c in codings(concept))


def _joined(
    results: list[tuple[Component, Draft]], parent: Mapping[str, Any], ctx: MappingContext
) -> list[Draft]:
    """The drafts, with a systolic and a diastolic pressure made into one."""
    systolic_codes, diastolic_codes = _pressure_codes()
    systolic = _coded(results, systolic_codes, ctx)
    diastolic = _coded(results, diastolic_codes, ctx)
    if systolic is None or diastolic is None:
        return [draft for _, draft in results]
    pressure = _pressure(systolic, diastolic, parent, ctx)
    return [pressure, *(d for _, d in results if d is not systolic and d is not diastolic)]


def _coded(
    results: list[tuple[Component, Draft]], codes: frozenset[str], ctx: MappingContext
) -> Draft | None:
    for component, draft in results:
        if draft.value is not None and ctx.term(component.get("code")).has_any(codes):
            return draft
    return None


def _pressure(
    systolic: Draft, diastolic: Draft, parent: Mapping[str, Any], ctx: MappingContext
) -> Draft:
    """ "Blood pressure 142/91 mmHg": the value is the systolic one, the flag that of either."""
    joined = Draft(systolic.kind, "blood-pressure", "Blood pressure", systolic.ref, result=True)
    joined.shown = "/".join(
        f"{d.comparator or ''}{plain(d.value or 0)}" for d in (systolic, diastolic)
    )
    joined.value, joined.unit = systolic.value, systolic.unit
    joined.comparator, joined.range = systolic.comparator, systolic.range
    limits = [limits_text(draft.range) for draft in (systolic, diastolic)]
    joined.limits = f"{limits[0]}/{limits[1].removeprefix('usual ')}" if all(limits) else ""
    flags = [d.flag for d in (systolic, diastolic) if d.flag is not None]
    joined.flag = next((flag for flag in flags if flag.is_abnormal), flags[0] if flags else None)
    joined.flagged = _flagged(systolic.flag, diastolic.flag)
    codes = (*ctx.term(parent.get("code")).codes, *systolic.codes, *diastolic.codes)
    joined.codes = tuple(dict.fromkeys(codes))
    joined.paths = systolic.paths + diastolic.paths
    return joined


def _flagged(systolic: Flag | None, diastolic: Flag | None) -> str:
    """Which of the two is abnormal; '' where both are alike."""
    if systolic is diastolic:
        return ""
    flags = (("diastolic", diastolic), ("systolic", systolic))
    said = [f"{name} {f.replace('-', ' ')}" for name, f in flags if f is not None and f.is_abnormal]
    return ", ".join(said)
