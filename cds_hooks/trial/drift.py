"""Whether figures left their interval since a decision, however often one looks.

Looking again and again at a 95 % interval finds a change sooner or later where there is none. So
the share since the decision has a confidence sequence, which holds at all times at once: the values
p for which the mixture of binomial likelihoods over a uniform prior, divided by the likelihood of
p, is below 1 / alpha (H. Robbins, Ann Math Stat 1970;41:1397-1409, by the inequality of J. Ville,
1939; S. R. Howard et al., Ann Stat 2021;49:1055-1080, treat such sequences at large). A figure
drifted when all of its confidence sequence lies outside the interval of the decision's report.

The rate of false alarms, over all figures that are watched and all looks ever taken, is at most
`alpha`: half of it is spent on the reference's intervals and half on the sequences, each divided by
the number of figures (Bonferroni). Cases must be independent: several of one patient count as
fewer, by how much wider their interval is.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from cds_hooks.intervals import wilson
from cds_hooks.statistics.proportions import difference
from cds_hooks.trial.report.key_figures import KeyFigure

__all__ = [
    "ALPHA",
    "WATCHED",
    "FigureDrift",
    "comparison",
    "confidence_sequence",
    "drift",
    "drifted",
    "not_compared",
]

WATCHED = ("top1", "top3", "supported-right", "rules-right")
"""The figures that are watched. More would each need a larger change to be seen."""

ALPHA = 0.05
"""The rate of false alarms that is allowed over the whole time after a decision."""

_STEPS = 60


@dataclass(frozen=True, slots=True)
class FigureDrift:
    """One figure then and now. `reference_low` to `reference_high` is the interval that it must not
    leave, `low` to `high` the confidence sequence of the share since; `left` whether it did.
    `change` is now minus then with an ordinary 95 % interval, which tells of this look alone."""

    name: str
    reference: KeyFigure
    current: KeyFigure
    reference_low: float
    reference_high: float
    low: float
    high: float
    change: float
    change_low: float
    change_high: float
    left: bool


def drift(
    reference: Sequence[KeyFigure],
    current: Sequence[KeyFigure],
    *,
    watched: Sequence[str] = WATCHED,
    alpha: float = ALPHA,
) -> tuple[FigureDrift, ...]:
    """The watched figures that both reports have. `current` is over all cases since the decision,
    and none of those before. Raises ValueError unless 0 < alpha < 1."""
    if not 0 < alpha < 1:
        raise ValueError("alpha is between 0 and 1")
    before, now = ({each.name: each for each in part} for part in (reference, current))
    names = [name for name in watched if name in before and name in now]
    # By how many are watched, not by how many are there now: that could change from look to look.
    own = alpha / 2 / max(len(watched), 1)
    return tuple(_of(before[name], now[name], own) for name in names)


def not_compared(reference: Sequence[KeyFigure], found: Sequence[FigureDrift]) -> tuple[str, ...]:
    """The watched figures of the reference that nothing was compared with: there are no cases for
    them yet, or outcomes are not read any more. That they left nothing says nothing."""
    there, now = {each.name for each in reference}, {each.name for each in found}
    return tuple(name for name in WATCHED if name in there and name not in now)


def comparison(
    found: Sequence[FigureDrift], digest: str, missing: Sequence[str] = ()
) -> dict[str, Any]:
    """The comparison with the report of this digest, as JSON values; `missing` figures had no
    cases to be compared."""
    figures = [asdict(each) for each in found]
    told = {"report_sha256": digest, "alpha": ALPHA, "left": drifted(found), "figures": figures}
    return told | {"not_compared": tuple(missing)}


def drifted(found: Sequence[FigureDrift]) -> tuple[str, ...]:
    """The names of the figures that left their interval."""
    return tuple(each.name for each in found if each.left)


def confidence_sequence(hits: float, n: float, alpha: float) -> tuple[float, float]:
    """The bounds that hold the true share at every n at once with probability 1 - alpha. Without
    cases 0 to 1. Counts may be fractions. Raises ValueError unless 0 <= hits <= n."""
    if not 0 <= hits <= n:
        raise ValueError("hits are between 0 and n")
    if n == 0:
        return 0.0, 1.0
    limit, own = math.log(1 / alpha), hits / n
    low = 0.0 if hits == 0 else _crossing(hits, n, limit, 0.0, own)
    high = 1.0 if hits == n else _crossing(hits, n, limit, 1.0, own)
    return low, high


def _crossing(hits: float, n: float, limit: float, outside: float, inside: float) -> float:
    """Where the evidence against a share passes `limit`, between one that is out and one that is
    not: it only grows from the observed share outwards."""
    for _ in range(_STEPS):
        middle = (outside + inside) / 2
        if _evidence(hits, n, middle) >= limit:
            outside = middle
        else:
            inside = middle
    return outside


def _evidence(hits: float, n: float, share: float) -> float:
    """The logarithm of the mixture's likelihood over that of a share."""
    misses = n - hits
    mixture = math.lgamma(hits + 1) + math.lgamma(misses + 1) - math.lgamma(n + 2)
    return mixture - hits * math.log(share) - misses * math.log1p(-share)


def _of(before: KeyFigure, now: KeyFigure, alpha: float) -> FigureDrift:
    n_before, n_now = _independent(before), _independent(now)
    low_before, high_before = _wide(before.share, n_before, alpha)
    low, high = confidence_sequence(now.share * n_now, n_now, alpha)
    counts = [round(each) for each in (n_now * now.share, n_now, n_before * before.share, n_before)]
    return FigureDrift(
        now.name, before, now, low_before, high_before, low, high,
        *difference(counts[0], max(counts[1], 1), counts[2], max(counts[3], 1)),
        left=low > high_before or high < low_before,
    )  # fmt: skip


def _independent(figure: KeyFigure) -> float:
    """How many independent cases tell as much: n, or less where the interval is wider than that of
    so many independent cases (L. Kish, Survey Sampling, 1965: the design effect)."""
    low, high = wilson(round(figure.share * figure.n), figure.n)
    wider = (figure.high - figure.low) / (high - low)
    return figure.n / max(wider, 1.0) ** 2


def _wide(share: float, n: float, alpha: float) -> tuple[float, float]:
    """Wilson's interval at the level alpha, of a number of cases that may be a fraction."""
    whole = max(round(n), 1)
    return wilson(min(round(share * whole), whole), whole, confidence=1 - alpha)
