"""A problem just entered: gathered, mapped and checked against the rest of the chart; no model."""

from __future__ import annotations

from cds_hooks import plausibility
from cds_hooks.consult.config import ConsultConfig, Dependencies
from cds_hooks.consult.stopwatch import Stopwatch
from cds_hooks.consultation import Consultation, Outcome
from cds_hooks.plausibility.code_names import names_by
from cds_hooks.protocol.request import HookRequest
from cds_hooks.services import ServiceDefinition, problem_check
from fhir_mapping import map_chart

__all__ = ["check_new_problem"]


async def check_new_problem(
    dependencies: Dependencies,
    config: ConsultConfig,
    service: ServiceDefinition,
    request: HookRequest,
) -> Consultation:
    """The checked consultation; its chart is the one without what was entered."""
    watch, config = Stopwatch(), config.of(request.caller)
    within = min(config.gather_within_s, config.within(service.id))
    gathered = await dependencies.gather(service, request, deadline_s=within)
    watch.lap("gather")
    now, patient_id = dependencies.now(), request.context.patient_id
    version = gathered.fhir_version or config.fhir_version
    found = problem_check.entered(request, gathered.resources, now=now)
    who = [r for r in gathered.resources if r.get("resourceType") == "Patient"]
    names = names_by(dependencies.terminology)
    chart = map_chart(
        found.others,
        patient_id=patient_id,
        now=now,
        fhir_version=version,
        encounter_id=request.context.encounter_id or None,
        assessments=config.assessments,
        names=names,
    )
    new = map_chart(
        [*who, *found.conditions],
        patient_id=patient_id,
        now=now,
        fhir_version=version,
        names=names,
    )
    watch.lap("map")
    assessments = plausibility.check_entered(chart, new.facts, dependencies.terminology)
    watch.lap("check")
    made = dependencies.new_id()
    return Consultation(
        id=made,
        key=made,
        service=service.id,
        created=now.timestamp(),
        patient_key=dependencies.key.patient_key(patient_id, fhir_server=config.scope(request)),
        chart=chart,
        key_states=gathered.states,
        key_arrivals=gathered.arrivals,
        assessments=assessments,
        outcome=Outcome.CHECKED,
        timings_ms=watch.laps,
        settings_sha256=config.settings_sha256,
        caller=request.caller,
    )
