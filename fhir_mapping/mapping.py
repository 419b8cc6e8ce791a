"""`map_chart`: FHIR resources of any version -> a Chart. Pure: the clock is handed in."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from functools import cache
from typing import Any

from fhir_mapping.chart import Chart
from fhir_mapping.drafting.draft import MappingAccumulator, MappingContext
from fhir_mapping.drafting.modifier_extensions import without_modified_parts
from fhir_mapping.elements.json_values import items
from fhir_mapping.elements.terms import TermReader
from fhir_mapping.elements.text import Names, TextCleaner
from fhir_mapping.elements.times import RelativeTimes
from fhir_mapping.input.dialects import decide, dialect
from fhir_mapping.input.patient import Ownership, patient_facts
from fhir_mapping.input.resource_filter import FOR_OTHERS, ResourceFilter
from fhir_mapping.input.resource_index import ResourceIndex
from fhir_mapping.masking import masker
from fhir_mapping.merge import facts_of
from fhir_mapping.notes import tell_notes
from fhir_mapping.quality.elements_left_out import unread_extensions
from fhir_mapping.quality.quality_sample import noticed
from fhir_mapping.resources.allergies import map_allergy
from fhir_mapping.resources.documents import (
    map_composition,
    map_document,
    map_impression,
    map_report,
)
from fhir_mapping.resources.encounters import (
    current_encounters,
    map_encounter,
    map_present_encounter,
)
from fhir_mapping.resources.family_history import map_family_history
from fhir_mapping.resources.immunizations import map_immunization
from fhir_mapping.resources.lists import map_list
from fhir_mapping.resources.medications import (
    map_administration,
    map_dispense,
    map_request,
    map_statement,
)
from fhir_mapping.resources.observations import map_observation
from fhir_mapping.resources.problems import map_condition
from fhir_mapping.resources.procedures import map_procedure
from fhir_mapping.resources.questionnaire_responses import map_questionnaire_response
from fhir_mapping.resources.simple_resources import map_simple, simple_types
from fhir_mapping.results.pregnancy_ranges import forget_usual_ranges

__all__ = ["MAPPERS", "map_chart"]

Resource = Mapping[str, Any]
Mapper = Callable[[Resource, str, MappingContext], None]

MAPPERS: dict[str, Mapper] = {
    "AllergyIntolerance": map_allergy,
    "ClinicalImpression": map_impression,
    "Composition": map_composition,
    "Condition": map_condition,
    "DiagnosticReport": map_report,
    "DocumentReference": map_document,
    "FamilyMemberHistory": map_family_history,
    "Immunization": map_immunization,
    "List": map_list,
    "MedicationAdministration": map_administration,
    "MedicationDispense": map_dispense,
    "MedicationRequest": map_request,
    "MedicationStatement": map_statement,
    "Observation": map_observation,
    "Procedure": map_procedure,
    "QuestionnaireResponse": map_questionnaire_response,
}
_BROKEN = (TypeError, ValueError, KeyError, AttributeError, IndexError, OverflowError,
           RecursionError)  # fmt: skip


def map_chart(
    resources: Iterable[Mapping[str, Any]],
    *,
    patient_id: str,
    now: datetime,
    fhir_version: str | None = None,
    encounter_id: str | None = None,
    assessments: bool = True,
    names: Names | None = None,
) -> Chart:
    """The facts of one patient's resources, and what was left out of them and why.

    `resources` are parsed JSON objects (Bundles among them are opened), `now` is timezone-aware,
    `fhir_version` is what the server or client says ("4.0.1", "R4"; None: decided by shape),
    `encounter_id` the present encounter if the caller knows it; with `assessments` false what
    clinicians made of it themselves (assessment and plan sections, clinical impressions) is left
    out; `names` gives the names of codes that came without words, where the caller has a
    terminology. Every resource is in a fact's `sources` or in `omissions`. Raises MappingError for
    DSTU2; nothing else in a resource raises.
    """
    index = ResourceIndex(resources)
    version = decide(index.resources(), fhir_version)
    patient_id = patient_id.rpartition("/")[2]
    patient = index.resolve(f"Patient/{patient_id}") or {}
    times = RelativeTimes(now)
    found = MappingAccumulator(omissions=index.omissions)
    about = patient_facts(patient, times)
    words = TextCleaner(masker(patient, times), names)
    ctx = MappingContext(
        dialect(version), times, words, TermReader(words).of, index, found,
        about.age_years, about.recorded_sex,
        _id_of(encounter_id) if encounter_id else None,
        assessments,
    )  # fmt: skip
    _map_all(ctx, Ownership(patient_id, patient))
    tell_notes(found.notes, ctx)
    forget_usual_ranges(found.drafts, index)
    if words.unread_extensions:
        found.omissions += unread_extensions(index.resources())
    return Chart(
        about,
        facts_of(found.drafts),
        tuple(found.omissions),
        noticed(index, patient, found.drafts, odd_times=times.odd),
        version,
    )


def _map_all(ctx: MappingContext, ownership: Ownership) -> None:
    found = ctx.found
    refusal_of = ResourceFilter(ownership).refusal
    encounters: dict[str, Resource] = {}
    later: list[tuple[str, Resource]] = []
    extended: Counter[str] = Counter()
    for ref, resource in ctx.index:
        kind = resource["resourceType"].strip()
        if "extension" in resource:
            extended[kind] += len(items(resource["extension"]))
        refusal = refusal_of(kind, resource)
        if refusal is None:
            resource = without_modified_parts(kind, resource, ref, found)
        if refusal is not None:
            found.leave(ref, *refusal)
        elif kind == "Encounter":
            encounters[ref] = resource
        elif kind == "Patient":
            _leave_patient(ref, ctx, ownership)
        elif kind in FOR_OTHERS:
            later.append((ref, resource))
        else:
            _map_one(_mapper(kind), ref, resource, ctx)
    _map_encounters(encounters, ctx)
    for ref, resource in later:
        _map_referenced(ref, resource, ctx)
    for kind, count in sorted(extended.items()):
        detail = f"{count} {'extension is' if count == 1 else 'extensions are'} not read."
        found.leave(f"{kind}.extension", "unknown-extension", detail)


def _map_one(mapper: Mapper | None, ref: str, resource: Resource, ctx: MappingContext) -> None:
    found = ctx.found
    drafts, omissions, notes = len(found.drafts), len(found.omissions), len(found.notes)
    if mapper is None:
        found.leave(ref, "unsupported-type", "Resources of this type are not read.")
        return
    try:
        mapper(resource, ref, ctx)
    except _BROKEN:
        del found.drafts[drafts:], found.notes[notes:]
        found.leave(ref, "unreadable", "The resource is not shaped like anything FHIR defines.")
    if len(found.drafts) > drafts or len(found.notes) > notes:
        return
    if all(omission.what != ref for omission in found.omissions[omissions:]):
        found.leave(ref, "no-value", "It says nothing that can be read.")


@cache
def _mapper(kind: str) -> Mapper | None:
    if kind in MAPPERS:
        return MAPPERS[kind]
    return map_simple if kind in simple_types() else None


def _map_encounters(encounters: dict[str, Resource], ctx: MappingContext) -> None:
    current = current_encounters(encounters, ctx)
    for ref, resource in encounters.items():
        mapper = map_present_encounter if ref in current else map_encounter
        _map_one(mapper, ref, resource, ctx)


def _map_referenced(ref: str, resource: Resource, ctx: MappingContext) -> None:
    if ref in ctx.found.read_for_others:
        return
    kind = resource["resourceType"].strip()
    if kind == "Device" and (resource.get("patient") or resource.get("subject")):
        _map_one(map_simple, ref, resource, ctx)
    else:
        detail = "No resource that is read refers to it."
        ctx.found.leave(ref, "not-referenced", detail)


def _leave_patient(ref: str, ctx: MappingContext, ownership: Ownership) -> None:
    if ownership.is_patient(ref):
        ctx.found.leave(ref, "told-as-patient", "Age and recorded sex are told; the rest is not.")
    else:
        ctx.found.leave(ref, "other-patient", "It is another patient and was not read.")


def _id_of(reference: str) -> str:
    """The id in a reference or an address, with or without a version."""
    return reference.split("/_history/")[0].rstrip("/").rpartition("/")[2]
