"""Looking a diagnosis up in ICD-10-CM, MeSH and disease ontologies, without ever guessing.

Never by likeness of letters: similarity scores put "glorbitis" beside glossitis and "septic
shock" beside "severe sepsis without septic shock". A name is found by its words or not at all:
the whole name, then the name without certainty, laterality, severity and acuity, then terms
that hold all its words, then its longest part that is a name.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

from cds_hooks.plausibility.terminology.concept_choice import StoredParents
from cds_hooks.plausibility.terminology.icd_hierarchy import chain
from cds_hooks.plausibility.terminology.matching import NameMatcher
from cds_hooks.plausibility.terminology.name_keys import expand, key_words, normalise, tables, words
from cds_hooks.plausibility.terminology.name_variants import charted, indexed, meant, rewritten
from cds_hooks.plausibility.terminology.non_diagnoses import (
    KnownVocabulary,
    NonDiagnosis,
    NonDiagnosisKind,
    non_diagnosis_of,
)
from cds_hooks.plausibility.terminology.resolution import (
    DISEASE_ONTOLOGY,
    ICD_10_CM,
    MONDO,
    CodeOption,
    Concept,
    MatchStatus,
    Resolution,
)
from cds_hooks.plausibility.terminology.term_store import TermStore

__all__ = ["Terminology"]

_CACHED_NAMES = 2048
_MAX_CHARS = 300
_SHORT = 3
_WITH_AXES = frozenset({"2", "7", "8", "13", "15", "19"})
"""Chapters of ICD-10-CM that tell sides, intents or trimesters apart."""

_AXES = re.compile(
    r"\b(?:accidental|intentional|assault|undetermined|left|right|bilateral|first trimester"
    r"|second trimester|third trimester)\b",
    re.IGNORECASE,
)
_ACUTE = re.compile(r"^\s*(?:sub|hyper)?acute\s+", re.IGNORECASE)
_UNINDEXED = frozenset({"left", "right", "bilateral", "mild", "moderate", "severe", "new", "onset"})
_ENCOUNTERS = "21"
_NO_DISEASE = frozenset(
    {
        NonDiagnosisKind.PROCEDURE,
        NonDiagnosisKind.SUBSTANCE,
        NonDiagnosisKind.ORGANISM,
        NonDiagnosisKind.NORMAL,
    }
)
_STAGE = re.compile(
    r"\b(?:stage|grade)\s+(?:\d|[IV]{1,3})[A-Ca-c]?\b|\bG[1-5][ab]?\b", re.IGNORECASE
)
_SHORT_FORM = re.compile(r"\s*[A-Za-z0-9-]{2,6}\s*\(([^()]+)\)\s*$")
_BRACKETS = re.compile(r"\s*[(\[][^()\[\]]*[)\]]")


class Terminology:
    """The compiled terminology; threads may share it.

    `python -m cds_hooks.plausibility.terminology.compiler` writes the file. Raises TerminologyError
    when the file is missing, damaged or of another version.
    """

    def __init__(self, path: Path | str) -> None:
        self._store = TermStore(Path(path), {"words.version": tables().version})
        self._matcher = NameMatcher(self._store)
        self._vocabulary = KnownVocabulary(self._store.others, self._knows)
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
        return self._indexed(name, found or Resolution(name, MatchStatus.NOT_FOUND))

    def _resolve(self, name: str) -> Resolution:
        """Look a name up. Any text is accepted; what has no words is not found."""
        text = name[:_MAX_CHARS]
        found = self._indexed(name, self._found(name, text))
        if found.longer and not _is_encounter(found) and self._is_other(text):
            found = Resolution(name, MatchStatus.NOT_FOUND, uncovered=tuple(key_words(text)))
        if not found.recognised:
            told = non_diagnosis_of(words(_plain(text)), self._vocabulary)
            return replace(found, other=None if _has_noun_of(found, told) else told)
        coded = not _only_in_ontologies(found) or bool(found.options)
        return self._said(text, found) if coded else self._with_code(name, text, found)

    def _said(self, text: str, found: Resolution) -> Resolution:
        """With the nearest wider code where the code says an intent, a side or a trimester that
        the name does not: whether a poisoning was an accident only the chart knows."""
        if not found.exact:
            return found
        said = f"{text} {found.matched}".lower()
        return replace(found, concepts=tuple(self._without_unsaid(c, said) for c in found.concepts))

    def _without_unsaid(self, concept: Concept, said: str) -> Concept:
        while concept.parent and concept.chapter in _WITH_AXES:
            axes = {m.group().lower() for m in _AXES.finditer(concept.display)}
            wider = self._store.concept(concept.parent)
            if wider is None or all(axis in said for axis in axes):
                break
            concept = wider
        return concept

    def _is_other(self, text: str) -> bool:
        """Whether a name that only a longer term holds is a test, a drug or the like by itself:
        an "MRI brain" is no "MRI defined brain infarct"."""
        told = non_diagnosis_of(words(_plain(text)), self._vocabulary)
        return told is not None and told.kind in _NO_DISEASE

    def _with_code(self, name: str, text: str, found: Resolution) -> Resolution:
        """Of a name that only an ontology has, also the ICD-10-CM code of what it is a kind of."""
        wider = self._matcher.parts(name, words(_plain(text)), longer=True)
        wider = self._wider_indexed(wider) if wider.qualifiers else wider
        if not (wider.recognised and wider.icd):
            return found
        return replace(wider, concepts=(*wider.icd, *found.concepts))

    def _knows(self, wanted: Sequence[str]) -> bool:
        """Whether every word is known, a prefix before a known word taken for known."""
        left = set(wanted) - self._store.known_words(wanted).keys()
        left = {_without_prefix(w) for w in left - self._store.known_elsewhere(left)}
        left -= self._store.known_words(sorted(left)).keys()
        return left <= self._store.known_elsewhere(left)

    def _indexed(self, name: str, found: Resolution) -> Resolution:
        """With the code that ICD-10-CM's Index gives the name, or the heading it was found under,
        where the Index decides otherwise than the words of the titles."""
        headings = () if found.icd or not found.exact else (c.display for c in found.concepts)
        bare = (found.matched,) if found.exact and found.stripped else ()
        tried = (*_index_forms(name[:_MAX_CHARS]), *bare, *headings)
        if not found.recognised:  # of what is found, "acute" is a part
            tried = (*tried, _ACUTE.sub("", expand(name[:_MAX_CHARS])))
        told, options = self._first_charted(tried)
        told = told or self._first_indexed(tried)
        options = options or (_one_each(told) if len(told) > 1 else ())
        if not told and not options:
            return self._wider_indexed(found) if found.qualifiers else found
        others = tuple(c for c in found.concepts if c.system != ICD_10_CM)
        codes = told or tuple(o.concept for o in options)
        matched = found.matched or (codes[0].display if told else name)
        if len(codes) == 1:
            keep = others if found.exact else ()
            return Resolution(name, MatchStatus.EXACT, (*codes, *keep), matched, options=options)
        if found.exact and others:  # the code would need the chart, the name does not
            return replace(found, concepts=others, options=options)
        return Resolution(name, MatchStatus.AMBIGUOUS, (*codes, *others), matched, options=options)

    def _first_charted(
        self, names: Iterable[str]
    ) -> tuple[tuple[Concept, ...], tuple[CodeOption, ...]]:
        """Of the first of the names of which the chart tells the code: the code without a chart
        that tells it, if there is one, and those that it chooses from."""
        rows = (charted(words(_BRACKETS.sub(" ", n))) for n in names)
        pairs = next(filter(None, rows), ())
        found = [(w, c) for w, code in pairs if (c := self._store.concept(code)) is not None]
        default = tuple(c for when, c in found if not when)
        return default, tuple(CodeOption(when, c) for when, c in found if when)

    def _wider_indexed(self, found: Resolution) -> Resolution:
        """A kind of something, with the code that the Index gives that something."""
        headings = () if found.icd else (found.matched, *(c.display for c in found.concepts))
        told = self._first_indexed(headings)
        return replace(found, concepts=(*told, *found.concepts)) if len(told) == 1 else found

    def _first_indexed(self, names: Iterable[str]) -> tuple[Concept, ...]:
        """The concepts that the Index gives the first of the names that it has."""
        told = (indexed(words(_BRACKETS.sub(" ", n))) for n in names)
        codes = next(filter(None, told), [])
        return tuple(c for c in map(self._store.concept, codes) if c is not None)

    def _found(self, name: str, text: str) -> Resolution:
        for reading in _readings(text):
            found = self._matcher.whole(name, words(reading))
            if found and _only_in_ontologies(found):
                return self._meant(name, text) or found
            if found:
                return found
        return self._meant(name, text) or self._rewritten(name, words(_plain(text)))

    def _meant(self, name: str, text: str) -> Resolution | None:
        """The name that people mean by this one, by the shipped table."""
        said = meant(words(_plain(text)))
        return self._matcher.whole(name, said) if said else None

    def _rewritten(self, name: str, written: list[str]) -> Resolution:
        """The name's parts, as written or else as it may be written otherwise."""
        others = list(rewritten(written, self._store.known_words))
        for reading in others:
            found = self._matcher.whole(name, reading)
            if found:
                return found
        answers = [self._matcher.parts(name, w) for w in (written, *others)]
        return next((a for a in answers if a.recognised), answers[0])


