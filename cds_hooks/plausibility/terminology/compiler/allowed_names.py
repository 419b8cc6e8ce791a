"""The names a model may write when its diagnoses are bound to the terminology.

The rule, in order. A concept is taken when it is a MeSH disease (C) or mental disorder (F03);
not only a pathological process (C23); not a sign or symptom (C23.888, unless ICD-10-CM has a
code of that name outside its symptom chapter); not a disease of animals or of experiments; and
not general: at most `MAX_BELOW` descriptors below it in the tree, or `MAX_BELOW_LINKED` when
ICD-10-CM has a code of that very name. Of its entry terms those without comma, bracket or
plural end are readable. The heading's own words come first, then terms that ICD-10-CM has too,
then shorter ones; one term a key, at most `PER_CONCEPT`. Names are in sentence case with the
capitals that ICD-10-CM gives eponyms and acronyms, and each resolves to its own descriptor.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from cds_hooks.plausibility.terminology.compiler.mesh_icd_links import KeyIndex, term_key
from cds_hooks.plausibility.terminology.compiler.source_concepts import IcdConcept, MeshConcept
from cds_hooks.plausibility.terminology.name_keys import stem, tables, words

__all__ = ["Capitals", "capitals", "keys_of", "pick_names"]

PER_CONCEPT = 3
MAX_BELOW = 6
MAX_BELOW_LINKED = 20
MAX_WORDS = 6
MAX_CHARS = 48
MIN_CHARS = 4

_READABLE = re.compile(r"[a-z][a-z0-9' -]*[a-z0-9](?<!ou)$", re.IGNORECASE)
_TOKEN = re.compile(r"[A-Za-z][A-Za-z']*")
_VAGUE = frozenset(
    {"abnormality", "condition", "disease", "disorder", "finding", "process", "state"}
)
_NOT_HUMAN = frozenset(
    {"animal", "avian", "bovine", "canine", "cattle", "duck", "enzootic", "equine"}
    | {"experimental", "feline", "goat", "horse", "mink", "mouse", "murine", "ovine"}
    | {"porcine", "poultry", "rodent", "sheep", "simian", "swine"}
)
_NOT_LAST = frozenset({"and", "by", "due", "for", "in", "of", "or", "the", "to", "type", "with"})

Capitals = Mapping[str, str]
"""Lower-case word -> how ICD-10-CM writes it inside a title ("crohn" -> "Crohn")."""


def capitals(icd: Iterable[IcdConcept]) -> Capitals:
    """Words that ICD-10-CM capitalises inside titles and never writes in lower case."""
    upper: dict[str, str] = {}
    lower: set[str] = set()
    for concept in icd:
        for term in concept.terms:
            for i, word in enumerate(_TOKEN.findall(term.text)):
                bare = word.removesuffix("'s")
                if bare.islower():
                    lower.add(bare)
                elif i > 0 and len(bare) > 1:
                    upper.setdefault(bare.lower(), bare)
    return {k: v for k, v in upper.items() if k not in lower}


def pick_names(
    mesh: Sequence[MeshConcept], linked: Mapping[str, str], icd: KeyIndex, caps: Capitals
) -> dict[str, str]:
    """Name -> descriptor id, for every name a model may write."""
    below = _below(mesh)
    owners = keys_of(mesh)
    found: dict[str, str] = {}
    for concept in mesh:
        if _wanted(concept, below[concept.code], linked.get(concept.code)):
            for text in _terms(concept, owners, icd):
                found.setdefault(_write(text, caps), concept.code)
    return found


def _wanted(concept: MeshConcept, below: int, code: str | None) -> bool:
    """Whether a concept is a human disease, and specific enough to be a diagnosis."""
    coded = code is not None and not code.startswith("R")
    if _NOT_HUMAN & set(words(concept.display)) or (code is not None and not coded):
        return False
    if all(t.startswith(("C23", "F01")) for t in concept.trees):
        return False
    symptom = any(t.startswith("C23.888") for t in concept.trees)
    shallow = all(t.count(".") < 2 for t in concept.trees)
    if (symptom or shallow) and not coded:
        return False
    return below <= (MAX_BELOW_LINKED if coded else MAX_BELOW)


def _below(mesh: Sequence[MeshConcept]) -> dict[str, int]:
    """Descriptors strictly below each descriptor."""
    under: dict[str, set[str]] = {}
    for concept in mesh:
        for tree in concept.trees:
            parts = tree.split(".")
            for i in range(1, len(parts)):
                under.setdefault(".".join(parts[:i]), set()).add(concept.code)
    return {c.code: len(set().union(*(under.get(t, set()) for t in c.trees))) for c in mesh}


def keys_of(mesh: Sequence[MeshConcept]) -> dict[str, set[str]]:
    """Every key of every heading, with the headings that have it."""
    owners: dict[str, set[str]] = {}
    for concept in mesh:
        for term in concept.terms:
            owners.setdefault(term_key(term.text), set()).add(concept.code)
    return owners


def _terms(concept: MeshConcept, owners: Mapping[str, set[str]], icd: KeyIndex) -> list[str]:
    heading = term_key(concept.display)
    by_key: dict[str, str] = {}
    for text in sorted((t.text for t in concept.terms), key=_cost):
        k = term_key(text)
        if _readable(text) and owners[k] == {concept.code}:
            by_key.setdefault(k, text)
    order = sorted(by_key, key=lambda k: (k != heading, k not in icd, *_cost(by_key[k])))
    return [by_key[k] for k in order[:PER_CONCEPT]]


def _cost(text: str) -> tuple[bool, int, bool, str]:
    """Singular before plural, short before long, hyphens before their loss, then by letters."""
    return _plural(text), len(text), "-" not in text, text.lower()


def _plural(text: str) -> bool:
    last = words(text)[-1:]
    return bool(last) and last[0].endswith(("s", "e")) and stem(last[0]) != last[0]


def _readable(text: str) -> bool:
    found = words(text)
    return (
        _READABLE.match(text) is not None
        and MIN_CHARS <= len(text) <= MAX_CHARS
        and len(found) <= MAX_WORDS
        and found[-1] not in _NOT_LAST
        and not text.lower().startswith("a-")  # an alpha that lost its Greek
        and not set(found) <= _VAGUE
        and not set(found) & _NOT_HUMAN
        and not _plural(text)
    )


def _write(text: str, caps: Capitals) -> str:
    """Sentence case, with the capitals of eponyms and acronyms."""
    lowered = _TOKEN.sub(lambda m: _capital(m.group(), caps), text)
    return lowered[0].upper() + lowered[1:]


def _capital(word: str, caps: Capitals) -> str:
    bare = word.lower().removesuffix("'s")
    if len(bare) == 1 or (bare.upper() in tables().expansions and bare not in caps):
        return word.upper()
    return caps.get(bare, bare) + word[len(bare) :].lower()
