"""The folder of a cell: who asks it now, what it took, and how it failed.

The run itself lies beside (`manifest.json`, `results.jsonl`), so that a cell goes on where it
broke off, weeks later or on another machine that shares the folder.
"""

from __future__ import annotations

import contextlib
import fcntl
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path

import orjson
from pydantic import BaseModel, ConfigDict, ValidationError

from cds_hooks.evaluation.evaluation_errors import RunError
from cds_hooks.evaluation.matrix.plan import Cell
from cds_hooks.evaluation.runs.results import CaseResult, read_results
from cds_hooks.evaluation.runs.run_folder import read_manifest
from cds_hooks.evaluation.runs.runner import RESULTS
from cds_hooks.private_files import make_folder

__all__ = ["CellRecord", "CellState", "claimed", "read_record", "state_of", "write_record"]

_RECORD, _LOCK = "cell.json", "cell.lock"


class CellState(StrEnum):
    """How far a cell is."""

    WAITING = "waiting"
    BEGUN = "begun"
    DONE = "done"
    FAILED = "failed"


class CellRecord(BaseModel):
    """What a cell took, over all its sittings. `failed` is the code of what ended the last one.

    `asking_s` are seconds of sittings without the load, `load_s` those of the last load;
    `memory_bytes` the largest resident set of an engine process (None: it is elsewhere, or the
    system does not tell).
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    cases: int = 0
    sittings: int = 0
    load_s: float = 0.0
    asking_s: float = 0.0
    engines: int = 1
    memory_bytes: int | None = None
    failed: str = ""

    def after(
        self, *, cases: int, engines: int, load_s: float, asking_s: float,
        memory: int | None, failed: str,
    ) -> CellRecord:  # fmt: skip
        """The record with one more sitting."""
        known = [m for m in (self.memory_bytes, memory) if m is not None]
        return CellRecord(
            cases=cases or self.cases,
            sittings=self.sittings + 1,
            load_s=load_s or self.load_s,
            asking_s=self.asking_s + asking_s,
            engines=engines,
            memory_bytes=max(known, default=None),
            failed=failed,
        )


@contextlib.contextmanager
def claimed(folder: Path) -> Iterator[bool]:
    """Whether this process has the cell now; another one that asks it keeps it."""
    make_folder(folder)
    with (folder / _LOCK).open("ab") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            yield False
            return
        yield True


def read_record(folder: Path) -> CellRecord:
    """The record of a cell; an empty one where there is none yet, or none that can be read."""
    try:
        return CellRecord.model_validate(orjson.loads((folder / _RECORD).read_bytes()))
    except (OSError, orjson.JSONDecodeError, ValidationError):
        return CellRecord()


def write_record(folder: Path, record: CellRecord) -> None:
    """Whole or not at all."""
    new = folder / f"{_RECORD}.new"
    new.write_bytes(orjson.dumps(record.model_dump(mode="json"), option=orjson.OPT_INDENT_2))
    new.replace(folder / _RECORD)


def state_of(cell: Cell, root: Path) -> tuple[CellState, CellRecord, tuple[CaseResult, ...]]:
    """How far a cell is, what it took, and its results so far."""
    folder = root / cell.place
    record, results = read_record(folder), _read(folder)
    if not record.cases and results:  # the first sitting goes on, or was killed
        record = record.model_copy(update={"cases": _planned(folder)})
    if record.failed:
        return CellState.FAILED, record, results
    if record.cases and len(results) >= record.cases:
        return CellState.DONE, record, results
    return (CellState.BEGUN if results else CellState.WAITING), record, results


def _read(folder: Path) -> tuple[CaseResult, ...]:
    try:
        return read_results(folder / RESULTS)
    except RunError:
        return ()


def _planned(folder: Path) -> int:
    try:
        return read_manifest(folder).suite.cases
    except RunError:
        return 0
