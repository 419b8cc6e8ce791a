"""Intervals of figures in which one patient may count several times: patients are drawn, not cases.

Cases of one patient resemble each other, so that an interval over cases is too narrow (A. Donner,
N. Klar, Design and Analysis of Cluster Randomization Trials, 2000, chapter 1). The bootstrap over
patients is that of B. Efron, Ann Stat 1979;7:1-26, with whole clusters drawn (A. C. Davison, D. V.
Hinkley, Bootstrap Methods and their Application, 1997, section 3.8).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from cds_hooks.figures import Figure, Floats
from cds_hooks.intervals import wilson

__all__ = ["Counted", "Patients"]

Counts = NDArray[np.uint8]

_TAIL = 2.5
_AT_ONCE = 100
_NOTHING = np.empty(0)


@dataclass(frozen=True, slots=True)
class Counted:
    """One thing that was counted: of which patient, and what it was worth (1 for a hit)."""

    patient: str
    value: float


class Patients:
    """The patients of a report, drawn `resamples` times with replacement.

    Every figure of a report uses the same draws, so that a report is the same for the same cases
    and the same generator. `rng` is used once, when the value is made.
    """

    def __init__(
        self, patients: Sequence[str], rng: np.random.Generator, *, resamples: int
    ) -> None:
        self._places = {each: place for place, each in enumerate(sorted(set(patients)))}
        n = len(self._places)
        self._draws: Counts = np.zeros((resamples, n), dtype=np.uint8)
        for row in self._draws if n else ():
            drawn = np.bincount(rng.integers(0, n, size=n), minlength=n)
            row[:] = np.minimum(drawn, 255)

    def share(self, counted: Sequence[Counted]) -> Figure:
        """The share of what was counted that is a hit. Wilson's interval where each patient counts
        once; else over patients, and never narrower than Wilson's over what was counted: the
        bootstrap knows little of spread from few patients, and none where each has the same share.
        At 0 or 1 Wilson's over as many as there are patients, which is wider."""
        n, hits = len(counted), round(sum(each.value for each in counted))
        own = len({each.patient for each in counted})
        if 0 < hits < n and own < n:
            drawn, (low, high) = self.mean(counted), wilson(hits, n)
            return replace(drawn, low=min(drawn.low, low), high=max(drawn.high, high))
        low, high = wilson(hits if own == n else own * bool(hits), own)
        method = "Wilson 95 %" if own == n else "Wilson 95 %, by patients"
        return Figure(hits / n if n else math.nan, n, low, high, method)

    def mean(self, counted: Sequence[Counted]) -> Figure:
        """The mean of what was counted, with its interval over patients."""
        columns = [[each.value, 1.0] for each in counted]
        return self.of_sums(counted, columns, _ratio)

    def quantile(self, counted: Sequence[Counted], share: float) -> Figure:
        """The smallest value that at least `share` of what was counted does not exceed."""
        ordered = sorted(counted, key=lambda each: each.value)
        values = np.asarray([each.value for each in ordered], dtype=np.float64)
        if not ordered:
            return self._figure(math.nan, 0, _NOTHING)
        places = np.asarray([self._places[each.patient] for each in ordered])
        drawn = []
        for rows in self._some_draws():
            upto = rows[:, places].cumsum(axis=1)
            upto = upto[upto[:, -1] > 0]
            wanted = np.maximum(np.ceil(share * upto[:, -1]), 1)
            drawn.append(values[(upto < wanted[:, None]).sum(axis=1)])
        own = values[max(math.ceil(share * len(values)), 1) - 1]
        return self._figure(float(own), len(values), np.concatenate(drawn))

    def of_sums(
        self,
        counted: Sequence[Counted],
        columns: Sequence[Sequence[float]],
        statistic: Callable[[Floats], Floats],
    ) -> Figure:
        """A statistic of sums: `columns` has one row for each thing that was counted. `statistic`
        takes sums by draws (its rows) and columns, and gives one value a draw, NaN where none is
        defined."""
        if not counted:
            return self._figure(math.nan, 0, _NOTHING)
        sums = self._sums(counted, columns)
        drawn = np.concatenate([statistic(rows @ sums) for rows in self._some_draws()])
        value = float(statistic(sums.sum(axis=0, keepdims=True))[0])
        return self._figure(value, len(counted), drawn[~np.isnan(drawn)])

    def _sums(self, counted: Sequence[Counted], columns: Sequence[Sequence[float]]) -> Floats:
        """The sums of each patient: patients by columns."""
        sums = np.zeros((len(self._places), len(columns[0])), dtype=np.float64)
        places = [self._places[each.patient] for each in counted]
        np.add.at(sums, places, np.asarray(columns, dtype=np.float64))
        return sums

    def _some_draws(self) -> Iterator[Floats]:
        """How often each patient is in each draw, some draws at a time: all of them at once would
        take gigabytes for 100,000 patients."""
        for first in range(0, len(self._draws), _AT_ONCE):
            yield self._draws[first : first + _AT_ONCE].astype(np.float64)

    def _figure(self, value: float, n: int, drawn: Floats) -> Figure:
        method = f"bootstrap over patients 95 %, {len(self._draws)} resamples"
        if not len(drawn):
            return Figure(value, n, math.nan, math.nan, method)
        low, high = np.percentile(drawn, [_TAIL, 100 - _TAIL])
        return Figure(value, n, float(low), float(high), method)


def _ratio(sums: Floats) -> Floats:
    """The first column by the second; NaN where that is 0."""
    undefined = np.full(len(sums), math.nan)
    np.divide(sums[:, 0], sums[:, 1], out=undefined, where=sums[:, 1] > 0)
    return undefined
