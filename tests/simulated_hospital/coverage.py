"""What all runs say together: how often each figure's interval held what was built in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cds_hooks.intervals import wilson

__all__ = ["NEEDED", "CoveredFigure", "covered", "sums", "table"]

NEEDED = 0.9
"""Of the runs, so many must hold what was built in: 18 of 20. An interval that is right does so in
19 of 20 on average, and reaches 18 of 20 with a probability of 0.92 for each figure."""


@dataclass(frozen=True, slots=True)
class CoveredFigure:
    """`covers` of `runs` intervals of one figure held what was built in; `n` is the median n."""

    name: str
    built_in: float
    n: int
    covers: int
    runs: int

    @property
    def enough(self) -> bool:
        return self.covers >= NEEDED * self.runs

    @property
    def interval(self) -> tuple[float, float]:
        return wilson(self.covers, self.runs)


def covered(runs: Sequence[Mapping[str, Any]]) -> list[CoveredFigure]:
    """One row for each figure, in the order of the runs' names."""
    names = dict.fromkeys(name for run in runs for name in run["figures"])
    rows = []
    for name in names:
        found = [run["figures"][name] for run in runs if name in run["figures"]]
        n = sorted(each["n"] for each in found)[len(found) // 2]
        hits = sum(each["covers"] for each in found)
        rows.append(CoveredFigure(name, found[0]["built_in"], n, hits, len(found)))
    return sorted(rows, key=lambda each: each.name)


def table(runs: Sequence[Mapping[str, Any]]) -> str:
    """The table that the command prints."""
    rows = covered(runs)
    width = max(len(each.name) for each in rows)
    lines = [f"{'figure':{width}}  built in   median n  covered      95 %"]
    for each in rows:
        low, high = each.interval
        short = "" if each.enough else "  too few"
        lines.append(
            f"{each.name:{width}}  {each.built_in:8.4g}  {each.n:9,}  "
            f"{each.covers:3}/{each.runs:<3}  {low:.2f} to {high:.2f}{short}"
        )
    return "\n".join([*lines, *sums(rows, runs)])


def sums(rows: Sequence[CoveredFigure], runs: Sequence[Mapping[str, Any]]) -> Iterable[str]:
    """What all figures and runs say together, line by line."""
    hits, of = sum(each.covers for each in rows), sum(each.runs for each in rows)
    low = [each.name for each in rows if not each.enough]
    yield f"all figures: {hits}/{of} = {hits / of:.3f}; {len(rows) - len(low)}/{len(rows)} enough"
    yield f"runs: {len(runs)}, encounters: {sum(run['encounters'] for run in runs):,}"
    yield f"seconds: {sum(run['seconds'] for run in runs):.0f}"
    found = sum(run["leaks_found"] for run in runs)
    yield f"leaks found: {found}/{sum(run['leaks_planted'] for run in runs)}"
    yield f"runs whose figures are not what was drawn: {sum(bool(r['differs']) for r in runs)}"
    yield f"runs with a false alarm: {sum(bool(run['alarms']) for run in runs)}/{len(runs)}"
    drifting = [run for run in runs if run["alarms_of_drift"] is not None]
    told = sum(bool(run["alarms_of_drift"]) for run in drifting)
    yield f"runs in which a planted drift was told: {told}/{len(drifting)}"
