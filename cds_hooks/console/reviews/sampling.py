"""Which consultations are reviewed: by a rule that nobody can steer and everybody can repeat.

Chance is a keyed hash of the consultation's id: with the site key the same ones are chosen again,
and without it nobody can tell beforehand which.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from cds_hooks.console.reviews.review_settings import ReviewSettings

__all__ = ["BY_HAND", "FLAGGED", "RANDOM", "chosen"]

BY_HAND, FLAGGED, RANDOM = "by-hand", "flagged", "random"
_DIGITS = 13


def chosen(
    found: Iterable[tuple[str, str]], settings: ReviewSettings, digest: Callable[..., str]
) -> Iterator[tuple[str, str]]:
    """Id and reason of those that the rule chooses of ids with outcomes."""
    flagged = {outcome.value for outcome in settings.outcomes}
    for id_, outcome in found:
        if outcome in flagged:
            yield id_, FLAGGED
        elif settings.share and _fraction(digest("review-sample", id_)) < settings.share:
            yield id_, RANDOM


def _fraction(digest: str) -> float:
    """A keyed hash as a number from 0 to below 1."""
    return float(int(digest.rpartition(":")[2][:_DIGITS], 16) / 16**_DIGITS)
