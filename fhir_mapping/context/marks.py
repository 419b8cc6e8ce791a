"""What is found in a text before reaches are told: cues, ends, and words that are no content."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from fhir_mapping.context.phrases import Cue

__all__ = [
    "ALL",
    "CLAUSE",
    "COMMA",
    "HARD",
    "PERSON",
    "SEMICOLON",
    "VALUE",
    "CueMarks",
    "CuePlace",
]

HARD, SEMICOLON, ALL, CLAUSE, PERSON, VALUE, COMMA = (1 << n for n in range(7))
"""Ends: of a sentence, at a semicolon, by terminators of three kinds, at a value, at a comma."""


class CuePlace(NamedTuple):
    """Cues that stand at tokens `start` to `end`."""

    start: int
    end: int
    cues: Sequence[Cue]


class CueMarks(NamedTuple):
    """What stands in a text: cues, the kinds of end at each token, tokens that are no content."""

    cues: list[CuePlace]
    ends: list[int]
    used: bytearray
