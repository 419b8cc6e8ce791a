"""How one list becomes three samples that the service merges into that list again."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["AGREEMENTS", "places_of_samples"]

AGREEMENTS: tuple[tuple[int, ...], ...] = (
    (3, 2, 2, 1, 1),
    (2, 2, 1, 1, 1, 1, 1),
    (1, 1, 1, 1, 1, 1, 1),
)
"""How many of three samples name the diagnosis at each place, where three, two or one name the
first."""

_PLACES = {
    3: ((0, 1, 3), (0, 1, 2), (0, 2, 4)),
    2: ((0, 1, 4), (0, 1, 5), (2, 3, 6)),
    1: ((0, 3, 6), (1, 4), (2, 5)),
}


def places_of_samples(votes: Sequence[int]) -> tuple[tuple[int, ...], ...]:
    """The places of the list that each sample names, in its order. The service ranks by votes, then
    by the mean place in the samples, then by who was named first: it comes to the same list."""
    return _PLACES[votes[0]] if votes else ((), (), ())
