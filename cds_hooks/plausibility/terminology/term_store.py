"""The compiled terminology file, read only: rows in, concepts out."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from cds_hooks.errors import ChartsideError
from cds_hooks.plausibility.terminology.non_diagnoses import NonDiagnosis, NonDiagnosisKind
from cds_hooks.plausibility.terminology.resolution import (
    DISEASE_ONTOLOGY,
    ICD_10_CM,
    MESH,
    MONDO,
    Concept,
)
from cds_hooks.plausibility.terminology.term_index import WordKind, read_index, read_others

__all__ = ["TermHit", "TermStore", "TerminologyError", "WordKind"]

_SCHEMA_VERSION = "5"
_CACHE_KIB = 4096
_SYSTEMS = {"icd": ICD_10_CM, "mesh": MESH, "doid": DISEASE_ONTOLOGY, "mondo": MONDO}
_COLUMNS = "c.system, c.code, c.display, c.parent, c.block, c.chapter, c.trees, c.link"


class TerminologyError(ChartsideError):
    """The terminology file is missing, damaged or of another version."""

    code = "terminology-unavailable"
    status = 503


@dataclass(frozen=True, slots=True)
class TermHit:
    """A term that matched: its key, text, rank (0 best) and concept."""

    key: str
    size: int
    rank: int
    text: str
    concept: Concept


class TermStore:
    """One read-only connection shared by all threads under a lock, and an index in memory."""

    def __init__(self, path: Path, expected: Mapping[str, str]) -> None:
        """Open the file; `expected` are entries its `meta` table must have."""
        if not path.is_file():
            raise TerminologyError(
                "the terminology file is missing", where=str(path), hint="`make setup` makes it."
            )
        self._lock = threading.Lock()
        uri = f"{path.resolve().as_uri()}?mode=ro&immutable=1"
        self._db = sqlite3.connect(uri, uri=True, check_same_thread=False)
        self.concept = lru_cache(maxsize=4096)(self._concept)
        try:
            self._db.execute(f"PRAGMA cache_size=-{_CACHE_KIB}")
            self.meta = dict(self._db.execute("SELECT key, value FROM meta"))
            self._check({"schema.version": _SCHEMA_VERSION, **expected}, path)
            self._index = read_index(self._db)
            self._others = read_others(self._db)
            self._other_words = frozenset(w for k in self._others for w in k.split(" "))
        except sqlite3.Error as error:
            self._db.close()
            raise TerminologyError(
                "the terminology file is damaged",
                where=path.name,
                hint="Delete it, run `make setup`.",
            ) from error

    def _check(self, wanted: Mapping[str, str], path: Path) -> None:
        if any(self.meta.get(k) != v for k, v in wanted.items()):
            self._db.close()
            raise TerminologyError(
                "the terminology file has another version",
                where=path.name,
                hint="Run `make setup`.",
            )

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._db.close()

    def by_keys(self, keys: Iterable[str]) -> list[TermHit]:
        """Every term with one of these keys."""
        return self.terms(number for k in dict.fromkeys(keys) for number in self._index.of(k))

    def known_keys(self, keys: Iterable[str]) -> list[str]:
        """Those of the keys that a term has."""
        return [k for k in keys if k in self._index.first]

    def holding(self, words: Iterable[str], limit: int) -> list[tuple[int, list[str]]]:
        """The first `limit` terms that hold all of these words, the shortest first: number and
        words of each."""
        index = self._index
        return [(n, index.terms[n].split(" ")) for n in index.holding(words, limit)]

    def terms(self, numbers: Iterable[int]) -> list[TermHit]:
        """The terms of these numbers, in the order of their numbers."""
        wanted = tuple(numbers)
        if not wanted:
            return []
        marks = ",".join("?" * len(wanted))
        return self._hits(
            f"SELECT t.key, t.size, t.rank, t.text, {_COLUMNS} FROM term t "  # noqa: S608
            f"JOIN concept c ON c.id = t.concept WHERE t.id IN ({marks}) ORDER BY t.id",
            wanted,
        )

    def known_words(self, words: Iterable[str]) -> dict[str, WordKind]:
        """Those of the words that occur in any term, with what kind of word they are."""
        known = self._index.words
        return {w: known[w] for w in words if w in known}

    def others(self, keys: Iterable[str]) -> dict[str, NonDiagnosis]:
        """Those of the keys that are a heading besides the diseases."""
        held = self._others
        return {
            k: NonDiagnosis(NonDiagnosisKind(held[k][0]), *held[k][1:]) for k in keys if k in held
        }

    def known_elsewhere(self, words: Iterable[str]) -> set[str]:
        """Those of the words that occur in headings besides the diseases."""
        return set(self._other_words.intersection(words))

    def _concept(self, code: str) -> Concept | None:
        query = f"SELECT {_COLUMNS} FROM concept c WHERE c.code = ?"  # noqa: S608  constant
        rows = self._rows(query, (code,))
        return _concept(rows[0]) if rows else None

    def chapter_title(self, number: str) -> str:
        """The title of an ICD-10-CM chapter, "" when there is none."""
        rows = self._rows("SELECT title FROM chapter WHERE number = ?", (number,))
        return str(rows[0][0]) if rows else ""

    def _hits(self, query: str, values: Sequence[str | int]) -> list[TermHit]:
        return [
            TermHit(key, size, rank, text, _concept(rest))
            for key, size, rank, text, *rest in self._rows(query, values)
        ]

    def _rows(self, query: str, values: Sequence[str | int]) -> list[tuple[Any, ...]]:
        with self._lock:
            return self._db.execute(query, tuple(values)).fetchall()


def _concept(row: Sequence[Any]) -> Concept:
    system, code, display, parent, block, chapter, trees, link = row
    numbers = tuple(trees.split())
    return Concept(_SYSTEMS[system], code, display, parent, block, chapter, numbers, link)
