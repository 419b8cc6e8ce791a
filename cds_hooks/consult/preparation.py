"""From a hook to a question for the model: gather, map, render."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import orjson

import prompts
from cds_hooks import plausibility
from cds_hooks.consult.consult_config import ConsultConfig
from cds_hooks.consult.dependencies import Dependencies
from cds_hooks.consult.stopwatch import Stopwatch
from cds_hooks.consultation import Consultation, KeyArrival, KeyState, ModelIdentity
from cds_hooks.gather import GatherResult
from cds_hooks.inference.engine import EngineError
from cds_hooks.plausibility.terminology.code_names import names_by
from cds_hooks.protocol.request import HookRequest
from cds_hooks.services import ServiceDefinition
from fhir_mapping import map_chart
from fhir_mapping.chart import Chart, Fact
from prompts import Prompt, Template

__all__ = ["chart_of", "content_key", "gather_in_time", "prepare_consultation", "what_was_read"]

# Tokens are at least this many characters long in every tokenizer we know of, on average, so an
# estimate made while the engine is away never overfills the budget.
_CHARACTERS_PER_TOKEN = 2

_SAME = {KeyState.FETCHED: KeyState.PREFETCHED}


async def prepare_consultation(
    dependencies: Dependencies,
    config: ConsultConfig,
    service: ServiceDefinition,
    request: HookRequest,
) -> Consultation:
    """A consultation that only the model's answer is missing from."""
    watch, config = Stopwatch(), config.of(request.caller)
    gathered = await gather_in_time(dependencies, config, service, request)
    watch.lap("gather")
    now, patient_id = dependencies.now(), request.context.patient_id
    chart = chart_of(dependencies, config, request, gathered, gathered.resources, now)
    watch.lap("map")
    by_rules = plausibility.assess_chart(chart, dependencies.terminology)
    watch.lap("rules")
    prompt = await _render(dependencies, chart)
    watch.lap("render")
    model = dependencies.engine.model
    patient = dependencies.key.patient_key(patient_id, fhir_server=config.scope(request))
    return Consultation(
        id=dependencies.new_id(),
        key=content_key(
            chart,
            dependencies.template,
            model,
            config.sampling,
            patient=patient,
            read=what_was_read(gathered.states, gathered.arrivals),
        ),
        service=service.id,
        created=now.timestamp(),
        patient_key=patient,
        chart=chart,
        prompt=prompt,
        model=model,
        key_states=gathered.states,
        key_arrivals=gathered.arrivals,
        chart_findings=by_rules.chart_findings,
        contradictions=by_rules.contradictions,
        medication_concerns=by_rules.medication_concerns,
        timings_ms=watch.laps,
        settings_sha256=config.settings_sha256,
        caller=request.caller,
    )


async def gather_in_time(
    dependencies: Dependencies,
    config: ConsultConfig,
    service: ServiceDefinition,
    request: HookRequest,
) -> GatherResult:
    """What a hook's chart is made of, within the time that gathering and the answer have."""
    within = min(config.fhir.gather_within_s, config.within(service.id))
    return await dependencies.gather(service, request, deadline_s=within)


def chart_of(
    dependencies: Dependencies,
    config: ConsultConfig,
    request: HookRequest,
    gathered: GatherResult,
    resources: Sequence[Mapping[str, Any]],
    now: datetime,
) -> Chart:
    """The chart of `resources`, some or all of what was gathered."""
    return map_chart(
        resources,
        patient_id=request.context.patient_id,
        now=now,
        fhir_version=gathered.fhir_version or config.fhir.version or None,
        encounter_id=request.context.encounter_id or None,
        assessments=config.services.assessments,
        names=names_by(dependencies.terminology),
    )


def content_key(
    chart: Chart,
    template: Template,
    model: ModelIdentity,
    sampling: object,
    *,
    patient: str,
    read: object = (),
) -> str:
    """The address of a consultation: what the answer depends on, and whose it is.

    How long ago a fact was moves with the clock and is left out; a fact that is new, changed or
    gone makes another key. `patient` is the pseudonym: the record of one patient must not answer
    for another with the same facts, whose page, ledger and erasure are its own. `read` is
    `what_was_read`: an answer given where allergies were empty must not stand where they could not
    be had. The age counts as the prompt tells it: days and months in infants.
    """
    facts = [_content_of(fact) for fact in chart.facts]
    parts = [chart.patient.recorded_sex, chart.patient.age_text, facts]
    whole = [patient, parts, read, template.ref.sha256, model.sha256, model.engine, sampling]
    return hashlib.sha256(orjson.dumps(whole)).hexdigest()


def what_was_read(
    states: Mapping[str, KeyState], arrivals: Mapping[str, KeyArrival]
) -> list[tuple[str, str, str, tuple[str, ...]]]:
    """The state of each key and what came instead; whether the client sent it or the FHIR server
    had it is the same."""
    none = KeyArrival("")
    return [
        (key, _SAME.get(state, state), (came := arrivals.get(key, none)).sent, came.noted)
        for key, state in sorted(states.items())
    ]


def _content_of(fact: Fact) -> tuple[object, ...]:
    said = (fact.polarity, fact.certainty, fact.experiencer)
    return (fact.kind, fact.text, fact.status, *said, fact.flag, fact.sources)


async def _render(dependencies: Dependencies, chart: Chart) -> Prompt:
    layout = prompts.lay_out(chart, dependencies.template)
    try:
        costs = await dependencies.engine.count_tokens(layout.texts)
    except EngineError:  # down, or gone while it counted
        costs = [1 + len(text) // _CHARACTERS_PER_TOKEN for text in layout.texts]
    return prompts.render(layout, costs)
