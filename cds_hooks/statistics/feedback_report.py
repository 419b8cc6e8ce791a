"""What clinicians said of cards and diagnoses, by outcome and reason."""

from __future__ import annotations

from dataclasses import dataclass

from cds_hooks.statistics.suppression import Share, hidden, share_of
from cds_hooks.statistics.telling import Telling

__all__ = ["FeedbackReport", "feedback_report"]

_SAID = ("useful", "wrong")


@dataclass(frozen=True, slots=True)
class FeedbackReport:
    """Entries by outcome, reasons why something was set aside or called wrong, and single diagnoses
    that were said to be useful or wrong; each as a share of its kind."""

    outcomes: dict[str, Share]
    reasons: dict[str, Share]
    said: dict[str, Share]


def feedback_report(told: Telling) -> FeedbackReport:
    """The feedback of a period; parts of a small total are not told apart."""
    return FeedbackReport(
        _shares(told, "feedback:"), _shares(told, "reason:"), _shares(told, "said:", _SAID)
    )


def _shares(told: Telling, prefix: str, names: tuple[str, ...] = ()) -> dict[str, Share]:
    names = names or told.own.names(prefix)
    counts = [told.own.of(f"{prefix}{name}") for name in names]
    if not any(counts):
        return {}
    of = sum(counts)
    also = {place for place, name in enumerate(names) if _told_by_others(told, prefix, name)}
    small = hidden([counts, [of - count for count in counts]], told.least, also)
    return {
        name: share_of(count, of, told.least, hide=place in small)
        for place, (name, count) in enumerate(zip(names, counts, strict=True))
    }


def _told_by_others(told: Telling, prefix: str, name: str) -> bool:
    """Whether a small count of another service could be worked out from this one's."""
    counts = [each.of(f"{prefix}{name}") for each in told.services]
    return told.place is not None and told.place in hidden([counts], told.least)
