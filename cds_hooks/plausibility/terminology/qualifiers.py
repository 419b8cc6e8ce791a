"""Which words may stand beside the name of a disease without making it another, unknown one.

"Pancreatic adenocarcinoma" is an adenocarcinoma of a site, "pseudomonas keratitis" a keratitis
of a cause; "viral osteoporosis" is neither: a disease that MeSH does not put among infections
has no organism. The sites and organisms are words that ICD-10-CM and MeSH use as such.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from cds_hooks.plausibility.terminology.name_keys import strip_groups, tables
from cds_hooks.plausibility.terminology.resolution import ICD_10_CM, Concept
from cds_hooks.plausibility.terminology.term_index import WordKind

__all__ = ["DRUG", "ORGANISM", "SITE", "is_species", "qualifies", "read_word", "without_form"]

DRUG = WordKind(site=False, organism=False)
"""A word that no term has but that ends like a drug's name."""

SITE = WordKind(site=True, organism=False)
"""A part of the body that no title of a neoplasm or an injury names."""

ORGANISM = WordKind(site=False, organism=True)
"""The species of a genus that terms name ("Campylobacter jejuni")."""

_SPECIES = re.compile(r"[a-z]{3,}(?:i|is|us|um|ens|ans|a|ae|e)$")

_BITES = frozenset({"bite", "sting"})
_OPEN = re.compile(
    r"sepsis|unspecified organism|infection, unspecified|gastroenteritis", re.IGNORECASE
)
"""Titles of the chapter of infections that leave the organism open."""

_LEVEL = re.compile(r"[clst]\d{1,2}$")
"""A level of the spine: C5, L4, S1."""


def qualifies(
    left: Sequence[str],
    found: Sequence[str],
    known: Mapping[str, WordKind],
    concepts: Sequence[Concept],
    name: str,
) -> bool:
    """Whether every word left over beside a disease may qualify it.

    `found` are all words of the name in order, `name` the key of the disease among them.
    """
    table = tables().qualifiers
    poisoned = "poisoning" in name.split(" ")
    course = table["form"] | table["tail"] | _modifiers()
    common = not table["sited"].isdisjoint(name.split(" "))
    placed = _within if common else _wholly_within
    anywhere = placed(concepts, table["anywhere"]) or _chapter(concepts, "19")
    infectious = (
        _within(concepts, table["infectious"])
        or _chapter(concepts, "1")
        or any(w.endswith("itis") for w in name.split(" "))
    )
    named = table["kinds"] if _of_one_organism(concepts, name, known) else frozenset()
    sited = len({w for w in found if _organ(w, known)}) > 1 and not _chapter(concepts, "19")
    bite = not _BITES.isdisjoint(name.split(" "))
    return all(
        (word in course and _may_run(word, found))
        or _before_agent(word, found, table["agent"])
        or (poisoned and not known[word].anywhere)
        or (anywhere and _site(word, known) and not (sited and _organ(word, known)))
        or (infectious and word not in named and _organism(word, found, known))
        or (bite and word in table["animals"])
        for word in left
    )


def _site(word: str, known: Mapping[str, WordKind]) -> bool:
    """A part of the body, or a level of the spine."""
    named = known[word].site or word in tables().qualifiers["sites"]
    return named or _LEVEL.match(word) is not None


def _organ(word: str, known: Mapping[str, WordKind]) -> bool:
    """A part of the body that lies in no other: no stomach has an eye."""
    return word in known and known[word].site and word not in tables().qualifiers["within"]


def _of_one_organism(concepts: Sequence[Concept], name: str, known: Mapping[str, WordKind]) -> bool:
    """Whether a disease has its organism already: scarlet fever, an Entamoeba infection."""
    if any(known[w].organism for w in name.split(" ") if w in known):
        return True
    told = [c for c in concepts if c.system == ICD_10_CM and c.chapter == "1"]
    return bool(told) and not any(_OPEN.search(c.display) for c in told)


def _modifiers() -> frozenset[str]:
    return frozenset().union(*(words for _, words in strip_groups()))


def without_form(found: Sequence[str]) -> list[str]:
    """The words of a name without those for its course and without named agents."""
    table = tables().qualifiers
    gone = table["form"] | _modifiers()
    return [
        w
        for w in found
        if not (w in gone and _may_run(w, found)) and not _before_agent(w, found, table["agent"])
    ]


def _may_run(word: str, found: Sequence[str]) -> bool:
    """Whether a word for the course goes with what is named: only an event is spontaneous."""
    table = tables().qualifiers
    return word not in table["of_event"] or not table["event"].isdisjoint(found)


def read_word(word: str) -> WordKind | None:
    """What a word is that no term has: a qualifier, a drug's name by its ending, or unknown."""
    table = tables().qualifiers
    if word in table["sites"]:
        return WordKind(site=True, organism=False)
    if word in table["organisms"] or word in table["animals"]:
        return WordKind(site=False, organism=True)
    if word in table["form"] or word in table["tail"] or word in _modifiers():
        return WordKind(site=False, organism=False)
    return DRUG if len(word) > 7 and word.endswith(tables().drug_endings) else None


def is_species(word: str, found: Sequence[str], known: Mapping[str, WordKind]) -> bool:
    """Whether an unknown word has a Latin ending and stands after the name of an organism."""
    at = found.index(word)
    before = known.get(found[at - 1]) if at else None
    latin = _SPECIES.match(word) is not None
    return latin and before is not None and before.organism and not before.site


def _organism(word: str, found: Sequence[str], known: Mapping[str, WordKind]) -> bool:
    """An organism's name, or the initial before one ("C. difficile")."""
    if known[word].organism or word in tables().qualifiers["organisms"] or word.endswith("coccal"):
        return True
    after = _after(word, found)
    return len(word) == 1 and after in known and known[after].organism


def _before_agent(word: str, found: Sequence[str], agents: frozenset[str]) -> bool:
    return _after(word, found) in agents


def _after(word: str, found: Sequence[str]) -> str:
    at = found.index(word) + 1
    return found[at] if at < len(found) else ""


def _within(concepts: Iterable[Concept], roots: Iterable[str]) -> bool:
    trees = [t for c in concepts for t in c.trees]
    return any(t == r or t.startswith(f"{r}.") for t in trees for r in roots)


def _wholly_within(concepts: Iterable[Concept], roots: Iterable[str]) -> bool:
    """Whether all trees of a concept are below these: a hemorrhage may be anywhere, one that is
    also a disease of the uterus may not."""
    tree = tuple(f"{r}." for r in roots)
    placed = [[f"{t}." for t in c.trees] for c in concepts if c.trees]
    return any(all(t.startswith(tree) for t in trees) for trees in placed)


def _chapter(concepts: Iterable[Concept], number: str) -> bool:
    icd = [c for c in concepts if c.system == ICD_10_CM]
    return bool(icd) and all(c.chapter == number for c in icd)
