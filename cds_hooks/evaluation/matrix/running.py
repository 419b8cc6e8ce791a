"""Asks the cells of a matrix one after the other, until they are done or the time is over."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from cds_hooks.errors import ChartsideError
from cds_hooks.evaluation.matrix.cell_folder import (
    CellState,
    claimed,
    read_record,
    state_of,
    write_record,
)
from cds_hooks.evaluation.matrix.plan import Cell

__all__ = ["AskCell", "Sitting", "TimeOver", "run_matrix"]


class TimeOver(Exception):
    """The time given is over: what is not asked yet waits for the next sitting."""


@dataclass(slots=True)
class Sitting:
    """What asking a cell took so far; whoever asks it fills this in as it goes."""

    cases: int = 0
    engines: int = 1
    load_s: float = 0.0
    memory_bytes: int | None = None


AskCell = Callable[[Cell, Path, Sitting], Awaitable[None]]
"""Asks what a cell's folder does not hold yet. Raises ChartsideError or TimeOver."""

Told = Callable[[Cell, CellState], None]


async def run_matrix(
    cells: Sequence[Cell],
    root: Path,
    ask: AskCell,
    *,
    again: bool = False,
    told: Told = lambda _, __: None,
    clock: Callable[[], float] = time.monotonic,
) -> dict[CellState, int]:
    """How many cells are in which state at the end.

    A cell that fails is recorded with its code, and the others go on; it is asked again with
    `again`. A cell that another process asks now is left to it.
    """
    try:
        for cell in cells:
            state, _, _ = state_of(cell, root)
            if state is CellState.DONE or (state is CellState.FAILED and not again):
                continue
            told(cell, CellState.BEGUN)
            await _one(cell, root / cell.place, ask, clock)
            told(cell, state_of(cell, root)[0])
    except TimeOver:
        pass
    states = [state_of(cell, root)[0] for cell in cells]
    return {state: states.count(state) for state in CellState}


async def _one(cell: Cell, folder: Path, ask: AskCell, clock: Callable[[], float]) -> None:
    with claimed(folder) as ours:
        if not ours:
            return
        sitting, began, failed = Sitting(), clock(), ""
        try:
            await ask(cell, folder, sitting)
        except ChartsideError as error:
            failed = error.code
        finally:
            taken = max(clock() - began - sitting.load_s, 0.0)
            record = read_record(folder).after(
                cases=sitting.cases, engines=sitting.engines, load_s=sitting.load_s,
                asking_s=taken, memory=sitting.memory_bytes, failed=failed,
            )  # fmt: skip
            write_record(folder, record)
