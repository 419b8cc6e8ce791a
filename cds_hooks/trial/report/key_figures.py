"""The few shares by which one report is compared with another."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from cds_hooks.consultation import Verdict
from cds_hooks.figures import Figure
from cds_hooks.trial.report.trial_report import TrialReport

__all__ = ["KeyFigure", "key_figures", "read_key_figures"]


@dataclass(frozen=True, slots=True)
class KeyFigure:
    """A share with its n and 95 % interval. `name` is stable: "top1", "rules-right"."""

    name: str
    share: float
    n: int
    low: float
    high: float


def key_figures(report: TrialReport) -> tuple[KeyFigure, ...]:
    """The key figures of a report, those without cases left out."""
    supported = next(row for row in report.verdicts if row.verdict is Verdict.SUPPORTED)
    named = {
        **{f"top{k}": report.named(k) for k in (1, 3, 5)},
        "supported-right": supported.right,
        "struck-out-right": report.struck_out.right,
        "rules-right": report.rules.right,
        "rules-missed": report.rules.missed,
        "named-before-charted": report.time_gained.named,
    }
    return tuple(_of(name, figure) for name, figure in named.items() if figure and figure.known)


def read_key_figures(document: dict[str, Any]) -> tuple[KeyFigure, ...]:
    """The key figures of a report that was written as a document."""
    return tuple(KeyFigure(**each) for each in document["key_figures"])


def _of(name: str, figure: Figure) -> KeyFigure:
    return KeyFigure(name, figure.value, figure.n, figure.low, figure.high)
