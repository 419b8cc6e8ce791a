"""Which ICD-10-CM code a MeSH descriptor stands for, where the two share a name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cache

from cds_hooks.plausibility.terminology.compiler.source_concepts import IcdConcept, MeshConcept
from cds_hooks.plausibility.terminology.icd_hierarchy import Parents, common_code
from cds_hooks.plausibility.terminology.name_keys import key, key_words
from cds_hooks.plausibility.terminology.term_ranks import NOTE, PREFERRED

__all__ = ["KeyIndex", "index_icd", "link", "term_key"]

_NARROWER = frozenset(
    {"acute", "benign", "chronic", "congenital", "inclusion", "juvenile", "malignant", "newborn"}
    | {"nonobstructive", "obstructive", "rheumatic", "secondary", "traumatic"}
)
"""Words of an entry term that say more than the heading it stands under."""

KeyIndex = Mapping[str, Mapping[str, int]]
"""Key -> code -> the best rank with which a term of that code has this key."""


@cache
def term_key(text: str) -> str:
    """The key of a term's text."""
    return key(key_words(text))


def index_icd(concepts: Iterable[IcdConcept]) -> KeyIndex:
    """Every key of every ICD-10-CM term."""
    found: dict[str, dict[str, int]] = {}
    for concept in concepts:
        for term in concept.terms:
            codes = found.setdefault(term_key(term.text), {})
            codes[concept.code] = min(term.rank, codes.get(concept.code, term.rank))
    return found


def link(
    mesh: Sequence[MeshConcept], icd: KeyIndex, parents: Parents, *, wide: bool = False
) -> dict[str, str]:
    """Descriptor id -> ICD-10-CM code. By the heading; failing that by the entry terms, when
    all that match agree on one category. What stays ambiguous is not linked, nor is an entry term
    that narrows the heading ("congenital", "benign"), or one that a code only includes while its
    title is another heading ("stenosis of aorta" stands under the coarctation, which the stenosis
    of the valve is not), unless `wide` links are asked for."""
    headings = {term_key(c.terms[0].text): c.code for c in mesh}
    titles = _titles(icd)
    found: dict[str, str] = {}
    for concept in mesh:
        keys = list(dict.fromkeys(term_key(t.text) for t in concept.terms))
        own = best(icd, keys[:1])
        entries = keys[1:] if wide else [k for k in keys[1:] if not _narrows(k, keys[0])]
        code = common_code(own or best(icd, entries), parents)
        if code is not None and (own or wide or not _another(code, keys, titles, headings)):
            found[concept.code] = code
    return found


def _narrows(entry: str, heading: str) -> bool:
    return not _NARROWER.isdisjoint(set(entry.split(" ")).difference(heading.split(" ")))


def _titles(icd: KeyIndex) -> Mapping[str, set[str]]:
    """Code -> the keys of its own title."""
    found: dict[str, set[str]] = {}
    for k, codes in icd.items():
        for code, rank in codes.items():
            if rank == PREFERRED:
                found.setdefault(code, set()).add(k)
    return found


def _another(
    code: str, keys: Sequence[str], titles: Mapping[str, set[str]], headings: Mapping[str, str]
) -> bool:
    """Whether the title of a code is a heading, and none of these terms."""
    own = titles.get(code, set())
    return not own & set(keys) and any(k in headings for k in own)


def best(icd: KeyIndex, keys: Iterable[str]) -> set[str]:
    """For each key the codes that own it most directly; a reference in a note is no ownership."""
    found: set[str] = set()
    for k in keys:
        codes = {c: rank for c, rank in icd.get(k, {}).items() if rank < NOTE}
        found |= {c for c, rank in codes.items() if rank == min(codes.values())}
    return found
