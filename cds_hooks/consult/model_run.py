"""From a question to what the model said of it, checked: one call of the engine."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from cds_hooks import plausibility
from cds_hooks.consult.consult_config import ConsultConfig
from cds_hooks.consult.dependencies import Dependencies
from cds_hooks.consult.stopwatch import Stopwatch
from cds_hooks.consultation import Consultation, Differential, Outcome
from cds_hooks.inference.answer_parser import InvalidOutput, parse_differential
from cds_hooks.inference.engine import (
    EngineError,
    Generation,
    GenerationRequest,
    Priority,
    UnusableAnswer,
)
from cds_hooks.inference.panel import PanelGeneration, by_model
from prompts import Prompt

__all__ = ["run_inference"]

_CODE = re.compile(r"[a-z]+(-[a-z]+)+")


async def run_inference(
    dependencies: Dependencies,
    config: ConsultConfig,
    pending: Consultation,
    priority: Priority = Priority.OPEN_CHART,
) -> Consultation:
    """The consultation with its outcome, whatever that is; an engine's fault is one."""
    if pending.prompt is None:
        raise ValueError("a consultation is rendered before a model is asked")
    watch = Stopwatch()
    try:
        generation = await dependencies.engine.generate(
            _request(dependencies, config, pending.prompt, priority)
        )
    except EngineError as error:
        detail = error.diagnostics()
        done = replace(pending, outcome=_outcome(error), fault=_fault(error), outcome_detail=detail)
    else:
        watch.lap("model")
        done = _checked(dependencies, config, pending, generation)
        watch.lap("check")
    return replace(done, timings_ms={**done.timings_ms, **watch.laps})


def _request(
    dependencies: Dependencies, config: ConsultConfig, prompt: Prompt, priority: Priority
) -> GenerationRequest:
    return GenerationRequest(
        messages=prompt.messages,
        schema=prompt.schema,
        samples=config.samples,
        max_tokens=dependencies.template.settings.max_output_tokens,
        temperature=config.model.temperature,
        seed=config.model.seed,
        deadline_s=config.services.deadline_s,
        names=config.names_by_construction,
        priority=priority,
    )


def _checked(
    dependencies: Dependencies, config: ConsultConfig, pending: Consultation, generation: Generation
) -> Consultation:
    """Parse every sample again, then check each diagnosis against the chart."""
    fact_ids = pending.prompt.fact_ids if pending.prompt else ()
    differentials = [said for part in by_model(generation) for said in _parse(part, fact_ids)]
    found = plausibility.assess_differentials(
        pending.chart, differentials, dependencies.terminology
    )
    return replace(
        pending,
        samples=tuple(sample.text for sample in generation.samples),
        sample_models=tuple(part.model.name for part in by_model(generation) for _ in part.samples),
        samples_failed=len(generation.samples) - len(differentials),
        differentials=tuple(differentials),
        assessments=found.assessments,
        red_flags=found.red_flags,
        unexplained=found.unexplained,
        medication_concerns=found.medication_concerns,
        truth_set=plausibility.truth_set(
            found.assessments,
            {said.model for said in differentials},
            config.error,
            config.calibration,
        ),
        outcome=_outcome_of(differentials, found.assessments),
        outcome_detail=_remarks(generation),
        timings_ms={**pending.timings_ms, **_prefixed("model.", generation.timings_ms)},
        tokens={
            "prompt": generation.tokens_prompt,
            "reused": generation.tokens_reused,
            "answer": sum(sample.tokens for sample in generation.samples),
        },
    )


def _parse(generation: Generation, fact_ids: Sequence[str]) -> Iterator[Differential]:
    """What the samples said; one that is not a differential of this chart is counted, not shown."""
    model = generation.model.name
    for index, sample in enumerate(generation.samples):
        with contextlib.suppress(InvalidOutput):
            yield parse_differential(sample.text, fact_ids, model=model, sample=index)


def _remarks(generation: Generation) -> str:
    """The models of a panel that said nothing, with the code that says why; thoughts cut short."""
    failures = generation.failures if isinstance(generation, PanelGeneration) else ()
    told = [f"no answer from {failure.model.name} ({failure.code})" for failure in failures]
    if cut := sum(sample.thinking_cut for sample in generation.samples):
        told.append(f"thoughts cut short: {cut}")
    return "; ".join(told)


def _fault(error: EngineError) -> str:
    """The most telling code of an error: a server's fault, or why the engine is not up."""
    of_server = getattr(error, "fault", None)
    if of_server is not None:
        return str(of_server)
    return error.where if _CODE.fullmatch(error.where) else error.code


def _outcome(error: EngineError) -> Outcome:
    if isinstance(error, UnusableAnswer):
        return Outcome.INVALID_OUTPUT
    return Outcome(error.code) if error.code in set(Outcome) else Outcome.ENGINE_FAILED


def _outcome_of(differentials: Sequence[Differential], assessments: Sequence[object]) -> Outcome:
    if not differentials:
        return Outcome.INVALID_OUTPUT
    return Outcome.ANSWERED if assessments else Outcome.EMPTY


def _prefixed(prefix: str, timings: Mapping[str, float]) -> dict[str, float]:
    return {f"{prefix}{stage}": milliseconds for stage, milliseconds in timings.items()}
