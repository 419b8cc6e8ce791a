"""The stages of a consultation in their order: prepare, infer, check.

Each takes the value of the one before and returns the next; `Consultant.answer` puts a hook
through them. Clock, ids, engine and FHIR client are handed in.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import prompts
from cds_hooks import plausibility
from cds_hooks.consult.consult_config import ConsultConfig
from cds_hooks.consult.content_key import content_key, what_was_read
from cds_hooks.consult.dependencies import Dependencies
from cds_hooks.consult.model_answers import fault_of, outcome_of_error, parse_samples, remarks_on
from cds_hooks.consult.self_evaluation import evaluated
from cds_hooks.consult.verifying import ranked
from cds_hooks.consultation import (
    Caller,
    CheckedConsultation,
    InferredConsultation,
    Outcome,
    PreparedConsultation,
)
from cds_hooks.gather import GatherResult
from cds_hooks.inference.engine import EngineError, GenerationRequest, RisingPriority
from cds_hooks.inference.panel import by_model
from cds_hooks.plausibility.terminology.code_names import names_by
from cds_hooks.protocol.request import HookRequest
from cds_hooks.services import ServiceDefinition
from fhir_mapping import map_chart
from fhir_mapping.chart import Chart
from prompts import Prompt

__all__ = [
    "Stopwatch",
    "chart_of",
    "check_consultation",
    "gather_in_time",
    "infer_and_check",
    "prepare_consultation",
    "run_inference",
]

# Tokens are at least this many characters long in every tokenizer we know of, on average, so an
# estimate made while the engine is away never overfills the budget.
_CHARACTERS_PER_TOKEN = 2


async def prepare_consultation(
    dependencies: Dependencies,
    config: ConsultConfig,
    service: ServiceDefinition,
    request: HookRequest,
) -> PreparedConsultation:
    """What a hook asks: its chart gathered, mapped, judged by rules, and rendered as a prompt."""
    watch, config = Stopwatch(), config.of(request.caller)
    gathered = await gather_in_time(dependencies, config, service, request)
    watch.lap("gather")
    now, key = dependencies.now(), dependencies.key
    chart = chart_of(dependencies, config, request, gathered, gathered.resources, now)
    watch.lap("map")
    by_rules = plausibility.assess_chart(chart, dependencies.terminology)
    watch.lap("rules")
    prompt = await _render(dependencies, chart)
    watch.lap("render")
    model = dependencies.engine.model
    patient = key.patient_key(request.context.patient_id, fhir_server=config.scope(request))
    read = what_was_read(gathered.states, gathered.arrivals)
    return PreparedConsultation(
        id=dependencies.new_id(),
        key=content_key(
            chart,
            dependencies.template,
            model,
            config.sampling,
            patient=patient,
            read=read,
            silent=config.of_trial,
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
        basis=config.basis,
        silent=config.of_trial,
    )


async def infer_and_check(
    dependencies: Dependencies,
    config: ConsultConfig,
    prepared: PreparedConsultation,
    rising: RisingPriority,
) -> CheckedConsultation:
    """The consultation with its outcome, whatever that is: an error of the engine is one."""
    watch, began = Stopwatch(), time.monotonic()
    try:
        inferred = await run_inference(dependencies, config, prepared, rising)
    except EngineError as error:
        return CheckedConsultation.of(
            prepared,
            outcome=outcome_of_error(error),
            outcome_detail=error.diagnostics(),
            fault=fault_of(error),
        )
    watch.lap("model")
    checked = check_consultation(dependencies, config, inferred)
    watch.lap("check")
    left_s = config.services.deadline_s - (time.monotonic() - began)
    within_s = min(left_s, config.verifier.share * watch.laps["model"] / 1000)
    checked = await evaluated(dependencies, config, checked, rising, within_s=within_s)
    if config.verifier.self_evaluation:
        watch.lap("self_evaluation")
    if config.ranks is not None:
        checked = ranked(checked, config.ranks)
        watch.lap("rank")
    return checked.with_timings(watch.laps)


async def run_inference(
    dependencies: Dependencies,
    config: ConsultConfig,
    prepared: PreparedConsultation,
    rising: RisingPriority,
) -> InferredConsultation:
    """What the model wrote; every sample is parsed again. Raises EngineError."""
    if prepared.prompt is None:
        raise ValueError("a consultation is rendered before a model is asked")
    generation = await dependencies.engine.generate(
        _generation_request(dependencies, config, prepared.prompt, rising, prepared.caller)
    )
    parts = by_model(generation)
    differentials = parse_samples(parts, prepared.prompt.fact_ids)
    stages = {f"model.{stage}": took for stage, took in generation.timings_ms.items()}
    return InferredConsultation.of(
        prepared.with_timings(stages),
        samples=tuple(sample.text for sample in generation.samples),
        sample_models=tuple(part.model.name for part in parts for _ in part.samples),
        samples_failed=len(generation.samples) - len(differentials),
        differentials=differentials,
        outcome_detail=remarks_on(generation),
        tokens={
            "prompt": generation.tokens_prompt,
            "reused": generation.tokens_reused,
            "answer": sum(sample.tokens for sample in generation.samples),
        },
    )


def check_consultation(
    dependencies: Dependencies, config: ConsultConfig, inferred: InferredConsultation
) -> CheckedConsultation:
    """Each diagnosis that the model named, and its list as a whole, checked against the chart."""
    found = plausibility.assess_differentials(
        inferred.chart, inferred.differentials, dependencies.terminology
    )
    outcome = Outcome.ANSWERED if found.assessments else Outcome.EMPTY
    return CheckedConsultation.of(
        inferred,
        outcome=outcome if inferred.differentials else Outcome.INVALID_OUTPUT,
        assessments=found.assessments,
        red_flags=found.red_flags,
        unexplained=found.unexplained,
        truth_set=plausibility.truth_set(
            found.assessments,
            {said.model for said in inferred.differentials},
            config.error,
            config.calibration,
        ),
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


async def _render(dependencies: Dependencies, chart: Chart) -> Prompt:
    layout = prompts.lay_out(chart, dependencies.template)
    try:
        costs = await dependencies.engine.count_tokens(layout.texts)
    except EngineError:  # down, or gone while it counted
        costs = [1 + len(text) // _CHARACTERS_PER_TOKEN for text in layout.texts]
    return prompts.render(layout, costs)


def _generation_request(
    dependencies: Dependencies,
    config: ConsultConfig,
    prompt: Prompt,
    rising: RisingPriority,
    caller: Caller | None,
) -> GenerationRequest:
    asked_by = caller or Caller()
    return GenerationRequest(
        messages=prompt.messages,
        schema=prompt.schema,
        samples=config.samples,
        max_tokens=dependencies.template.settings.max_output_tokens,
        temperature=config.model.temperature,
        seed=config.model.seed,
        deadline_s=config.services.deadline_s,
        names=config.names_by_construction,
        priority=rising.value,
        rising=rising,
        flow=(asked_by.client, asked_by.tenant),
    )


class Stopwatch:
    """How long each stage took: milliseconds by stage, in the order in which the stages ran."""

    def __init__(self) -> None:
        self.laps: dict[str, float] = {}
        self._since = time.perf_counter()

    def lap(self, stage: str) -> None:
        """Charge the time since the last lap to `stage`."""
        now = time.perf_counter()
        self.laps[stage] = self.laps.get(stage, 0.0) + 1000 * (now - self._since)
        self._since = now
