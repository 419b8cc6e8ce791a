"""Shares of a chosen service that cannot be worked out from those of the others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cds_hooks.audit.day_counts import Counts
from cds_hooks.statistics.suppression import Share, hidden, share_of
from cds_hooks.statistics.tally import Tally, Wanted, tally

__all__ = ["Telling", "shares_over_time", "telling"]


@dataclass(frozen=True)
class Telling:
    """The counts of what was chosen (`own`), and where that is one service, of each service:
    `place` is its place among them."""

    own: Tally
    services: tuple[Tally, ...]
    place: int | None
    least: int

    def share(self, measure: str, whole: str, *, hide: bool = False) -> Share:
        """How often `measure` was so among `whole`."""
        hide = hide or self.hides(measure, whole)
        return share_of(self.own.of(measure), self.own.of(whole), self.least, hide=hide)

    def hides(self, measure: str, whole: str) -> bool:
        """Whether the share would tell a small count of another service, by subtraction from the
        figures of all."""
        if self.place is None:
            return False
        counts = [each.of(measure) for each in self.services]
        return self.place in hidden([counts, _rests(self.services, measure, whole)], self.least)


def telling(counts: Counts, service: str, least: int, wanted: Wanted) -> Telling:
    """The counts of the days that are wanted, of one service or of all ("")."""
    if not service:
        return Telling(tally(counts, wanted), (), None, least)
    names = sorted({each for _, each in counts} | {service})
    parts = tuple(_of(counts, name, wanted) for name in names)
    place = names.index(service)
    return Telling(parts[place], parts, place, least)


def _of(counts: Counts, name: str, wanted: Wanted) -> Tally:
    return tally(counts, lambda day, service: service == name and wanted(day, service))


def shares_over_time(steps: Sequence[Telling], measure: str, whole: str) -> tuple[Share, ...]:
    """The share in each step of a period whose own share is known too."""
    if not steps:
        return ()
    also = {place for place, step in enumerate(steps) if step.hides(measure, whole)}
    tallies = [step.own for step in steps]
    counts = [each.of(measure) for each in tallies]
    small = hidden([counts, _rests(tallies, measure, whole)], steps[0].least, also)
    return tuple(
        step.share(measure, whole, hide=place in small) for place, step in enumerate(steps)
    )


def _rests(tallies: Sequence[Tally], measure: str, whole: str) -> list[int]:
    return [each.of(whole) - each.of(measure) for each in tallies]
