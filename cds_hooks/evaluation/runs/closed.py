"""Questions to the engine alone: pick from a closed list, or judge somebody's answer.

Comparable with published closed-list accuracies, and never reported as what a card does. A pick is
decoded as a string and not as a choice, so that an answer that is not on the list can be seen: it
is counted before any mapping.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from cds_hooks.evaluation.labels import label_key
from cds_hooks.evaluation.matching import MatchRule
from cds_hooks.evaluation.runs.question import QuestionConfig, question
from cds_hooks.evaluation.runs.results import CaseResult, ListedDiagnosis, Said
from cds_hooks.evaluation.runs.runner import AnswerCase
from cds_hooks.evaluation.runs.score import about, failed
from cds_hooks.evaluation.suites.questions import shuffled
from cds_hooks.evaluation.suites.suite import EvaluationCase
from cds_hooks.inference.engine import Engine, EngineError, Generation

__all__ = ["judging", "picked", "picking"]


def picking(
    engine: Engine, config: QuestionConfig, *, clock: Callable[[], float] = time.monotonic
) -> AnswerCase:
    """Answers closed-list cases; the options are shuffled by the seed of the run."""

    async def answer(case: EvaluationCase) -> CaseResult:
        began, options = clock(), shuffled(case, config.seed)
        request = question("closed").request(config, text=case.text, options=options)
        try:
            generation = await engine.generate(request)
        except EngineError as error:
            return failed(case, error.code, seconds=clock() - began)
        return _picked(case, generation, seconds=clock() - began)

    return answer


def judging(
    engine: Engine, config: QuestionConfig, *, clock: Callable[[], float] = time.monotonic
) -> AnswerCase:
    """Scores answers from 1 to 5; the stated score is the mean of the samples."""

    async def answer(case: EvaluationCase) -> CaseResult:
        began = clock()
        request = question("judge").request(config, text=case.text, disease=case.gold.name)
        try:
            generation = await engine.generate(request)
        except EngineError as error:
            return failed(case, error.code, seconds=clock() - began)
        return _judged(case, generation, seconds=clock() - began)

    return answer


def _judged(case: EvaluationCase, generation: Generation, *, seconds: float) -> CaseResult:
    read = map(question("judge").read, generation.samples)
    scores = [s for s in read if type(s) is int and 1 <= s <= 5]
    return CaseResult(
        case=case.id,
        outcome="answered" if scores else "invalid-output",
        samples_failed=len(generation.samples) - len(scores),
        stated=sum(scores) / len(scores) if scores else None,
        **_cost(generation, seconds),
        **about(case),
    )


def picked(
    case: EvaluationCase, written: Sequence[str], *, failed: int = 0, **cost: Any
) -> CaseResult:
    """What samples picked, most votes first; `failed` of them picked nothing."""
    listed = {label_key(option) for option in case.options}
    return CaseResult(
        case=case.id,
        outcome="answered" if written else "invalid-output",
        answers=tuple(_ranked(case, written)),
        samples=tuple((Said(name=w, matches=_matches(case, w)),) for w in written),
        samples_failed=failed,
        off_list=sum(label_key(name) not in listed for name in written),
        **cost,
        **about(case),
    )


def _picked(case: EvaluationCase, generation: Generation, *, seconds: float) -> CaseResult:
    read = [question("closed").read(sample) for sample in generation.samples]
    written = [r.strip() for r in read if isinstance(r, str) and r.strip()]
    return picked(case, written, failed=len(read) - len(written), **_cost(generation, seconds))


def _cost(generation: Generation, seconds: float) -> dict[str, Any]:
    answered = sum(sample.tokens for sample in generation.samples)
    return {
        "seconds": round(seconds, 3),
        "timings_ms": {k: round(v, 1) for k, v in generation.timings_ms.items()},
        "tokens": {"prompt": generation.tokens_prompt, "answer": answered},
    }


def _ranked(case: EvaluationCase, written: Sequence[str]) -> list[ListedDiagnosis]:
    """Different answers, most votes first and of equals the one given first."""
    votes = Counter(map(label_key, written))
    names = {label_key(name): name for name in reversed(written)}
    order = sorted(dict.fromkeys(map(label_key, written)), key=lambda k: -votes[k])
    return [
        ListedDiagnosis(
            name=names[k], matches=_matches(case, names[k]), agreement=votes[k] / len(written)
        )
        for k in order
    ]


def _matches(case: EvaluationCase, name: str) -> tuple[MatchRule, ...]:
    """On a closed list there is one rule, and it is exact."""
    truths = {label_key(t) for t in case.gold.names}
    return tuple(MatchRule) if label_key(name) in truths else ()
