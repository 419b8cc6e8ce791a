"""Asks the cases of a suite, one or several at a time, and goes on where it left off."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from cds_hooks.admission.manifest import Manifest
from cds_hooks.consultation import CheckedConsultation
from cds_hooks.errors import ChartsideError
from cds_hooks.evaluation.matching import TruthMatcher
from cds_hooks.evaluation.runs.results import CaseResult, ResultsFile
from cds_hooks.evaluation.runs.run_folder import claim_folder
from cds_hooks.evaluation.runs.score import failed, score
from cds_hooks.evaluation.suites.suite import EvaluationCase, Suite

__all__ = ["RESULTS", "AnswerCase", "AskService", "by_consultation", "run_suite"]

RESULTS = "results.jsonl"

AskService = Callable[[EvaluationCase], Awaitable[CheckedConsultation]]
"""The whole service: from the chart of a case to its finished consultation."""

AnswerCase = Callable[[EvaluationCase], Awaitable[CaseResult]]


def by_consultation(
    ask: AskService, matcher: TruthMatcher, *, clock: Callable[[], float] = time.monotonic
) -> AnswerCase:
    """Answers open-ended cases by the service; a consultation that cannot be had is a result."""

    async def answer(case: EvaluationCase) -> CaseResult:
        began = clock()
        try:
            done = await ask(case)
        except ChartsideError as error:
            return failed(case, error.code, seconds=clock() - began)
        return score(case, done, matcher, seconds=clock() - began)

    return answer


async def run_suite(
    suite: Suite,
    answer: AnswerCase,
    manifest: Manifest,
    folder: Path,
    *,
    told: Callable[[CaseResult, int], None] = lambda _, __: None,
    concurrency: int = 1,
) -> tuple[CaseResult, ...]:
    """Results of every case, in the suite's order; those in the folder already are not asked again.

    `told` hears each new result and how many are done. Raises RunError when the folder holds
    another run. What is asked first depends on the suite alone, so a run that broke off and went
    on equals one that did not; with a `concurrency` above 1 an engine that evaluates several cases
    in one batch may round otherwise from run to run.
    """
    claim_folder(folder, manifest)
    with ResultsFile(folder / RESULTS) as results:
        left = iter([case for case in suite.cases if case.id not in results.done])

        async def work() -> None:
            for case in left:
                result = await answer(case)
                results.add(result)
                told(result, len(results.done))

        await _side_by_side(work, concurrency)
        return tuple(results.done[case.id] for case in suite.cases)


async def _side_by_side(work: Callable[[], Awaitable[None]], count: int) -> None:
    """Run `count` of the same; when one fails, the others end, too."""
    beside = [asyncio.ensure_future(work()) for _ in range(count - 1)]
    try:
        await work()
        await asyncio.gather(*beside)
    finally:
        for each in beside:
            each.cancel()
        await asyncio.gather(*beside, return_exceptions=True)
