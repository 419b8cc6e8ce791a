"""One SQLite file with everything the service looks up; the same inputs give the same bytes."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from pathlib import Path

from cds_hooks.plausibility.terminology.compiler.mesh_icd_links import term_key
from cds_hooks.plausibility.terminology.compiler.mesh_other_headings import OtherHeading, other_rows
from cds_hooks.plausibility.terminology.compiler.source_concepts import (
    IcdConcept,
    MeshConcept,
    SourceTerm,
)
from cds_hooks.plausibility.terminology.compiler.word_kinds import organism_words, site_words

__all__ = ["SCHEMA_VERSION", "DatabaseContent", "write_database", "write_text"]

SCHEMA_VERSION = "5"

_SCHEMA = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE chapter (number TEXT PRIMARY KEY, title TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE concept (id INTEGER PRIMARY KEY, system TEXT NOT NULL, code TEXT NOT NULL,
  display TEXT NOT NULL, parent TEXT, block TEXT NOT NULL, chapter TEXT NOT NULL,
  trees TEXT NOT NULL, link TEXT);
CREATE TABLE term (id INTEGER PRIMARY KEY, key TEXT NOT NULL, size INTEGER NOT NULL,
  concept INTEGER NOT NULL, rank INTEGER NOT NULL, text TEXT NOT NULL);
CREATE TABLE word (word TEXT PRIMARY KEY, terms INTEGER NOT NULL, site INTEGER NOT NULL,
  organism INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE other (key TEXT PRIMARY KEY, kind TEXT NOT NULL, code TEXT NOT NULL,
  display TEXT NOT NULL) WITHOUT ROWID;
"""
_INDEXES = """
CREATE UNIQUE INDEX concept_code ON concept (code);
"""


_Row = tuple[int, int, int, str, str]
"""Of a term: words in its key, rank, concept, key, text."""


@dataclass(frozen=True, slots=True)
class DatabaseContent:
    """What goes into the file: ICD-10-CM's concepts, MeSH's with those of the ontologies, the code
    of each descriptor that has one, what MeSH has besides diseases, and titles of chapters."""

    icd: Sequence[IcdConcept]
    mesh: Sequence[MeshConcept]
    linked: Mapping[str, str]
    others: Sequence[OtherHeading]
    chapters: Mapping[str, str]


def write_database(path: Path, content: DatabaseContent, meta: Mapping[str, str]) -> None:
    """Write the file beside `path` and put it in its place in one step. Raises OSError and
    sqlite3.Error; whatever happens, an old file stays whole."""
    part = path.with_name(f"{path.name}.part")
    part.unlink(missing_ok=True)
    try:
        connection = sqlite3.connect(part)
        try:
            _fill(connection, content, meta)
        finally:
            connection.close()
        _replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def write_text(path: Path, lines: Iterable[str]) -> None:
    """Write lines to `path` in one step."""
    part = path.with_name(f"{path.name}.part")
    part.write_text("".join(f"{line}\n" for line in lines), "utf-8")
    _replace(part, path)


def _replace(part: Path, path: Path) -> None:
    descriptor = os.open(part, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    part.replace(path)


def _fill(db: sqlite3.Connection, content: DatabaseContent, meta: Mapping[str, str]) -> None:
    db.executescript("PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; PRAGMA page_size=4096;")
    db.executescript(_SCHEMA)
    with db:
        db.executemany("INSERT INTO meta VALUES (?, ?)", sorted(meta.items()))
        db.executemany("INSERT INTO chapter VALUES (?, ?)", sorted(content.chapters.items()))
        terms = _concepts(db, content)
        _terms(db, terms)
        _words(db, content)
        _others(db, content.others, {k for *_, k, _ in terms})
    db.executescript(_INDEXES)
    db.executescript("VACUUM;")


def _concepts(db: sqlite3.Connection, content: DatabaseContent) -> list[_Row]:
    """Write the concepts; the rows of their terms."""
    terms: list[_Row] = []
    for number, one in enumerate(content.icd):
        row = (number, "icd", one.code, one.display, one.parent, one.block, one.chapter, "")
        db.execute("INSERT INTO concept VALUES (?,?,?,?,?,?,?,?,NULL)", row)
        terms += _rows(number, one.terms)
    for number, descriptor in enumerate(content.mesh, len(content.icd)):
        start = (number, descriptor.system, descriptor.code, descriptor.display, None, "", "")
        end = (" ".join(descriptor.trees), content.linked.get(descriptor.code))
        db.execute("INSERT INTO concept VALUES (?,?,?,?,?,?,?,?,?)", (*start, *end))
        terms += _rows(number, descriptor.terms)
    return terms


def _rows(concept: int, terms: Sequence[SourceTerm]) -> list[_Row]:
    """One row a key: the most direct text that has it."""
    best: dict[str, SourceTerm] = {}
    for term in sorted(terms, key=lambda t: t.rank):
        best.setdefault(term_key(term.text), term)
    return [(k.count(" ") + 1, t.rank, concept, k, t.text) for k, t in best.items() if k]


def _terms(db: sqlite3.Connection, rows: list[_Row]) -> None:
    """Numbered from the shortest to the longest, so that the terms with the lowest numbers are the
    ones that say least besides."""
    for number, (size, rank, concept, k, text) in enumerate(sorted(rows), 1):
        values = (number, k, size, concept, rank, text)
        db.execute("INSERT INTO term VALUES (?,?,?,?,?,?)", values)


def _words(db: sqlite3.Connection, content: DatabaseContent) -> None:
    sites = site_words(content.icd)
    organisms = organism_words(content.icd, content.mesh, content.others)
    counts: dict[str, int] = {}
    for (k,) in db.execute("SELECT key FROM term"):
        for word in k.split(" "):
            counts[word] = counts.get(word, 0) + 1
    rows = ((w, n, w in sites, w in organisms) for w, n in sorted(counts.items()))
    db.executemany("INSERT INTO word VALUES (?, ?, ?, ?)", rows)


def _others(db: sqlite3.Connection, others: Sequence[OtherHeading], taken: Set[str]) -> None:
    db.executemany("INSERT INTO other VALUES (?, ?, ?, ?)", other_rows(others, taken))
