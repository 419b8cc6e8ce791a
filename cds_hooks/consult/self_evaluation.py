"""What the models think of the first diagnoses of the list, asked after their samples.

Never more time than a share of what the samples took, and none beyond the deadline: what is not
told by then is left out, and the consultation says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from statistics import fmean

from cds_hooks.consult.consult_config import ConsultConfig
from cds_hooks.consult.dependencies import Dependencies
from cds_hooks.consultation import Caller, CheckedConsultation
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
    return _with(checked, told) if told else checked


def _with(checked: CheckedConsultation, told: Sequence[Evaluation]) -> CheckedConsultation:
    cost = sum(each.tokens_prompt - each.tokens_reused for each in told)
    return replace(
        checked,
        assessments=tuple(
            replace(
                each, p_true=_mean([model.shares[n] for model in told if n < len(model.shares)])
            )
            for n, each in enumerate(checked.assessments)
        ),
        tokens={**checked.tokens, "self_evaluation": cost},
    )


def _mean(shares: Sequence[float | None]) -> float | None:
    """Over the models that tell: each counts once."""
    known = [share for share in shares if share is not None]
    return fmean(known) if known else None


def _without(checked: CheckedConsultation, code: str) -> CheckedConsultation:
    remark = f"no self-evaluation ({code})"
    return replace(
        checked, outcome_detail="; ".join(filter(None, [checked.outcome_detail, remark]))
    )
