"""Figures in words, as the page and its tables have them."""

from __future__ import annotations

from cds_hooks.cards.card_data import override_reasons
from cds_hooks.statistics.quantiles import Quantile
from cds_hooks.statistics.suppression import Share

__all__ = [
    "behind",
    "NOT_SHOWN",
    "count",
    "interval",
    "of",
    "outcome",
    "percent",
    "quantile",
    "reason",
    "seconds",
    "share",
]

NOT_SHOWN = "not shown"
_OUTCOMES = {
    "answered": "answered by the model",
    "pending": "still pending at that moment",
    "last-answer-stands": "the last answer stood",
    "empty-differential": "the model named nothing",
    "entry-checked": "an entry was checked",
    "deadline": "failed: out of time",
    "overloaded": "failed: overloaded",
    "engine-failed": "failed: engine failed",
    "engine-unavailable": "failed: engine not available",
    "invalid-output": "failed: output could not be used",
    "prompt-too-long": "failed: chart too long",
    "cancelled": "failed: cancelled",
}
_REASONS = {
    "one-diagnosis": "One diagnosis is wrong for this patient",
    "none-given": "No reason given",
    "other": "A reason of the client's own",
}


def outcome(code: str) -> str:
    """How a consultation stands, in words."""
    return _OUTCOMES.get(code, code)


def reason(code: str) -> str:
    """Why something was set aside, as clinicians are shown it."""
    ours = {each.code: each.display for each in override_reasons()}
    return _REASONS.get(code) or ours.get(code, code)


def count(number: int | None) -> str:
    """ "1,234"; a number that is too small to be shown is called so."""
    return NOT_SHOWN if number is None else f"{number:,}"


def percent(each: Share) -> str:
    """ "23.1 %"."""
    if each.share is None:
        return "none" if each.of == 0 else NOT_SHOWN
    return f"{100 * each.share:.1f} %"


def interval(each: Share) -> str:
    """ "18.4 to 28.6"; "" where no share is told."""
    if each.low is None or each.high is None:
        return ""
    return f"{100 * each.low:.1f} to {100 * each.high:.1f}"


def of(each: Share) -> str:
    """ "60 of 260"."""
    return NOT_SHOWN if each.count is None else f"{each.count:,} of {count(each.of)}"


def share(each: Share) -> str:
    """Share, interval and count, one below the other: "23.1 %", "18.4 to 28.6", "60 of 260"."""
    if each.share is None:
        return percent(each)
    return "\n".join((percent(each), interval(each), of(each)))


def behind(each: Share) -> str:
    """What a share rests on: "18.4 to 28.6; 60 of 260"."""
    return "" if each.share is None else f"{interval(each)}; {of(each)}"


def quantile(each: Quantile) -> str:
    """ "1,200 ms (1,100 to 1,400)"; a bound that so few values do not tell is left open."""
    if each.low is None and each.high is None:
        return f"{each.ms:,} ms (too few for an interval)"
    low = "no bound" if each.low is None else f"{each.low:,}"
    high = "no bound" if each.high is None else f"{each.high:,}"
    return f"{each.ms:,} ms ({low} to {high})"


def seconds(each: Quantile) -> str:
    """ "1.2 s"."""
    return f"{each.ms / 1000:,.3g} s"
