"""What a name is that is no diagnosis: a drug, an organism, a test, a part of the body, a process.

Asked only of names that are not found as a diagnosis. Nothing here makes a name a diagnosis: it
says what was written in the place of one. Every word has to be known, and no letters are compared.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache

from cds_hooks.plausibility.data_files import read_toml
from cds_hooks.plausibility.terminology.name_keys import key, normalise, stem, tables

__all__ = [
    "NonDiagnosisKind",
    "NamedHeadings",
    "NonDiagnosis",
    "KnownVocabulary",
    "non_diagnosis_of",
]

_LONGEST_HEAD = 4


class NonDiagnosisKind(StrEnum):
    """What else a name may be; the value is how it is said."""

    ORGANISM = "an organism"
    PROCEDURE = "a test or a treatment"
    SUBSTANCE = "a drug or a substance"
    ANATOMY = "a part of the body"
    BEHAVIOR = "a behavior"
    PROCESS = "a process of the body"
    NORMAL = "a normal state"
    CHANGE = "a change in a substance or a process of the body"


@dataclass(frozen=True, slots=True)
class NonDiagnosis:
    """What a name is instead of a diagnosis: its kind, and MeSH's heading, if it is one."""

    kind: NonDiagnosisKind
    code: str = ""
    display: str = ""


NamedHeadings = Callable[[Iterable[str]], Mapping[str, NonDiagnosis]]
"""Of keys those that a heading besides the diseases has."""


@dataclass(frozen=True, slots=True)
class KnownVocabulary:
    """What is known: headings by key, and of words those that any source has."""

    named: NamedHeadings
    known: Callable[[Sequence[str]], bool]


@dataclass(frozen=True, slots=True)
class _Tables:
    about: frozenset[str]
    change: frozenset[str]
    normal: frozenset[str]
    procedure: frozenset[str]
    substance: frozenset[str]
    prepositions: frozenset[str]


@cache
def _tables() -> _Tables:
    raw = read_toml("others.toml")
    stemmed = ("about", "change", "normal", "procedure", "substance")
    lists = {k: frozenset(stem(w) for w in raw[k]) for k in stemmed}
    return _Tables(**lists, prepositions=frozenset(raw["prepositions"]))


def non_diagnosis_of(written: Sequence[str], vocabulary: KnownVocabulary) -> NonDiagnosis | None:
    """What a name of these words is, as a whole, by its parts, or by its main noun."""
    found = normalise(written)
    if not found:
        return None
    return (
        vocabulary.named([key(found)]).get(key(found))
        or _listed(written, vocabulary)
        or _normal(found, vocabulary)
        or _by_noun(written, found, vocabulary)
    )


def _listed(written: Sequence[str], vocabulary: KnownVocabulary) -> NonDiagnosis | None:
    """Several things one after the other, each known: "rifampin, isoniazid and ethambutol"; or one
    with words about it: "high dose oral prednisone"."""
    parts = [p for p in map(_bare, _parts(written)) if p]
    named = vocabulary.named([key(p) for p in parts])
    each = [named.get(key(p)) or _drug(p) or _one_by_one(p, vocabulary) for p in parts]
    if not each or None in each:
        return None
    changed = not _tables().change.isdisjoint(normalise(written))
    return _changed(each[0]) if changed else each[0]


def _changed(one: NonDiagnosis | None) -> NonDiagnosis | None:
    """Too much, too little or a defect of something: no drug that somebody takes."""
    inner = one and one.kind in {
        NonDiagnosisKind.SUBSTANCE,
        NonDiagnosisKind.PROCESS,
        NonDiagnosisKind.ANATOMY,
    }
    return NonDiagnosis(NonDiagnosisKind.CHANGE, one.code, one.display) if one and inner else None


def _parts(written: Sequence[str]) -> list[list[str]]:
    found: list[list[str]] = [[]]
    for word in written:
        if word in {"and", "or", "with", "plus"}:
            found.append([])
        else:
            found[-1].append(word)
    return found


def _bare(part: Sequence[str]) -> list[str]:
    gone = _tables().about | _tables().change | _tables().prepositions
    return [w for w in normalise(part) if w not in gone]


def _one_by_one(part: Sequence[str], vocabulary: KnownVocabulary) -> NonDiagnosis | None:
    """Names that only commas held apart, of one kind."""
    named = vocabulary.named(part)
    each = [named.get(w) or _drug([w]) for w in part]
    kinds = {o.kind for o in each if o}
    return (
        each[0] if len(part) > 1 and all(each) and kinds == {NonDiagnosisKind.SUBSTANCE} else None
    )


def _drug(part: Sequence[str]) -> NonDiagnosis | None:
    """A word that ends as the names of drugs do."""
    one = len(part) == 1 and len(part[0]) > _LONGEST_HEAD + 3
    return (
        NonDiagnosis(NonDiagnosisKind.SUBSTANCE)
        if one and part[0].endswith(tables().drug_endings)
        else None
    )


def _normal(found: Sequence[str], vocabulary: KnownVocabulary) -> NonDiagnosis | None:
    """A name that says of known things that they are as they should be."""
    rest = found[1:]
    says = found[0] in _tables().normal and rest and vocabulary.known(rest)
    return NonDiagnosis(NonDiagnosisKind.NORMAL) if says else None


def _by_noun(
    written: Sequence[str], found: Sequence[str], vocabulary: KnownVocabulary
) -> NonDiagnosis | None:
    """By the noun before the first preposition, when every other word is known: "Anti-desmosome
    antibodies" are antibodies, an "MRI of the sacroiliac joint" is an MRI."""
    at = next((i for i, w in enumerate(written) if i and w in _tables().prepositions), len(written))
    head = normalise(written[:at])
    orders = _tables().procedure | _tables().prepositions
    rest = [w for w in found if w not in orders]
    if not head or not vocabulary.known(rest):
        return None
    if {head[0], head[-1]} & _tables().procedure:
        return NonDiagnosis(NonDiagnosisKind.PROCEDURE)
    ends = [key(head[-size:]) for size in range(min(len(head), _LONGEST_HEAD), 0, -1)]
    named = vocabulary.named(ends) if len(found) > 1 else {}
    hit = next((named[k] for k in ends if k in named), None)
    if hit and hit.kind in {NonDiagnosisKind.PROCEDURE, NonDiagnosisKind.SUBSTANCE}:
        return hit
    named_so = len(found) > 1 and {head[0], head[-1]} & _tables().substance
    return NonDiagnosis(NonDiagnosisKind.SUBSTANCE) if named_so else None
