"""The cues of `tables/context.toml`, made ready to be found in a text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from itertools import product
from typing import Any

from fhir_mapping.context.lacks import Lacks, lacks
from fhir_mapping.context.phrases import Cue, Phrases
from fhir_mapping.context.tokens import keys_of
from fhir_mapping.tables import table

__all__ = ["Lexicon", "denial_ends", "lexicon"]


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
    carers: frozenset[str]
    observed: frozenset[str]
    inferred: frozenset[str]
    numbers: frozenset[str]
    lacks: Lacks


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
        carers=frozenset(raw["worries"]["carers"]),
        observed=frozenset(raw["worries"]["observed"]),
        inferred=frozenset(raw["worries"]["inferred"]),
        numbers=numbers,
        lacks=lacks(),
    )


@cache
def denial_ends() -> frozenset[str]:
    """The last words of phrases that deny what follows."""
    rows = table("context")["cues"]
    onwards = (r for r in rows if r["effect"] == "absent" and r["reach"] == "after")
    return frozenset(phrase.split()[-1] for row in onwards for phrase in row["phrases"])


def _phrases(raw: dict[str, Any], numbers: frozenset[str]) -> Phrases:
    found = Phrases()
    denials, never, negators = lacks().denials, lacks().never, lacks().negators
    for cue, phrase in _cues(raw):
        keys = keys_of(phrase, numbers)
        match = found.add(keys)
        match.cues.append(cue)
        if cue.effect in ("absent", "resolved") and denials.isdisjoint(keys):
            match.may_lack = True
            match.never = not never.isdisjoint(keys)
            match.negates = any(k in negators or k.endswith("n't") for k in keys)
    roles = {f"end-{name}": phrases for name, phrases in raw["terminators"].items()}
    _give_roles(found, {**roles, "pseudo": _pseudo(raw)}, numbers)
    for match in found:
        match.precompute()
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
            row.get("to_comma", False),
        )
        for phrase in row["phrases"]:
            yield cue, phrase
    yield from _relatives(raw["relatives"])
    for who, has in product(raw["german_deaths"]["of"], raw["german_deaths"]["has"]):
        yield Cue("family", after=True), f"{who} {has}"
    yield from _worries(raw["worries"])


def _worries(raw: dict[str, Any]) -> Iterator[tuple[Cue, str]]:
    """Worried about something, or that somebody has it."""
    cue = Cue("uncertain", after=True, words=8, observed=True)
    for who, about in product(raw["worried"], raw["about"]):
        yield cue, f"{who} {about}"
    for who, that, has in product(raw["worried"], raw["that"], raw["has"]):
        yield cue, f"{who} {that} {has}".replace("  ", " ")


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
    for whose in raw["genitive"]:
        yield Cue("family", after=False), whose


def _pseudo(raw: dict[str, Any]) -> Iterator[str]:
    yield from raw["pseudo"]["phrases"]
    people = raw["relatives"]
    yield from people["not_relatives"]
    for told, whose in product(people["telling"], people["genitive"]):
        yield f"{told} {whose}"
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
