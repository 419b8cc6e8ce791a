"""What the models think of the first diagnoses of the list, asked after their samples.

Never more time than a share of what the samples took, and none beyond the deadline: what is not
told by then is left out, and the consultation says so.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from statistics import fmean

from cds_hooks.consult.consult_config import ConsultConfig
from cds_hooks.consult.dependencies import Dependencies
from cds_hooks.consultation import Assessment, Caller, CheckedConsultation
from cds_hooks.inference.engine import EngineError, RisingPriority
from cds_hooks.inference.evaluation import Evaluation, EvaluationRequest, evaluate
from prompts import load_self_evaluation

__all__ = ["evaluated"]

_LEAST_S = 0.02  # in less no batch is evaluated


async def evaluated(
    dependencies: Dependencies,
    config: ConsultConfig,
    checked: CheckedConsultation,
    rising: RisingPriority,
    *,
    within_s: float,
) -> CheckedConsultation:
    """The consultation with what the models think of its first diagnoses, if they tell in time."""
    asked = checked.assessments[: config.verifier.questions]
    if not config.verifier.self_evaluation or not asked or checked.prompt is None:
        return checked
    if within_s < _LEAST_S:
        return _without(checked, "deadline")
    template, caller = load_self_evaluation(), checked.caller or Caller()
    request = EvaluationRequest(
        template.conversations(checked.prompt.messages, [each.name for each in asked]),
        template.affirmative,
        template.negative,
        deadline_s=within_s,
        priority=rising.value,
        rising=rising,
        flow=(caller.client, caller.tenant),
    )
    try:
        told = await evaluate(dependencies.engine, request)
    except EngineError as error:
        return _without(checked, error.code)
    return _with(checked, told, len(asked)) if told else checked


def _with(
    checked: CheckedConsultation, told: Sequence[Evaluation], asked: int
) -> CheckedConsultation:
    first = [
        _viewed(each, _namer(each, checked), {model.model.name: model.shares[n] for model in told})
        for n, each in enumerate(checked.assessments[:asked])
    ]
    cost = sum(each.tokens_prompt - each.tokens_reused for each in told)
    return replace(
        checked,
        assessments=(*first, *checked.assessments[asked:]),
        tokens={**checked.tokens, "self_evaluation": cost},
    )


def _namer(assessed: Assessment, checked: CheckedConsultation) -> str:
    """The model that named it most often; of equals the first."""
    written = {*assessed.written_as, *assessed.related}
    named = Counter(
        said.model
        for said in checked.differentials
        if any(candidate.diagnosis in written for candidate in said.candidates)
    )
    return max(named, key=named.__getitem__, default="")


def _viewed(assessed: Assessment, own: str, shares: Mapping[str, float | None]) -> Assessment:
    others = [share for model, share in shares.items() if model != own and share is not None]
    view = fmean(others) if others else None
    return replace(assessed, p_true=shares.get(own), second_view=view)


def _without(checked: CheckedConsultation, code: str) -> CheckedConsultation:
    remark = f"no self-evaluation ({code})"
    return replace(
        checked, outcome_detail="; ".join(filter(None, [checked.outcome_detail, remark]))
    )
