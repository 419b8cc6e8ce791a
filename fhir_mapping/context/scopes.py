"""The reach of every cue: which effects each word is under. Linear in the text's length."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

from fhir_mapping.context.cues import Lexicon
from fhir_mapping.context.marks import (
    ALL,
    CLAUSE,
    COMMA,
    HARD,
    PERSON,
    SEMICOLON,
    VALUE,
    CueMarks,
    CuePlace,
)
from fhir_mapping.context.phrases import Cue, Phrases
from fhir_mapping.context.tokens import Token

__all__ = ["Scopes"]

_STATEMENT = HARD | SEMICOLON | ALL | CLAUSE
_ENDS = {
    "hypothetical": HARD | SEMICOLON | ALL,
    "family": _STATEMENT | PERSON,
    "other": _STATEMENT | PERSON,
}
_LINE = HARD | ALL | CLAUSE
"""A cue with a colon ("Denies:") reaches across semicolons."""
_BACK = _STATEMENT | VALUE
_CARER_WITHIN = 5
"""How many tokens before a worry it is looked for whose it is. Ours."""


class Scopes:
    """The reaches of the cues of one text, by effect. Every table is made when first asked for."""

    def __init__(self, found: Sequence[Token], low: str, marks: CueMarks, lexicon: Lexicon) -> None:
        self._found, self._low, self._marks, self._lexicon = found, low, marks, lexicon
        self._keys = [token.key for token in found]
        self._ahead: dict[int, list[int]] = {}
        self._behind: dict[int, list[int]] = {}
        self._changes: dict[str, list[int]] = {}
        self._begun = self._asserted_ahead = self._asserted_behind = None  # type: list[int] | None

    def by_effect(self) -> dict[str, list[bool]]:
        """For each effect that any cue has, whether each token is under it."""
        postfix = self._postfix_signs()
        for place in self._marks.cues:
            for cue in self._sided(place, postfix):
                if cue.after:
                    start = place.start if cue.covers else place.end
                    end = self._end_of(cue, place)
                    if cue.observed and self._is_by_carer(place.start):
                        self._spare_observed(cue.effect, start, end)
                    else:
                        self._reach(cue, start, end)
                else:
                    self._reach(cue, self._start_of(cue, place), place.start)
        return {e: [n > 0 for n in accumulate(c[:-1])] for e, c in self._changes.items()}

    def cover(self, effect: str, start: int, end: int) -> None:
        """Puts the tokens from `start` to before `end` under an effect."""
        changes = self._changes.get(effect)
        if changes is None:
            changes = self._changes[effect] = [0] * (len(self._keys) + 1)
        changes[start] += 1
        changes[end] -= 1

    def _reach(self, cue: Cue, start: int, end: int) -> None:
        if start >= end or (cue.unless_onset and self._has_onset(start, end)):
            return
        self.cover(cue.effect, start, end)

    # --- what a carer sees ---

    def _is_by_carer(self, at: int) -> bool:
        """Whether somebody who looks after the patient stands shortly before this token."""
        for before in range(at - 1, max(at - _CARER_WITHIN, 0) - 1, -1):
            if self._keys[before] in self._lexicon.carers:
                return True
            if self._is_end(before):
                return False
        return False

    def _spare_observed(self, effect: str, start: int, end: int) -> None:
        """Covers the items of a list, but for those that can be seen ("fast breathing")."""
        first = start
        for at in range(start, end + 1):
            if at == end or self._separates(at):
                said = self._lexicon.observed.intersection(self._keys[first:at])
                if not said or not self._lexicon.inferred.isdisjoint(self._keys[first:at]):
                    self.cover(effect, first, at)
                first = at + 1

    # --- onwards ---

    def _end_of(self, cue: Cue, place: CuePlace) -> int:
        start = place.end
        ends = _ENDS.get(cue.effect, _STATEMENT)
        if self._keys[start : start + 1] == [":"]:
            ends = _LINE
        if cue.to_comma:
            ends |= COMMA
        end = self._next(ends)[start]
        if cue.items:
            end = min(end, self._next_asserting()[start])
        return self._within(start, end, cue.words) if cue.words else end

    def _within(self, start: int, end: int, words: int) -> int:
        """Where so many words from `start` end."""
        for at in range(start, end):
            if self._keys[at][0].isalnum():
                words -= 1
                if words < 0:
                    return at
        return end

    def _next(self, kinds: int) -> list[int]:
        """For each token the first end of these kinds at or after it."""
        known = self._ahead.get(kinds)
        if known is None:
            known = [len(self._keys)] * (len(self._keys) + 1)
            for at in range(len(self._keys) - 1, -1, -1):
                known[at] = at if self._marks.ends[at] & kinds else known[at + 1]
            self._ahead[kinds] = known
        return known

    # --- backwards ---

    def _start_of(self, cue: Cue, place: CuePlace) -> int:
        at = place.start
        start = self._last(_BACK)[at]
        comma = self._last(_BACK | COMMA)[at]
        if comma == at and at > 0 and self._marks.ends[at - 1] & COMMA:
            comma = self._last(_BACK | COMMA)[at - 1]  # "headache, now resolved"
        listed = cue.lists or self._keys[comma : comma + 1] in (["and"], ["or"])
        return max(start, self._last_asserting()[at]) if listed else comma

    def _last(self, kinds: int) -> list[int]:
        """For each token the first one after the last end of these kinds before it."""
        known = self._behind.get(kinds)
        if known is None:
            known = [0] * (len(self._keys) + 1)
            for at, ends in enumerate(self._marks.ends):
                known[at + 1] = at + 1 if ends & kinds else known[at]
            self._behind[kinds] = known
        return known

    # --- which side ---

    def _sided(self, place: CuePlace, postfix: frozenset[int]) -> list[Cue]:
        """The cues of a place; of one that may reach either way, those of the way it does."""
        ways = {cue.after for cue in place.cues}
        if len(ways) < 2:
            return list(place.cues)
        if self._keys[place.start] == "(-)":
            back = place.start in postfix
        else:
            back = self._reaches_back(place)
        return [cue for cue in place.cues if cue.after is not back]

    def _reaches_back(self, place: CuePlace) -> bool:
        if self._is_end(place.end) or self._keys[place.end] in self._lexicon.tails:
            return True
        before = place.start - 1
        if before < 0 or self._is_end(before) or self._marks.used[before]:
            return False
        if not self._keys[before][0].isalpha() or self._keys[before] in self._lexicon.silent:
            return False
        return self._keys[place.start] in self._lexicon.back_between

    def _is_end(self, at: int) -> bool:
        return at >= len(self._keys) or bool(self._marks.ends[at]) or self._keys[at] in ")]"

    def _postfix_signs(self) -> frozenset[int]:
        """The "(-)" of sentences in which signs follow their findings: the last one ends it."""
        found, last, seen = set(), False, False
        for at in range(len(self._keys) - 1, -1, -1):
            if self._marks.ends[at] & (HARD | SEMICOLON):
                seen = False
            if self._keys[at] in ("(-)", "(+)"):
                last = last if seen else self._ends_sentence(at + 1)
                seen = True
                if last and self._keys[at] == "(-)":
                    found.add(at)
        return frozenset(found)

    def _ends_sentence(self, at: int) -> bool:
        return at >= len(self._keys) or bool(self._marks.ends[at] & (HARD | SEMICOLON | COMMA))

    # --- what asserts ---

    def _has_onset(self, start: int, end: int) -> bool:
        if self._begun is None:
            hits = (_is(self._lexicon.onset, self._keys, at) for at in range(len(self._keys)))
            self._begun = [0, *accumulate(hits)]
        return self._begun[end] > self._begun[start]

    def _asserts(self, at: int) -> bool:
        """Whether an assertion begins at this token: a phrase, or how an item of a list begins."""
        if _is(self._lexicon.asserting, self._keys, at):
            return True
        return at > 0 and self._separates(at - 1) and self._keys[at] in self._lexicon.openers

    def _separates(self, at: int) -> bool:
        return self._keys[at] in self._lexicon.separators

    def _next_asserting(self) -> list[int]:
        """For each token the first separator at or after it behind which an item asserts."""
        if self._asserted_ahead is None:
            size = len(self._keys)
            known, first, asserts, listed = [size] * (size + 1), size, False, False
            for at in range(size - 1, -1, -1):
                if self._marks.ends[at] & (HARD | SEMICOLON):
                    first, asserts, listed = size, False, False
                elif self._separates(at):
                    first = at if asserts and not listed else first
                    asserts = listed = False
                asserts = asserts or self._asserts(at)
                listed = listed or self._keys[at] in self._lexicon.disjunctions
                known[at] = first
            self._asserted_ahead = known
        return self._asserted_ahead

    def _last_asserting(self) -> list[int]:
        """For each token the first one after the last whole item before it that asserts."""
        if self._asserted_behind is None:
            known, last, asserts = [0], 0, False
            for at in range(len(self._keys)):
                if self._separates(at):
                    last = at + 1 if asserts else last
                    asserts = False
                asserts = asserts or self._asserts(at)
                known.append(last)
            self._asserted_behind = known
        return self._asserted_behind


def _is(phrases: Phrases, keys: Sequence[str], at: int) -> bool:
    return phrases.at(keys, at) is not None
