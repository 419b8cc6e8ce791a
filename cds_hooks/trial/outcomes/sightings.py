"""Every place in which resources tell of a diagnosis, whatever version of FHIR they are of. Pure.

Encounter.diagnosis has `condition` (Reference) with `use` in R4 and `role` in STU3, and `condition`
(CodeableReference, several) with `use` (several) in R5. Condition.category is a list, a lone
concept, or none. Any JSON is taken; what has another shape is not seen.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from cds_hooks.trial.outcomes.rules import OutcomeRules, SourceRule
from fhir_mapping.elements.concepts import codings
from fhir_mapping.elements.json_values import items, object_of, objects, string

__all__ = ["Sighting", "reference_of", "sightings", "unread_references"]

Resource = Mapping[str, Any]

_NOT_SO = frozenset({"entered-in-error", "cancelled", "planned"})


@dataclass(frozen=True, slots=True)
class Sighting:
    """A diagnosis where it was seen. `reference` is its Condition ("Condition/c1"), "" where it is
    written into an encounter; `encounter` is that encounter. `rule` is None where none is about it.
    `suspicion`: encounters refer to it, and only in uses that say so.
    """

    rule: SourceRule | None
    condition: Resource = field(repr=False)
    reference: str = ""
    encounter: Resource | None = field(default=None, repr=False)
    suspicion: bool = False


def sightings(resources: Iterable[Resource], rules: OutcomeRules) -> Iterator[Sighting]:
    """All diagnoses of encounters, then all conditions, each with the source rule that it is of."""
    found = [each for each in resources if isinstance(each, Mapping)]
    conditions = {
        reference: each
        for each in found
        if each.get("resourceType") == "Condition" and (reference := reference_of(each))
    }
    encounters = [each for each in found if each.get("resourceType") == "Encounter"]
    uses: defaultdict[str, set[str]] = defaultdict(set)
    for encounter in encounters:
        for sighting, used in _of_encounter(encounter, conditions, rules):
            if sighting.reference:
                uses[sighting.reference] |= used or {""}
            yield sighting
    suspected = _lower(rules.condition.not_uses)
    for reference, condition in conditions.items():
        suspicion = reference in uses and uses[reference] <= suspected
        yield Sighting(_rule_of(condition, rules), condition, reference, None, suspicion)


def unread_references(resources: Iterable[Resource], rules: OutcomeRules) -> tuple[str, ...]:
    """Conditions ("Condition/c1") that encounters refer to by a rule that counts and that are not
    among the resources."""
    found = [each for each in resources if isinstance(each, Mapping)]
    there = {reference_of(each) for each in found}
    wanted: dict[str, None] = {}
    for encounter in found:
        if encounter.get("resourceType") == "Encounter":
            for sighting, _ in _of_encounter(encounter, {}, rules):
                counts = sighting.rule is not None and sighting.rule.counts
                if counts and sighting.reference and sighting.reference not in there:
                    wanted[sighting.reference] = None
    return tuple(wanted)


def reference_of(resource: Resource) -> str:
    """`Type/id`; "" for a resource without an id."""
    kind, id_ = string(resource.get("resourceType")), string(resource.get("id"))
    return f"{kind}/{id_}" if kind and id_ else ""


def _of_encounter(
    encounter: Resource, conditions: Mapping[str, Resource], rules: OutcomeRules
) -> Iterator[tuple[Sighting, set[str]]]:
    """Each diagnosis of an encounter, and its uses."""
    if string(encounter.get("status")).lower() in _NOT_SO:
        return
    contained = {
        f"#{each['id']}": each
        for each in objects(encounter.get("contained"))
        if isinstance(each.get("id"), str) and each.get("resourceType") == "Condition"
    }
    for told in objects(encounter.get("diagnosis")):
        used = _codes(told.get("use")) | _codes(told.get("role"))
        rule = _rule_for_uses(used, rules)
        for sent in objects(told.get("condition")):
            condition, reference = _condition(sent, contained, conditions)
            if condition or reference:
                yield Sighting(rule, condition, reference, encounter), used


def _condition(
    sent: dict[str, Any], contained: Mapping[str, Resource], conditions: Mapping[str, Resource]
) -> tuple[Resource, str]:
    """The Condition that a Reference or a CodeableReference leads to, and its own reference; one
    made of the concept where it says only that."""
    inner = sent.get("reference")
    written = (
        string(object_of(inner).get("reference")) if isinstance(inner, dict) else string(inner)
    )
    if written in contained:
        return contained[written], ""
    if reference := _local(written):
        return conditions.get(reference, {}), reference
    concept = sent.get("concept")
    if isinstance(concept, dict) and concept:
        return {"resourceType": "Condition", "id": "within-encounter", "code": concept}, ""
    return {}, ""


def _local(written: str) -> str:
    """`Condition/c1` of a reference, relative or absolute, with or without a version."""
    parts = written.partition("/_history/")[0].rstrip("/").split("/")
    return f"Condition/{parts[-1]}" if len(parts) > 1 and parts[-2] == "Condition" else ""


def _rule_for_uses(used: set[str], rules: OutcomeRules) -> SourceRule | None:
    rows = [each for each in rules.sources if each.resource == "Encounter"]
    fitting = [r for r in rows if used & _lower(r.uses) or (r.without_use and not used)]
    return _counting_first(fitting)


def _rule_of(condition: Resource, rules: OutcomeRules) -> SourceRule | None:
    categories = {code for each in items(condition.get("category")) for code in _codes(each)}
    rows = [each for each in rules.sources if each.resource == "Condition"]
    fitting = [
        r
        for r in rows
        if categories & _lower(r.categories) or (r.without_category and not categories)
    ]
    return _counting_first(fitting)


def _counting_first(rows: list[SourceRule]) -> SourceRule | None:
    return next((each for each in rows if each.counts), rows[0] if rows else None)


def _codes(concepts: object) -> set[str]:
    """The codes of concepts, in lower case; a bare string is one."""
    found: set[str] = set()
    for each in items(concepts):
        sent = [each] if isinstance(each, str) else [c.get("code") for c in codings(each)]
        found |= {string(code).lower() for code in sent}
    return found - {""}


def _lower(codes: tuple[str, ...]) -> set[str]:
    return {each.lower() for each in codes}