def _index_forms(text: str) -> tuple[str, ...]:
    """The name as the Index may have it: written out, as people mean it, and without side and
    degree."""
    out = expand(text)
    said, swapped = " ".join(meant(words(_plain(text)))), _swapped(_plain(text))
    bare = " ".join(w for w in words(out) if w not in _UNINDEXED)
    return tuple(dict.fromkeys(filter(None, (out, text, said, swapped, bare))))


def _swapped(plain: str) -> str:
    return " ".join(tables().swaps.get(w, w) for w in plain.lower().split())


def _one_each(codes: Sequence[Concept]) -> tuple[CodeOption, ...]:
    """Codes among which a recorded problem of the same category decides, or of the same code where
    they are of one category."""
    distinct = len({c.category for c in codes}) == len(codes)
    return tuple(CodeOption(c.category if distinct else c.code, c) for c in codes)


def _has_noun_of(found: Resolution, told: NonDiagnosis | None) -> bool:
    """Whether the part that is a diagnosis has the very word that is a test or a treatment
    elsewhere: the dissection of an aorta is no dissection by a surgeon."""
    if told is None or not found.concepts or not told.display:
        return False
    return set(key_words(told.display)) <= set(key_words(found.matched))


def _is_encounter(found: Resolution) -> bool:
    """Whether it is a reason for an encounter that is no disease: a check-up, aftercare."""
    return bool(found.icd) and all(c.chapter == _ENCOUNTERS for c in found.icd)


def _only_in_ontologies(found: Resolution) -> bool:
    return found.exact and all(c.system in (DISEASE_ONTOLOGY, MONDO) for c in found.concepts)


def _without_prefix(word: str) -> str:
    prefix = next((p for p in tables().prefixes if word.startswith(p)), "")
    return word.removeprefix(prefix) if len(word) - len(prefix) > _SHORT else word


def _readings(text: str) -> list[str]:
    """The text as written, without what stands in brackets, and with abbreviations written out."""
    outside, plain = _BRACKETS.sub(" ", text), _plain(text)
    swapped = _swapped(plain)
    tried = [text, outside, plain] + ([swapped] if swapped != plain.lower() else [])
    if (said := _SHORT_FORM.match(text)) is not None:  # "UA (unstable angina)"
        tried.append(said.group(1))
    # "CAP" is a pneumonia, whatever else has this acronym.
    if {text.strip(), text.strip().removesuffix("s")} & tables().expansions.keys():
        tried.insert(0, plain)
    return list(dict.fromkeys(tried))


def _plain(text: str) -> str:
    return _STAGE.sub(" ", expand(_BRACKETS.sub(" ", text)))
