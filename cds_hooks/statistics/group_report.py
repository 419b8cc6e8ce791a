"""The same figures for each service, model, band of age and sex, side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cds_hooks.audit.day_counts import Counts
from cds_hooks.statistics.subgroups import ALL, DIMENSIONS, age_bands
from cds_hooks.statistics.suppression import Share, hidden, share_of
from cds_hooks.statistics.tally import Tally, tally

__all__ = ["COLUMNS", "GroupRow", "group_rows"]

COLUMNS = {
    "answered": ("ended:answered", "consultation"),
    "flagged": ("flagged", "read"),
    "contradicted": ("contradicted", "read"),
    "silent": ("silent", "hook"),
    "overridden": ("feedback:overridden", "feedback"),
}
"""What is told of each group, and of how many: consultations that have an answer, in which rules
flagged something, with a contradicted diagnosis; hooks without a card; feedback that set aside."""


@dataclass(frozen=True, slots=True)
class GroupRow:
    """One group: its consultations (None: too few to be shown), and its share of each column."""

    name: str
    consultations: int | None
    shares: dict[str, Share]


def group_rows(counts: Counts, total: Tally, least: int) -> dict[str, tuple[GroupRow, ...]]:
    """The rows of each dimension."""
    names = sorted({service for _, service in counts})
    services = [(name, _of(counts, name), ALL) for name in names]
    found = {"service": _rows(services, least)}
    for dimension in DIMENSIONS:
        groups = [group for group in total.groups if group.startswith(f"{dimension}:")]
        groups.sort(key=_place)
        parts = [(group.partition(":")[2], total, group) for group in groups]
        found[dimension] = _rows(parts, least)
    return found


def _of(counts: Counts, name: str) -> Tally:
    return tally(counts, lambda _day, service: service == name)


def _place(group: str) -> tuple[int, str]:
    """Bands of age in their order, everything else by name."""
    bands = [f"age:{band.name}" for band in age_bands()]
    return (bands.index(group) if group in bands else len(bands), group)


def _rows(parts: Sequence[tuple[str, Tally, str]], least: int) -> tuple[GroupRow, ...]:
    if not parts:
        return ()
    sizes = [part.of("consultation", group) for _, part, group in parts]
    few = hidden([sizes], least)
    columns = {name: _column(parts, least, few, *measures) for name, measures in COLUMNS.items()}
    return tuple(
        GroupRow(
            name,
            None if place in few else sizes[place],
            {column: shares[place] for column, shares in columns.items()},
        )
        for place, (name, _, _) in enumerate(parts)
    )


def _column(
    parts: Sequence[tuple[str, Tally, str]],
    least: int,
    few: frozenset[int],
    measure: str,
    whole: str,
) -> list[Share]:
    counts = [part.of(measure, group) for _, part, group in parts]
    of = [_whole(part, whole, group) for _, part, group in parts]
    small = hidden([of], least, few)
    rests = [all_ - count for count, all_ in zip(counts, of, strict=True)]
    also = hidden([counts, rests], least, small)
    return [
        Share(None, None)
        if place in small
        else share_of(count, of[place], least, hide=place in also)
        for place, count in enumerate(counts)
    ]


def _whole(part: Tally, whole: str, group: str) -> int:
    if whole == "feedback":
        return sum(part.each("feedback:", group).values())
    return part.of(whole, group)
