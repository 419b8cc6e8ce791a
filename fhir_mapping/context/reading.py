"""A text with what it says of each mention in it."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from itertools import pairwise, zip_longest
from typing import NamedTuple

from fhir_mapping.chart import Certainty, Experiencer, Polarity
from fhir_mapping.context.cues import lexicon
from fhir_mapping.context.marks import ALL, HARD, SEMICOLON
from fhir_mapping.context.matches import mark
from fhir_mapping.context.scopes import Scopes
from fhir_mapping.context.tokens import lowered, tokens
from fhir_mapping.tables import table

__all__ = ["Context", "Reading", "Readings", "Temporality", "affirms"]

_HEADING = re.compile(r"\[([^\]\[\n:]{2,60})\]|(?:^|[.;\n])[ \t]{0,4}([A-Za-z][A-Za-z /&-]{1,48}):")


def _clauses(starts: list[int], ends: list[int], size: int) -> tuple[tuple[int, int], ...]:
    breaks = [starts[at] for at, kind in enumerate(ends) if kind & (HARD | SEMICOLON | ALL)]
    return tuple(pairwise((0, *breaks, size)))


class Temporality(StrEnum):
    """When a finding is so; `resolved` is over, but of the present illness."""

    CURRENT = "current"
    RESOLVED = "resolved"
    HISTORICAL = "historical"
    HYPOTHETICAL = "hypothetical"


@dataclass(frozen=True, slots=True)
class Context:
    """What is said of one mention, or of a short text as a whole."""

    polarity: Polarity = Polarity.PRESENT
    certainty: Certainty = Certainty.CERTAIN
    experiencer: Experiencer = Experiencer.PATIENT
    temporality: Temporality = Temporality.CURRENT

    @property
    def is_denied(self) -> bool:
        """Whether the patient is said, for certain, not to have it now."""
        return self == _DENIED

    @property
    def is_affirmed(self) -> bool:
        """Whether the patient is said to have it, perhaps only probably, or to have had it."""
        present = self.polarity is Polarity.PRESENT
        mine = self.experiencer is Experiencer.PATIENT
        return present and mine and self.temporality is not Temporality.HYPOTHETICAL


_PLAIN = Context()
_DENIED = Context(Polarity.ABSENT)


class Reading:
    """One text, read once. Offsets are those of the text as it was given; `lower` has the same.

    `clauses` are where its sentences, and their parts about a "but", begin and end.
    """

    __slots__ = ("_content", "_effects", "_starts", "clauses", "lower")

    def __init__(self, text: str) -> None:
        self.lower = lowered(text)
        words = lexicon()
        found = tokens(self.lower, words.numbers)
        marks = mark(found, self.lower, words)
        self._starts = [token.start for token in found]
        self._content = [
            at
            for at, token in enumerate(found)
            if not marks.used[at] and token.key[0].isalpha() and token.key not in words.silent
        ]
        headings = list(_headings(text))
        for heading in headings:
            if heading.boxed:  # a title is no sentence, and ends the one before it
                marks.ends[self._first_from(heading.start)] |= HARD
                marks.ends[self._first_from(heading.end - 1)] |= HARD
        self.clauses = _clauses(self._starts, marks.ends, len(text))
        self._effects: dict[str, list[bool]] = {}
        if marks.cues or headings:
            scopes = Scopes(found, self.lower, marks, words)
            self._cover_sections(scopes, headings, len(text))
            self._effects = scopes.by_effect()

    def _cover_sections(self, scopes: Scopes, headings: list[_Heading], size: int) -> None:
        """Puts what stands between a heading and the next under the heading's effect."""
        for heading, following in zip_longest(headings, headings[1:]):
            if heading.effect:
                end = following.start if following else size
                start = self._first_from(heading.end)
                scopes.cover(heading.effect, start, self._first_from(end))

    @property
    def denies_any(self) -> bool:
        """Whether anything in the text is denied."""
        return "absent" in self._effects

    def at(self, offset: int) -> Context:
        """The context of the mention that begins at this offset of the text."""
        if not self._effects or not self._starts:
            return _PLAIN
        return self._of(max(bisect_right(self._starts, offset) - 1, 0))

    def whole(self) -> Context:
        """The context of the text as one statement: what is so of all that it mentions."""
        if not self._effects or not self._content:
            return _PLAIN
        under = {e for e, told in self._effects.items() if all(told[at] for at in self._content)}
        return _context(frozenset(under))

    def _of(self, at: int) -> Context:
        return _context(frozenset(e for e, told in self._effects.items() if told[at]))

    def _first_from(self, offset: int) -> int:
        """The first token that begins at this offset or after it."""
        return bisect_left(self._starts, offset)


class Readings(dict[str, Reading]):
    """Readings of texts, each made when it is first asked for."""

    def __missing__(self, text: str) -> Reading:
        reading = self[text] = Reading(text)
        return reading


def affirms(pattern: re.Pattern[str], text: str) -> bool:
    """Whether the patient surely has, or has had, what the pattern (in lower case) names.

    The text is only read where the pattern is in it.
    """
    hits = list(pattern.finditer(lowered(text)))
    if not hits:
        return False
    reading = Reading(text)
    found = (reading.at(hit.start()) for hit in hits)
    return any(one.is_affirmed and one.certainty is Certainty.CERTAIN for one in found)


@cache
def _context(effects: frozenset[str]) -> Context:
    if not effects:
        return _PLAIN
    absent = "absent" in effects or "unlikely" in effects
    unsure = not effects.isdisjoint(("uncertain", "unlikely"))
    return Context(
        Polarity.ABSENT if absent else Polarity.PRESENT,
        Certainty.UNCERTAIN if unsure else Certainty.CERTAIN,
        _experiencer(effects),
        next((t for t in _TIMES if t.value in effects), Temporality.CURRENT),
    )


_TIMES = (Temporality.HYPOTHETICAL, Temporality.HISTORICAL, Temporality.RESOLVED)


def _experiencer(effects: frozenset[str]) -> Experiencer:
    if "family" in effects:
        return Experiencer.FAMILY
    return Experiencer.OTHER if "other" in effects else Experiencer.PATIENT


@cache
def _sections() -> dict[str, str]:
    """Headings in lower case -> the effect of their section, '' for none."""
    effects: dict[str, str] = table("context")["headings"]
    found: dict[str, str] = {}
    for row in table("sections")["sections"]:
        effect = effects.get(row["kind"], "")
        found |= dict.fromkeys([*row["headings"], row["title"].lower()], effect)
    return found


class _Heading(NamedTuple):
    """A heading at `start` to `end` of a text, with the effect of its section, '' for none."""

    start: int
    end: int
    effect: str
    boxed: bool


def _headings(text: str) -> Iterator[_Heading]:
    """The headings that are known, and any in square brackets with a capital."""
    if ":" not in text and "[" not in text:
        return
    for match in _HEADING.finditer(text):
        title, boxed = match[1] or match[2], bool(match[1])
        known = _sections().get(" ".join(title.lower().split()))
        if known is None and not (boxed and title[0].isupper()):
            continue
        if known == "absent" and not boxed:  # "Denies: fever." is a sentence
            continue
        yield _Heading(match.start(), match.end(), known or "", boxed)
