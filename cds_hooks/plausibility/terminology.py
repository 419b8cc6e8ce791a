"""Looking a diagnosis up in ICD-10-CM and MeSH, without ever guessing.

Never by likeness of letters: similarity scores put "glorbitis" beside glossitis and "septic
shock" beside "severe sepsis without septic shock". A name is found by its words or not at all:
the whole name, then the name without certainty, laterality, severity and acuity, then terms
that hold all its words, then its longest part that is a name.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from pathlib import Path

from cds_hooks.plausibility.hierarchy import chain, common_code
from cds_hooks.plausibility.keys import key, normalise, strip_groups, tables, words
from cds_hooks.plausibility.resolution import (
    ICD_10_CM,
    Concept,
    Resolution,
    Status,
)
from cds_hooks.plausibility.store import Hit, TermStore

__all__ = ["Terminology"]

_CACHED_NAMES = 2048
_MAX_CHARS = 300
_MAX_CONCEPTS = 8
_SPAN_WORDS = 12
_EXTRA_WORDS = 4
_BRACKETS = re.compile(r"\s*[(\[][^()\[\]]*[)\]]")


class Terminology:
    """The compiled terminology of `python -m cds_hooks.plausibility.compile`; threads may share it.

    Raises TerminologyError when the file is missing, damaged or of another version.
    """

    def __init__(self, path: Path | str) -> None:
        self._store = TermStore(Path(path))
        self.resolve = lru_cache(maxsize=_CACHED_NAMES)(self._resolve)
        self.lookup = lru_cache(maxsize=_CACHED_NAMES)(self._lookup)

    def __enter__(self) -> Terminology:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._store.close()

    @property
    def versions(self) -> dict[str, str]:
        """Sources with versions, licences and digests, as the compiler recorded them."""
        return dict(self._store.meta)

    def concept(self, code: str) -> Concept | None:
        """The concept with this ICD-10-CM code or MeSH descriptor id; an ICD-10-CM code longer
        than the tabular list's (a seventh character) gives the nearest listed one above it."""
        code = code.strip().upper()
        found = self._store.concept(code)
        while found is None and "." in code:
            code = code[:-1].rstrip(".")
            found = self._store.concept(code)
        return found

    def ancestors(self, code: str) -> list[str]:
        """An ICD-10-CM code and everything above it up to its category."""
        found = self.concept(code)
        return chain(found.code, _Parents(self._store)) if found else []

    def chapter_title(self, number: str) -> str:
        """The title of an ICD-10-CM chapter."""
        return self._store.chapter_title(number)

    def _lookup(self, name: str) -> Resolution:
        """As `resolve`, but only the name as written: cheap, for long lists of recorded names."""
        found = normalise(words(name[:_MAX_CHARS]))
        return self._exact(name, found, ()) or Resolution(name, Status.NOT_FOUND)

    def _resolve(self, name: str) -> Resolution:
        """Look a name up. Any text is accepted; what has no words is not found."""
        text = name[:_MAX_CHARS]
        written = words(text)
        whole = normalise(written)
        if not whole:
            return Resolution(name, Status.NOT_FOUND)
        outside = normalise(words(_BRACKETS.sub(" ", text)))
        found = self._exact(name, whole, ()) or (
            self._exact(name, outside, ()) if outside != whole else None
        )
        base = written if outside == whole or not outside else words(_BRACKETS.sub(" ", text))
        return found or self._without_modifiers(name, base) or self._parts(name, base)

    def _without_modifiers(self, name: str, written: list[str]) -> Resolution | None:
        kept, gone = written, []
        for _, group in strip_groups():
            left = [w for w in kept if w not in group]
            if left and len(left) < len(kept):
                gone += [w for w in kept if w in group]
                kept = left
                found = self._exact(name, normalise(kept), tuple(gone))
                if found:
                    return found
        return None

    def _parts(self, name: str, written: list[str]) -> Resolution:
        certainty = strip_groups()[0][1]
        kept = normalise(w for w in written if w not in certainty)
        known = self._store.known_words(kept) if kept else set()
        unknown = tuple(w for w in kept if w not in known)
        if unknown or not kept:
            return Resolution(name, Status.NOT_FOUND, unknown=unknown)
        return (
            self._all_words(name, kept)
            or self._longest_span(name, kept)
            or Resolution(name, Status.NOT_FOUND, uncovered=tuple(kept))
        )

    def _exact(self, name: str, found: list[str], gone: tuple[str, ...]) -> Resolution | None:
        hits = self._store.by_keys([key(found)]) if found else []
        return self._answer(name, Status.EXACT, hits, stripped=gone) if hits else None

    def _all_words(self, name: str, found: list[str]) -> Resolution | None:
        wanted = set(found)
        if len(wanted) < 2:
            return None
        turning = tables().turning - wanted
        hits = [
            h
            for h in self._store.by_words(sorted(wanted), 40)
            if h.size <= len(wanted) + _EXTRA_WORDS and not turning & set(h.key.split(" "))
        ]
        if not hits:
            return None
        shortest = [h for h in hits if h.size == hits[0].size]
        return self._answer(name, Status.PARTIAL, shortest)

    def _longest_span(self, name: str, found: list[str]) -> Resolution | None:
        found = found[:_SPAN_WORDS]
        spans = _spans(found)
        hits = self._store.by_keys(list(spans))
        if not hits:
            return None
        best = max(hits, key=lambda h: (h.size, spans[h.key]))
        same = [h for h in hits if h.key == best.key]
        covered = set(best.key.split(" "))
        left = tuple(w for w in found if w not in covered)
        return self._answer(name, Status.PARTIAL, same, uncovered=left)

    def _answer(
        self,
        name: str,
        status: Status,
        hits: Sequence[Hit],
        *,
        stripped: tuple[str, ...] = (),
        uncovered: tuple[str, ...] = (),
    ) -> Resolution:
        concepts, sure = self._choose(hits)
        return Resolution(
            name=name,
            status=status if sure else Status.AMBIGUOUS,
            concepts=concepts[:_MAX_CONCEPTS],
            matched=min(hits, key=lambda h: (h.rank, len(h.text), h.text)).text,
            stripped=stripped,
            uncovered=uncovered,
        )

    def _choose(self, hits: Sequence[Hit]) -> tuple[tuple[Concept, ...], bool]:
        """The concepts that stand for the hits, and whether they are one."""
        icd = _direct(h for h in hits if h.concept.system == ICD_10_CM)
        mesh = _direct(h for h in hits if h.concept.system != ICD_10_CM)
        links = {c.link for c in mesh.values() if c.link}
        code = common_code(icd.keys() or links, _Parents(self._store))
        if code is None and len(links) == 1 and links & icd.keys():
            code = next(iter(links))
        found = self._store.concept(code) if code else None
        others = tuple(icd[c] for c in sorted(icd)) if found is None else (found,)
        sure = len(others) + (len(mesh) if not others else 0) == 1
        return (*others, *(mesh[c] for c in sorted(mesh))), sure


class _Parents:
    """Code -> parent code, read when asked for."""

    def __init__(self, store: TermStore) -> None:

        self._store = store

    def get(self, code: str, /) -> str | None:
        found = self._store.concept(code)
        return found.parent if found else None


def _direct(hits: Iterable[Hit]) -> dict[str, Concept]:
    """Concepts whose terms match most directly, by code."""
    found = list(hits)
    best = min((h.rank for h in found), default=0)
    return {h.concept.code: h.concept for h in found if h.rank == best}


def _spans(found: list[str]) -> dict[str, int]:
    """Keys of all runs of words shorter than the whole, with where they end."""
    size = len(found)
    return {
        key(found[i:j]): j
        for i in range(size)
        for j in range(i + 1, size + 1)
        if j - i < size and (j - i > 1 or len(found[i]) > 3)
    }
