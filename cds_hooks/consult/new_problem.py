"""A problem just entered: gathered, mapped and checked against the rest of the chart; no model."""

from __future__ import annotations

from cds_hooks import plausibility
from cds_hooks.consult.consult_config import ConsultConfig
from cds_hooks.consult.dependencies import Dependencies
from cds_hooks.consult.pipeline import Stopwatch, chart_of, gather_in_time
from cds_hooks.consultation import CheckedConsultation, Outcome
from cds_hooks.plausibility.terminology.code_names import names_by
from cds_hooks.protocol.request import HookRequest
from cds_hooks.services import ServiceDefinition, problem_check
from fhir_mapping import map_chart

__all__ = ["check_new_problem"]


async def check_new_problem(
    dependencies: Dependencies,
    config: ConsultConfig,
    service: ServiceDefinition,
    request: HookRequest,
) -> CheckedConsultation:
    """The checked consultation; its chart is the one without what was entered."""
    watch, config = Stopwatch(), config.of(request.caller)
    gathered = await gather_in_time(dependencies, config, service, request)
    watch.lap("gather")
    now, patient_id = dependencies.now(), request.context.patient_id
    found = problem_check.new_conditions(request, gathered.resources, now=now)
    who = [r for r in gathered.resources if r.get("resourceType") == "Patient"]
    chart = chart_of(dependencies, config, request, gathered, found.others, now)
    new = map_chart(
        [*who, *found.conditions],
        patient_id=patient_id,
        now=now,
        fhir_version=gathered.fhir_version or config.fhir.version or None,
        names=names_by(dependencies.terminology),
    )
    watch.lap("map")
    assessments = plausibility.assess_new_problems(chart, new.facts, dependencies.terminology)
    watch.lap("check")
    made = dependencies.new_id()
    return CheckedConsultation(
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
        basis=config.basis,
        silent=config.of_trial,
    )
