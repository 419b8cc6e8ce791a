"""Findings that are named by what is lacking: which denials are none (`tables/lacks.toml`)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from fhir_mapping.context.phrases import Phrases
from fhir_mapping.context.tokens import keys_of
from fhir_mapping.tables import table

__all__ = ["Lacks", "lacks"]

_MOST_MODIFIERS = 4
_FARTHEST = 6
"""How many tokens may stand between what is lacking and a cue behind it. Ours."""

_OF = frozenset(("of", "de", "du", "des"))
_STOPS = frozenset(".!?;\n\u2022|\u3002")


@dataclass(frozen=True, slots=True)
class Lacks:
    """The table, compiled; methods take the keys of a text and places among them."""

    nouns: Phrases
    functions: Phrases
    surpassing: Phrases
    of: frozenset[str]
    not_before: frozenset[str]
    verbs: frozenset[str]
    modifiers: frozenset[str]
    followers: frozenset[str]
    separators: frozenset[str]
    disjunctions: frozenset[str]
    troubles: frozenset[str]
    denials: frozenset[str]
    values: frozenset[tuple[str, ...]]
    never: frozenset[str]
    negators: frozenset[str]

    def end_of(self, keys: Sequence[str], at: int) -> int:
        """Where what is lacking ends that is named from here ("urine or stool"), or 0."""
        end = self._noun(keys, at)
        while end:
            if end >= len(keys) or keys[end] not in self.separators:
                return end if self._may_follow(keys, end) else 0
            following = self._noun(keys, end + 1)
            if not following:
                return 0 if self._troubles(keys, end) else end
            end = following
        return 0

    def goes_on(self, keys: Sequence[str], at: int) -> bool:
        """Whether a list goes on from here as a denial does, with an "or"."""
        if at >= len(keys) or keys[at] != ",":
            return False
        for place in range(at, len(keys)):
            if keys[place] in _STOPS:
                return False
            if keys[place] in self.disjunctions:
                return True
        return False

    def is_function(self, keys: Sequence[str], at: int) -> bool:
        """Whether a function is named here that somebody lacks ("eating", "herself")."""
        match = self.functions.at(keys, at) if at < len(keys) else None
        if match is None:
            return False
        end = at + match.size
        return end >= len(keys) or keys[end] not in self.not_before

    def is_before(self, keys: Sequence[str], at: int, ends: Sequence[int]) -> bool:
        """Whether the part of a sentence that ends here begins with what is lacking."""
        start = at
        while start > max(at - _FARTHEST, 0) and not ends[start - 1] and keys[start - 1] != "-":
            start -= 1
            if keys[start] in self.verbs:
                return True
        begins = start == 0 or ends[start - 1] or keys[start - 1] in self.separators
        end = self._noun(keys, start) if begins else 0
        return bool(end) and end <= at and (end == at or keys[end] in self.followers)

    def is_answer(self, question: str, text: str) -> bool:
        """Whether a question and its answer tell that a thing is lacking ("Pulse: absent")."""
        if keys_of(text.lower(), frozenset()) not in self.values:
            return False
        keys = keys_of(question.lower().rstrip("? "), frozenset())
        end = self._noun(keys, 0)
        return bool(end) and self._may_follow(keys, end)

    def is_surpassed(self, keys: Sequence[str], at: int) -> bool:
        """Whether a "never" is said of how bad it is ("never had such pain")."""
        for place in range(at, len(keys)):
            if keys[place] in _STOPS or keys[place] == ",":
                return False
            if self.surpassing.at(keys, place) is not None:
                return True
        return False

    def _noun(self, keys: Sequence[str], at: int) -> int:
        """The end of a word for what is lacking, with what stands before it, or 0."""
        for start in range(at, min(at + _MOST_MODIFIERS + 1, len(keys))):
            match = self.nouns.at(keys, start)
            if match is not None:
                return start + match.size
            if keys[start] not in self.modifiers:
                return 0
        return 0

    def _may_follow(self, keys: Sequence[str], end: int) -> bool:
        if end >= len(keys):
            return True
        key = keys[end]
        if key in _OF:
            return keys[end - 1] in self.of
        return key in self.followers if key[0].isalpha() else key not in ("-", "'")

    def _troubles(self, keys: Sequence[str], at: int) -> bool:
        for place in range(at, len(keys)):
            if keys[place] in _STOPS:
                return False
            if keys[place] in self.troubles:
                return True
        return False


@cache
def lacks() -> Lacks:
    """The shipped table, compiled."""
    raw = table("lacks")
    around: dict[str, Any] = raw["around"]
    return Lacks(
        nouns=_phrases(raw["nouns"]["words"]),
        functions=_phrases(raw["functions"]["words"]),
        surpassing=_phrases(raw["surpassed"]["phrases"]),
        of=frozenset(raw["nouns"]["of"]),
        not_before=frozenset(raw["functions"]["not_before"]),
        verbs=frozenset(raw["functions"]["before"]),
        modifiers=frozenset(around["modifiers"]),
        followers=frozenset(around["followers"]),
        separators=frozenset(around["separators"]),
        disjunctions=frozenset(table("context")["asserting"]["disjunctions"]),
        troubles=frozenset(around["troubles"]),
        denials=frozenset(raw["denials"]["words"]),
        values=frozenset(keys_of(said, frozenset()) for said in raw["values"]["words"]),
        never=frozenset(raw["surpassed"]["first"]),
        negators=frozenset(raw["functions"]["after"]),
    )


def _phrases(words: Iterable[str]) -> Phrases:
    found = Phrases()
    for phrase in words:
        found.add(keys_of(phrase, frozenset()))
    return found
