"""`chartside eval pair`: the same cases along the terminology's names and free, side by side."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from cds_hooks.cli.evaluation_run import Asking, Bench, bench
from cds_hooks.evaluation.matching import MatchRule
from cds_hooks.evaluation.report.comparison import comparison_text
from cds_hooks.evaluation.report.page import PageTable, percent
from cds_hooks.evaluation.runs.comparison import Comparison, compare_runs
from cds_hooks.evaluation.runs.results import CaseResult
from cds_hooks.evaluation.runs.runner import run_suite
from cds_hooks.evaluation.runs.summary import RunSummary, summarise
from cds_hooks.evaluation.suites.suite import Suite
from cds_hooks.inference.hardware.machine import usable_processors
from cds_hooks.settings import Settings

__all__ = ["NAMES_AND_FREE", "Pair", "pair_table", "pair_told", "run_pair"]

NAMES_AND_FREE = ("names", "free")
"""The folders of the two runs."""

_AMONG = 5


@dataclass(frozen=True, slots=True)
class Pair:
    """Both runs: the first diagnosis by the strict rule, and among five by the wide one."""

    strict: Comparison
    wide: Comparison
    first: RunSummary
    second: RunSummary


async def run_pair(
    suite: Suite, loaded: datetime, settings: Settings, asking: Asking, folder: Path
) -> Pair:
    """Run both at the same time, each with half of the processors, so that whatever else the
    machine does slows both alike. Either goes on where it broke off."""
    threads = settings.model.threads or max(usable_processors() // 2, 1)
    halved = settings.model_copy(
        update={"model": settings.model.model_copy(update={"threads": threads})}
    )
    async with contextlib.AsyncExitStack() as stack:
        benches = [
            await stack.enter_async_context(bench(halved, loaded, asking.along(names=names)))
            for names in (True, False)
        ]
        runs = (
            _run(suite, service, folder / name)
            for service, name in zip(benches, NAMES_AND_FREE, strict=True)
        )
        return pair(*await asyncio.gather(*runs))


def pair(first: Sequence[CaseResult], second: Sequence[CaseResult]) -> Pair:
    """Two runs as a pair. Pure."""
    return Pair(
        strict=compare_runs(first, second, match=MatchRule.EXACT),
        wide=compare_runs(first, second, match=MatchRule.CATEGORY, at=_AMONG),
        first=summarise(first),
        second=summarise(second),
    )


async def _run(suite: Suite, service: Bench, folder: Path) -> tuple[CaseResult, ...]:
    answer, manifest = service.answering(suite.task), service.manifest(suite)
    return await run_suite(suite, answer, manifest, folder, concurrency=service.in_flight)


def pair_table(found: Pair, suite: Suite) -> tuple[PageTable, tuple[str, ...]]:
    """Accuracy, names, valid samples and costs; with notes."""
    strict, notes = comparison_text(found.strict, suite.task)
    wide, more = comparison_text(found.wide, suite.task)
    first, second = found.first, found.second
    shares = (
        ("diagnoses not recognised", first.listed.unrecognised, second.listed.unrecognised),
        ("samples that are no valid answer", first.samples_failed, second.samples_failed),
    )
    rows = [strict.rows[0], wide.rows[0], strict.rows[1]]
    rows += [(what, percent(one), percent(two), "", "") for what, one, two in shares]
    headings = ("", "along the names", "free", *strict.headings[3:])
    return PageTable(headings, (*rows, *strict.rows[2:])), (*notes, *more[:1])


def pair_told(found: Pair) -> dict[str, Any]:
    """The same for a program."""
    summaries = {"names": found.first, "free": found.second}
    return {
        "first_by_the_exact_rule": asdict(found.strict),
        "among_five_by_the_category_rule": asdict(found.wide),
        "unrecognised": {k: asdict(s.listed.unrecognised) for k, s in summaries.items()},
        "samples_failed": {k: asdict(s.samples_failed) for k, s in summaries.items()},
    }
