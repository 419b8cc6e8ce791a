"""When a diagnosis that was said is the truth. Every figure names the rule it was made by."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from cds_hooks.evaluation.suites.suite import Gold
from cds_hooks.plausibility import Concept, MatchStatus, Terminology
from cds_hooks.plausibility.terminology.name_keys import key, key_words
from cds_hooks.plausibility.terminology.resolution import ICD_10_CM

__all__ = ["MatchRule", "TruthMatcher", "CodedMeaning"]


class MatchRule(StrEnum):
    """From strict to wide; each holds wherever the one before does."""

    EXACT = "exact"
    ANCESTOR = "ancestor"
    CATEGORY = "category"

    @property
    def rule(self) -> str:
        """The rule as a reader of a report has to know it."""
        return _RULES[self]


_RULES = {
    MatchRule.EXACT: "Same ICD-10-CM code (one that only adds “unspecified”, “other” or “without” "
    "counts as its parent), same MeSH, Disease Ontology or MONDO concept, or the same words in any "
    "order and spelling.",
    MatchRule.ANCESTOR: "As exact, or one ICD-10-CM code lies above the other; names that the "
    "terminology knows only in part count with what it knows of them.",
    MatchRule.CATEGORY: "As ancestor, or both lie in the same three-character ICD-10-CM category.",
}

# Words by which ICD-10-CM says that a code adds nothing to the one above it.
_NOTHING_MORE = re.compile(
    r"\([^()]*\)|,?\s*\b(unspecified( \w+)?|not elsewhere classified|without .*)|\bother\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class CodedMeaning:
    """What a name means: ICD-10-CM codes and concepts of other systems that are it, its words, and
    in `near` the ICD-10-CM codes of a name that is known only in part."""

    icd: frozenset[str] = frozenset()
    other: frozenset[str] = frozenset()
    words: str = ""
    near: frozenset[str] = frozenset()

    def same(self, said: CodedMeaning) -> bool:
        """The rule `EXACT`."""
        words = bool(self.words) and self.words == said.words
        return words or bool(self.icd & said.icd or self.other & said.other)

    def above_or_below(self, said: CodedMeaning) -> bool:
        """The rule `ANCESTOR` beyond `EXACT`."""
        mine, theirs = self.icd | self.near, said.icd | said.near
        return any(a.startswith(b) or b.startswith(a) for a in mine for b in theirs)

    def beside(self, said: CodedMeaning) -> bool:
        """The rule `CATEGORY` beyond `ANCESTOR`."""
        mine, theirs = self.icd | self.near, said.icd | said.near
        return bool({code[:3] for code in mine} & {code[:3] for code in theirs})


class TruthMatcher:
    """Matches by looking names up; a name that is found nowhere matches by its own words only."""

    def __init__(self, terminology: Terminology) -> None:
        self._terminology = terminology
        self._said = lru_cache(maxsize=4096)(self._meaning)

    def matches(self, gold: Gold, name: str) -> tuple[MatchRule, ...]:
        """Every rule by which `name` is the truth, strict ones first; empty when it is wrong."""
        truths, said = self.truths(gold), self._said(name)
        exact = any(truth.same(said) for truth in truths)
        above = exact or any(truth.above_or_below(said) for truth in truths)
        beside = above or any(truth.beside(said) for truth in truths)
        return tuple(m for m, holds in zip(MatchRule, (exact, above, beside), strict=True) if holds)

    def truths(self, gold: Gold) -> tuple[CodedMeaning, ...]:
        """What the truth is: by its codes, and by each of its names in every meaning it has."""
        coded = [self._of_code(c.code.strip().upper()) for c in gold.codes]
        return (*coded, *(self._meaning(name, ambiguous=True) for name in gold.names))

    def resolves(self, gold: Gold) -> bool:
        """Whether the truth is a coded concept; else only its own words can match it."""
        return any(t.icd or t.other for t in self.truths(gold))

    def _of_code(self, code: str) -> CodedMeaning:
        """A code that the terminology does not list stands for itself."""
        concept = self._terminology.concept(code)
        if concept is None:
            return CodedMeaning(icd=frozenset({code}))
        return CodedMeaning(self._icd([concept]), _other([concept]))

    def _meaning(self, name: str, *, ambiguous: bool = False) -> CodedMeaning:
        """`ambiguous`: several meanings of a name are all it. For a truth: whoever says one of
        them is right; not for an answer, which must not gain by saying several things at once."""
        found = self._terminology.resolve(name)
        sure = found.exact or (ambiguous and found.status is MatchStatus.AMBIGUOUS)
        concepts = found.concepts if sure else ()
        partly = found.concepts if found.recognised and not sure else ()
        own = key(key_words(re.sub(r"\s*\([^()]*\)", "", name)))
        return CodedMeaning(self._icd(concepts), _other(concepts), own, self._icd(partly))

    def _icd(self, concepts: Iterable[Concept]) -> frozenset[str]:
        own = [c for c in concepts if c.system == ICD_10_CM]
        links = (self._terminology.concept(c.link) for c in concepts if c.link)
        return frozenset(map(self._general, (*own, *(c for c in links if c is not None))))

    def _general(self, concept: Concept) -> str:
        """The code that means the same disease and no less: E11 for "without complications", but
        never I21 for "ST elevation myocardial infarction of unspecified site"."""
        while concept.system == ICD_10_CM and concept.parent:
            parent = self._terminology.concept(concept.parent)
            if parent is None or not _adds_nothing(concept.display, parent.display):
                break
            concept = parent
        return concept.code


def _adds_nothing(display: str, parent: str) -> bool:
    rest = set(key_words(_NOTHING_MORE.sub(" ", display)))
    return rest <= set(key_words(parent))


def _other(concepts: Iterable[Concept]) -> frozenset[str]:
    return frozenset(f"{c.system}|{c.code}" for c in concepts if c.system != ICD_10_CM)
