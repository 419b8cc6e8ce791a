"""Keys and words of the terminology, held in memory: what a look-up asks for many times.

A name that is no term is tried in many ways (other endings, all its parts, terms that hold all its
words), and most of these come to nothing. Asked of a file each costs a query; asked here some
microseconds. What a term says is read from the file only for the few that are wanted.
"""

from __future__ import annotations

import sqlite3
from array import array
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

__all__ = ["TermIndex", "WordKind", "read_index", "read_others"]

_FREQUENT = 2048
"""A word with at least so many terms keeps them as a set, for which joining costs least."""


@dataclass(frozen=True, slots=True)
class WordKind:
    """Whether the sources use a word for a part of the body, or for an organism."""

    site: bool
    organism: bool

    @property
    def anywhere(self) -> bool:
        """Whether it may stand beside many diseases."""
        return self.site or self.organism


@dataclass(frozen=True, slots=True)
class TermIndex:
    """`first` has the first term of a key, `more` the others of keys that have any, `terms` the key
    of a term by its number, `words` the kind of every word there is, and `holders` the terms that
    hold a word, shortest first. Numbers and strings, so that Python's garbage collector has
    nothing to walk through while a name is looked up."""

    first: Mapping[str, int]
    more: Mapping[str, tuple[int, ...]]
    terms: Sequence[str]
    words: Mapping[str, WordKind]
    holders: Mapping[str, array[int] | frozenset[int]]

    def of(self, key: str) -> tuple[int, ...]:
        """The terms with a key."""
        number = self.first.get(key)
        return () if number is None else (number, *self.more.get(key, ()))

    def holding(self, words: Iterable[str], limit: int) -> list[int]:
        """The first `limit` terms that hold all of the words, the shortest first."""
        found = sorted((self.holders.get(w, _NONE) for w in words), key=len)
        if not found:
            return []
        common = frozenset(found[0]).intersection(*found[1:])
        return sorted(common)[:limit]


_NONE: frozenset[int] = frozenset()


def read_index(db: sqlite3.Connection) -> TermIndex:
    """The index of a compiled file. Terms are numbered from 1, from the shortest to the longest.

    Raises sqlite3.Error."""
    kinds = {
        (site, organism): WordKind(bool(site), bool(organism))
        for site in (0, 1)
        for organism in (0, 1)
    }
    words = {w: kinds[s, o] for w, s, o in db.execute("SELECT word, site, organism FROM word")}
    terms = ["", *(k for (k,) in db.execute("SELECT key FROM term ORDER BY id"))]
    first: dict[str, int] = {}
    more: dict[str, tuple[int, ...]] = {}
    holders: dict[str, array[int]] = {w: array("I") for w in words}
    for number, key in enumerate(terms[1:], 1):
        if first.setdefault(key, number) != number:
            more[key] = (*more.get(key, ()), number)
        for word in key.split(" "):
            holders[word].append(number)
    joined = {w: frozenset(h) if len(h) >= _FREQUENT else h for w, h in holders.items()}
    return TermIndex(first, more, terms, words, joined)


def read_others(db: sqlite3.Connection) -> dict[str, tuple[str, str, str]]:
    """Key -> kind, code and heading of what is no disease. Raises sqlite3.Error."""
    same: dict[str, str] = {}
    rows = db.execute("SELECT key, kind, code, display FROM other")
    return {k: (same.setdefault(kind, kind), code, display) for k, kind, code, display in rows}
