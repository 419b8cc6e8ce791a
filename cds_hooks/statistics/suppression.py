"""Small counts are not shown, nor what would let one be worked out within the same table.

The policy of the Centers for Medicare & Medicaid Services (ResDAC, CMS Cell Size Suppression
Policy, version of 2024-01-26): no cell of 1 to 10 is reported, 0 may be, and no cell by which one
of 1 to 10 can be derived, shares included.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from cds_hooks.intervals import wilson

__all__ = ["CMS_SMALLEST", "Share", "hidden", "is_small", "share_of"]

CMS_SMALLEST = 11
"""The smallest count that the policy lets be shown."""


@dataclass(frozen=True, slots=True)
class Share:
    """`count` of `of` cases with a 95 % Wilson interval; None is not shown as too small, `share`
    also where there are no cases."""

    count: int | None
    of: int | None
    share: float | None = None
    low: float | None = None
    high: float | None = None


def is_small(count: int, least: int) -> bool:
    """Whether a count must not be shown."""
    return 0 < count < least


def share_of(count: int, of: int, least: int, *, hide: bool = False) -> Share:
    """A share that tells neither a small count nor a small rest; with `hide` only of how many."""
    if is_small(of, least):
        return Share(None, None)
    if hide or is_small(count, least) or is_small(of - count, least):
        return Share(None, of)
    if not of:
        return Share(count, of)
    return Share(count, of, count / of, *wilson(count, of))


def hidden(
    columns: Sequence[Sequence[int]], least: int, also: Collection[int] = ()
) -> frozenset[int]:
    """The places at which parts of a total are not shown, `also` among them.

    Each of `columns` is one partition of a known total over the same places. Whoever subtracts what
    is shown from the total learns the sum of what is not: so there are always two or more, which
    sum up to 0 or to `least`; the next smallest parts are hidden with them.
    """
    places = range(len(columns[0]))
    found = set(also) | {i for i in places for column in columns if is_small(column[i], least)}
    rest = sorted(set(places) - found, key=lambda i: (columns[0][i], i))
    rest = [i for i in rest if any(column[i] for column in columns)]
    while found and rest and not _is_safe(columns, least, found):
        found.add(rest.pop(0))
    return frozenset(found)


def _is_safe(columns: Sequence[Sequence[int]], least: int, found: Collection[int]) -> bool:
    return len(found) > 1 and not any(
        is_small(sum(column[i] for i in found), least) for column in columns
    )
