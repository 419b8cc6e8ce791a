"""A finding that is named in a text."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["FindingHit"]


class FindingHit(NamedTuple):
    """A finding that is named from `start` to `end` of a text.

    `denied`: by the words themselves ("afebrile"); `past`: told only where it is past.
    """

    finding: str
    start: int
    end: int
    denied: bool = False
    past: bool = False
