"""The cues of `tables/context.toml`, made ready to be found in a text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import product
from typing import Any

from fhir_mapping.context.tokens import keys_of
from fhir_mapping.tables import table

__all__ = ["Cue", "Lexicon", "Match", "Phrases", "lexicon"]


@dataclass(frozen=True, slots=True)
class Cue:
    """One effect of a phrase. `words` of 0 reaches to the end of the sentence."""

    effect: str
    after: bool
    words: int = 0
    items: bool = False
    lists: bool = False
    unless_onset: bool = False
    covers: bool = False


@dataclass(slots=True)
class Match:
    """All that one phrase is: its cues, or what else it is ("all", "clause", "asserting" ...)."""

    size: int
    cues: list[Cue] = field(default_factory=list)
    roles: set[str] = field(default_factory=set)


class _Node(dict[str, "_Node"]):
    """The phrases that go on with each next key; `match` if one ends here."""

    match: Match | None = None


class Phrases:
    """Phrases by their keys; the longest that stands at a token is the one that counts."""

    def __init__(self) -> None:
        self._root = _Node()

    @property
    def firsts(self) -> frozenset[str]:
        """The keys with which a phrase begins."""
        return frozenset(self._root)

    def add(self, keys: tuple[str, ...]) -> Match:
        node = self._root
        for key in keys:
            node = node.setdefault(key, _Node())
        if node.match is None:
            node.match = Match(len(keys))
        return node.match

    def at(self, keys: Sequence[str], place: int) -> Match | None:
        """The longest phrase that begins at this token."""
        node = self._root.get(keys[place])
        found = None
        while node is not None:
            if node.match is not None:
                found = node.match
            place += 1
            node = node.get(keys[place]) if place < len(keys) else None
        return found


@dataclass(frozen=True, slots=True)
class Lexicon:
    """`phrases` are cues, pseudo-cues and terminators, `firsts` the keys with which they begin; the
    rest is looked up where it is needed."""

    phrases: Phrases
    firsts: frozenset[str]
    values: Phrases
    asserting: Phrases
    onset: Phrases
    openers: frozenset[str]
    disjunctions: frozenset[str]
    separators: frozenset[str]
    silent: frozenset[str]
    tails: frozenset[str]
    back_between: frozenset[str]
    numbers: frozenset[str]


@cache
def lexicon() -> Lexicon:
    """The shipped table, compiled."""
    raw = table("context")
    numbers = frozenset(raw["numbers"]["words"])
    phrases = _phrases(raw, numbers)
    return Lexicon(
        phrases=phrases,
        firsts=phrases.firsts,
        values=_with_roles({role: raw["values"][role] for role in ("deny", "affirm")}, numbers),
        asserting=_with_roles({"asserting": raw["asserting"]["phrases"]}, numbers),
        onset=_with_roles({"onset": raw["onset"]["phrases"]}, numbers),
        openers=frozenset(raw["asserting"]["openers"]),
        disjunctions=frozenset(raw["asserting"]["disjunctions"]),
        separators=frozenset(raw["asserting"]["separators"]),
        silent=frozenset(raw["silent"]["words"]),
        tails=frozenset(raw["between"]["tails"]),
        back_between=frozenset(raw["between"]["before"]),
        numbers=numbers,
    )


def _phrases(raw: dict[str, Any], numbers: frozenset[str]) -> Phrases:
    found = Phrases()
    for cue, phrase in _cues(raw):
        found.add(keys_of(phrase, numbers)).cues.append(cue)
    roles = {f"end-{name}": phrases for name, phrases in raw["terminators"].items()}
    _give_roles(found, {**roles, "pseudo": _pseudo(raw)}, numbers)
    return found


def _cues(raw: dict[str, Any]) -> Iterator[tuple[Cue, str]]:
    for row in raw["cues"]:
        cue = Cue(
            row["effect"],
            row["reach"] == "after",
            row.get("words", 0),
            row.get("items", False),
            row.get("lists", False),
            row.get("unless_onset", False),
            row.get("covers", False),
        )
        for phrase in row["phrases"]:
            yield cue, phrase
    yield from _relatives(raw["relatives"])
    for who, has in product(raw["german_deaths"]["of"], raw["german_deaths"]["has"]):
        yield Cue("family", after=True), f"{who} {has}"


def _relatives(raw: dict[str, Any]) -> Iterator[tuple[Cue, str]]:
    """A relative who has something, and something in a relative."""
    for effect in ("family", "other"):
        onwards, back = Cue(effect, after=True), Cue(effect, after=False, lists=True)
        for who, has in product(raw[effect], raw["has"]):
            yield onwards, f"{who} {has}"
        for who, before in product(raw[effect], raw["before"]):
            yield back, f"{before} {who}"
        for who in raw[effect]:
            yield back, f"( {who} )"
            yield Cue(effect, after=True, words=4), f"{who}'s"
            yield onwards, f"maternal {who}"
            yield onwards, f"paternal {who}"


def _pseudo(raw: dict[str, Any]) -> Iterator[str]:
    yield from raw["pseudo"]["phrases"]
    people = raw["relatives"]
    yield from people["not_relatives"]
    everybody = [*people["family"], *people["other"]]
    for who, has, tells in product(everybody, ("has", "had", "have"), people["tells"]):
        yield f"{who} {has} {tells}"


def _with_roles(roles: dict[str, Iterable[str]], numbers: frozenset[str]) -> Phrases:
    found = Phrases()
    _give_roles(found, roles, numbers)
    return found


def _give_roles(found: Phrases, roles: dict[str, Iterable[str]], numbers: frozenset[str]) -> None:
    for role, phrases in roles.items():
        for phrase in phrases:
            found.add(keys_of(phrase, numbers)).roles.add(role)
