"""Phrases by the keys of their words, and what each of them is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

__all__ = ["Cue", "PhraseMatch", "Phrases"]


@dataclass(frozen=True, slots=True)
class Cue:
    """One effect of a phrase. `words` of 0 reaches to the end of the sentence.

    `observed`: it is said by somebody who looks after the patient, of what can be seen.
    """

    effect: str
    after: bool
    words: int = 0
    items: bool = False
    lists: bool = False
    unless_onset: bool = False
    covers: bool = False
    to_comma: bool = False
    observed: bool = False


@dataclass(slots=True)
class PhraseMatch:
    """All that one phrase is: its cues, or what else it is ("all", "clause", "asserting" ...).

    `may_lack`: it may be said of what is lacking; `never`: or of how bad it is; `negates`: or of
    what somebody does not do.
    """

    size: int
    cues: list[Cue] = field(default_factory=list)
    roles: set[str] = field(default_factory=set)
    may_lack: bool = False
    never: bool = False
    negates: bool = False
    onwards: tuple[Cue, ...] = ()
    both_ways: bool = False
    begins: bool = False

    def precompute(self) -> None:
        """Works out once what is asked of every phrase that is found: its cues that reach onwards,
        and whether it begins a statement of its own behind a comma ("worried", "unable to")."""
        self.onwards = tuple(cue for cue in self.cues if cue.after)
        self.both_ways = len(self.onwards) < len(self.cues)
        self.begins = {"pseudo", "end-clause"} <= self.roles or any(c.observed for c in self.cues)


class _Node(dict[str, "_Node"]):
    """The phrases that go on with each next key; `match` if one ends here."""

    match: PhraseMatch | None = None


class Phrases:
    """Phrases by their keys; the longest that stands at a token is the one that counts."""

    def __init__(self) -> None:
        self._root = _Node()

    def __iter__(self) -> Iterator[PhraseMatch]:
        waiting = [self._root]
        while waiting:
            node = waiting.pop()
            waiting += node.values()
            if node.match is not None:
                yield node.match

    @property
    def firsts(self) -> frozenset[str]:
        """The keys with which a phrase begins."""
        return frozenset(self._root)

    def add(self, keys: tuple[str, ...]) -> PhraseMatch:
        node = self._root
        for key in keys:
            node = node.setdefault(key, _Node())
        if node.match is None:
            node.match = PhraseMatch(len(keys))
        return node.match

    def at(self, keys: Sequence[str], place: int) -> PhraseMatch | None:
        """The longest phrase that begins at this token."""
        node = self._root.get(keys[place])
        found = None
        while node is not None:
            if node.match is not None:
                found = node.match
            place += 1
            node = node.get(keys[place]) if place < len(keys) else None
        return found
