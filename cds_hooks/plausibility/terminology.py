"""Looking a diagnosis up in ICD-10-CM, MeSH and the Disease Ontology, without ever guessing.

Never by likeness of letters: similarity scores put "glorbitis" beside glossitis and "septic
shock" beside "severe sepsis without septic shock". A name is found by its words or not at all:
the whole name, then the name without certainty, laterality, severity and acuity, then terms
that hold all its words, then its longest part that is a name.
"""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path

from cds_hooks.plausibility.choosing import StoredParents
from cds_hooks.plausibility.hierarchy import chain
from cds_hooks.plausibility.keys import expand, normalise, tables, words
from cds_hooks.plausibility.matching import Matcher
from cds_hooks.plausibility.resolution import Concept, Resolution, Status
from cds_hooks.plausibility.rewriting import indexed, rewritten
from cds_hooks.plausibility.store import TermStore

__all__ = ["Terminology"]

_CACHED_NAMES = 2048
_MAX_CHARS = 300
_STAGE = re.compile(r"\b(?:stage|grade)\s+(?:\d|[IV]{1,3})[A-Ca-c]?\b", re.IGNORECASE)
_BRACKETS = re.compile(r"\s*[(\[][^()\[\]]*[)\]]")


class Terminology:
    """The compiled terminology of `python -m cds_hooks.plausibility.compile`; threads may share it.

    Raises TerminologyError when the file is missing, damaged or of another version.
    """

    def __init__(self, path: Path | str) -> None:
        self._store = TermStore(Path(path), {"words.version": tables().version})
        self._matcher = Matcher(self._store)
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
        return chain(found.code, StoredParents(self._store)) if found else []

    def chapter_title(self, number: str) -> str:
        """The title of an ICD-10-CM chapter."""
        return self._store.chapter_title(number)

    def _lookup(self, name: str) -> Resolution:
        """As `resolve`, but only the name as written: cheap, for long lists of recorded names."""
        found = self._matcher.exact(name, normalise(words(name[:_MAX_CHARS])))
        return self._indexed(name, found or Resolution(name, Status.NOT_FOUND))

    def _resolve(self, name: str) -> Resolution:
        """Look a name up. Any text is accepted; what has no words is not found."""
        return self._indexed(name, self._found(name, name[:_MAX_CHARS]))

    def _indexed(self, name: str, found: Resolution) -> Resolution:
        """With the code that ICD-10-CM's Index gives the name, or the heading it was found under,
        where the Index decides otherwise than the words of the titles."""
        headings = () if found.icd or not found.exact else (c.display for c in found.concepts)
        codes = (indexed(words(_BRACKETS.sub(" ", n))) for n in (name[:_MAX_CHARS], *headings))
        concept = self._store.concept(next(filter(None, codes), ""))
        if concept is None:
            return found
        others = tuple(c for c in found.concepts if c.system != concept.system)
        keep = others if found.exact else ()
        return Resolution(name, Status.EXACT, (concept, *keep), found.matched or concept.display)

    def _found(self, name: str, text: str) -> Resolution:
        for reading in _readings(text):
            found = self._matcher.whole(name, words(reading))
            if found:
                return found
        return self._rewritten(name, words(_plain(text)))

    def _rewritten(self, name: str, written: list[str]) -> Resolution:
        """The name's parts, as written or else as it may be written otherwise."""
        others = list(rewritten(written, self._store.known_words))
        for other in others:
            found = self._matcher.whole(name, other)
            if found:
                return found
        answers = [self._matcher.parts(name, w) for w in (written, *others)]
        return next((a for a in answers if a.recognised), answers[0])


def _readings(text: str) -> list[str]:
    """The text as written, without what stands in brackets, and with abbreviations written out."""
    outside, plain = _BRACKETS.sub(" ", text), _plain(text)
    swapped = " ".join(tables().swaps.get(w, w) for w in plain.lower().split())
    tried = [text, outside, plain] + ([swapped] if swapped != plain.lower() else [])
    return list(dict.fromkeys(tried))


def _plain(text: str) -> str:
    return _STAGE.sub(" ", expand(_BRACKETS.sub(" ", text)))
