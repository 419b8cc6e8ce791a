"""Charts one after the other, a few at one time; what is done stays done.

There is no list of what is done. The service addresses its answers by the content of a chart, so a
chart that has not changed is read and answered from the store without asking the model, and a run
that was stopped is simply run again. A list would have to be protected, would go stale when a chart
changes, and could disagree with the store.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cds_hooks.consultation import Outcome
from cds_hooks.errors import ChartsideError
from cds_hooks.gather import PatientUnavailable
from cds_hooks.prewarm.charts import ChartIncomplete
from cds_hooks.prewarm.hand_over import HandedBack
from cds_hooks.prewarm.patients import Item

__all__ = ["Summary", "prewarm"]

Read = Callable[[str], Awaitable[Mapping[str, Any]]]
Consult = Callable[[str, Mapping[str, Any]], Awaitable[Outcome | None]]

_SILENT = "silent"
_ANSWERED = {Outcome.ANSWERED, Outcome.EMPTY, Outcome.REUSED}
# These are one patient's; any other error would meet the next patient too, and ends the run.
_OF_ONE = (PatientUnavailable, ChartIncomplete, HandedBack)


@dataclass(slots=True)
class Summary:
    """What became of the patients so far; a problem is a label and a code, never an id."""

    patients: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    problems: list[tuple[str, str]] = field(default_factory=list)

    @property
    def done(self) -> int:
        """How many patients were dealt with, one way or the other."""
        return self.outcomes.total() + len(self.problems)

    @property
    def whole(self) -> bool:
        """Whether every patient has an answer."""
        return self.done == self.patients and not self.problems

    def note(self, item: Item, outcome: Outcome | None) -> None:
        """Write down how a patient's consultation ended; None is one of a silent trial."""
        if outcome is None:
            self.outcomes[_SILENT] += 1
        elif outcome in _ANSWERED:
            self.outcomes[outcome.value] += 1
        else:
            self.problems.append((item.label, outcome.value))


async def prewarm(
    items: Sequence[Item],
    read: Read,
    consult: Consult,
    summary: Summary,
    *,
    concurrency: int = 2,
    advance: Callable[[], None] = lambda: None,
) -> None:
    """Read each patient's chart and have it consulted, writing into `summary` as it goes.

    `advance` is called after each patient. An error that is not one patient's stops the run and
    is raised; a cancelled run leaves nothing behind.
    """
    summary.patients = len(items)
    waiting = iter(items)
    workers = [
        asyncio.create_task(_work(waiting, read, consult, summary, advance))
        for _ in range(min(concurrency, len(items)))
    ]
    try:
        await asyncio.gather(*workers)
    finally:
        for worker in workers:
            worker.cancel()
        await asyncio.gather(*workers, return_exceptions=True)


async def _work(
    waiting: Iterator[Item],
    read: Read,
    consult: Consult,
    summary: Summary,
    advance: Callable[[], None],
) -> None:
    for item in waiting:
        try:
            outcome = await consult(item.patient_id, await read(item.patient_id))
        except _OF_ONE as error:
            summary.problems.append((item.label, _code(error)))
        else:
            summary.note(item, outcome)
        advance()


def _code(error: ChartsideError) -> str:
    """The code, with the one below it where there is one."""
    reason = getattr(error, "reason", "") or error.where
    return f"{error.code} ({reason})" if reason else error.code
