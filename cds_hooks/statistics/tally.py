"""Counts of a period put together, asked for by group and measure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

from cds_hooks.audit.day_counts import Counts
from cds_hooks.statistics.subgroups import ALL

__all__ = ["Tally", "Wanted", "between", "tally"]

Wanted: TypeAlias = Callable[[str, str], bool]


@dataclass(frozen=True)
class Tally:
    """Named counts (see `counting`) of some days and services."""

    counts: Counter[str]

    def of(self, measure: str, group: str = ALL) -> int:
        """How often a measure was counted in a group."""
        return self.counts[f"{group}|{measure}"]

    def names(self, prefix: str, group: str = ALL) -> tuple[str, ...]:
        """What follows a prefix among the measures of a group, in order."""
        measures = self._measures.get(group, ())
        return tuple(sorted(each[len(prefix) :] for each in measures if each.startswith(prefix)))

    def each(self, prefix: str, group: str = ALL) -> dict[str, int]:
        """The counts of all measures with a prefix, by what follows it."""
        return {name: self.of(f"{prefix}{name}", group) for name in self.names(prefix, group)}

    def times(self, stage: str, group: str = ALL) -> dict[int, int]:
        """How often each rounded duration of a stage was counted, by milliseconds."""
        return {int(ms): count for ms, count in self.each(f"ms:{stage}:", group).items()}

    @property
    def groups(self) -> tuple[str, ...]:
        """All groups that something was counted in."""
        return tuple(sorted(self._measures))

    @cached_property
    def _measures(self) -> dict[str, list[str]]:
        """What was counted in each group."""
        found: dict[str, list[str]] = {}
        for key in self.counts:
            group, _, measure = key.partition("|")
            found.setdefault(group, []).append(measure)
        return found


def tally(counts: Counts, wanted: Wanted = lambda _day, _service: True) -> Tally:
    """The counts of the days and services that are wanted."""
    return Tally(_total(more for (day, service), more in counts.items() if wanted(day, service)))


def between(first: str, last: str) -> Wanted:
    """Wants the days from `first` to `last`."""
    return lambda day, _service: first <= day <= last


def _total(parts: Iterable[Counter[str]]) -> Counter[str]:
    total = Counter[str]()
    for part in parts:
        total.update(part)
    return total
