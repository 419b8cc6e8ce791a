"""Finds answers that stand in the row of another case.

A run that answers off its own list may have made the answer up. When all runs of a model do so in
several rows one after the other, and each time with a name of the same neighbour's list, the
table is shifted there: nobody invents the diagnosis of the case before.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from cds_hooks.evaluation.research.catalogue import RecordedModel
from cds_hooks.evaluation.research.recording import Recorded, Recording, votes_of

__all__ = ["Shift", "find_shifts", "off_list", "put_right"]

_REACH = 3
_FEWEST = 3


@dataclass(frozen=True, slots=True)
class Shift:
    """Consecutive cases whose rows hold, for one model, the answers of the case `offset` rows off.

    -1 is the case before. `lost` are those of them whose own answers stand nowhere.
    """

    model: str
    offset: int
    cases: tuple[str, ...]
    lost: tuple[str, ...]


def off_list(case: Recorded, model: RecordedModel) -> tuple[str, ...]:
    """What a model's runs answered that is not on the case's list, before any mapping."""
    return tuple(v for v in votes_of(case, model) if v and v not in case.listed)


def find_shifts(recording: Recording, models: Sequence[RecordedModel]) -> tuple[Shift, ...]:
    """Every shift of at least three rows, of up to three rows either way."""
    offsets = [d for d in range(-_REACH, _REACH + 1) if d]
    found = (
        _shift(recording.cases, model, offset, rows)
        for model in models
        for offset in offsets
        for rows in _stretches(recording.cases, model, offset)
    )
    return tuple(found)


def put_right(
    recording: Recording, models: Sequence[RecordedModel], shifts: Sequence[Shift]
) -> Mapping[str, Mapping[str, str | None]]:
    """Answers moved back to their cases: case id -> column -> answer, None where it is lost."""
    by_id = {m.id: m for m in models}
    place = {c.id: i for i, c in enumerate(recording.cases)}
    moved: dict[str, dict[str, str | None]] = {}
    for shift in shifts:
        for case_id in shift.cases:
            source = recording.cases[_source(place[case_id], shift, recording.cases)]
            lost = case_id in shift.lost
            for column in by_id[shift.model].columns:
                moved.setdefault(case_id, {})[column] = None if lost else source.answers[column]
    return moved


def _source(at: int, shift: Shift, cases: Sequence[Recorded]) -> int:
    return min(max(at - shift.offset, 0), len(cases) - 1)


def _stretches(cases: Sequence[Recorded], model: RecordedModel, offset: int) -> Iterator[range]:
    """Rows one after the other that all hold the answers of the row `offset` away.

    The row at the edge where the shift came from belongs to it although its source is not there,
    when all its runs are off its list: the case between was taken out of the file.
    """
    displaced = [_displaced(cases, i, model, offset) for i in range(len(cases))]
    start = 0
    while start < len(cases):
        end = start
        while end < len(cases) and displaced[end]:
            end += 1
        if end - start >= _FEWEST:
            yield _widened(cases, model, offset, range(start, end))
        start = max(end, start + 1)


def _widened(cases: Sequence[Recorded], model: RecordedModel, offset: int, rows: range) -> range:
    edge = rows.start - 1 if offset < 0 else rows.stop
    if 0 <= edge < len(cases) and _all_off(cases[edge], model):
        return range(min(rows.start, edge), max(rows.stop, edge + 1))
    return rows


def _displaced(cases: Sequence[Recorded], at: int, model: RecordedModel, offset: int) -> bool:
    if not 0 <= at + offset < len(cases) or not _all_off(cases[at], model):
        return False
    return all(v in cases[at + offset].listed for v in votes_of(cases[at], model))


def _all_off(case: Recorded, model: RecordedModel) -> bool:
    return len(off_list(case, model)) == len(model.columns)


def _shift(cases: Sequence[Recorded], model: RecordedModel, offset: int, rows: range) -> Shift:
    lost = [i for i in rows if i - offset not in rows]
    return Shift(
        model.id, offset, tuple(cases[i].id for i in rows), tuple(cases[i].id for i in lost)
    )
