"""What clinicians said of cards and diagnoses, by outcome and reason."""

from __future__ import annotations

from dataclasses import dataclass

from cds_hooks.statistics.suppression import Share, hidden, share_of
from cds_hooks.statistics.tally import Tally

__all__ = ["FeedbackReport", "feedback_report"]

_SAID = ("useful", "wrong")


@dataclass(frozen=True, slots=True)
class FeedbackReport:
    """Entries by outcome, reasons why something was set aside or called wrong, and single diagnoses
    that were said to be useful or wrong; each as a share of its kind."""

    outcomes: dict[str, Share]
    reasons: dict[str, Share]
    said: dict[str, Share]


def feedback_report(total: Tally, least: int) -> FeedbackReport:
    """The feedback of a period; parts of a small total are not told apart."""
    said = {word: total.of(f"said:{word}") for word in _SAID}
    return FeedbackReport(
        _shares(total.each("feedback:"), least),
        _shares(total.each("reason:"), least),
        _shares(said, least),
    )


def _shares(counts: dict[str, int], least: int) -> dict[str, Share]:
    if not counts:
        return {}
    of = sum(counts.values())
    values = list(counts.values())
    small = hidden([values, [of - value for value in values]], least)
    return {
        name: share_of(count, of, least, hide=place in small)
        for place, (name, count) in enumerate(counts.items())
    }
