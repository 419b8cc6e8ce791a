"""Sexes and ages that coding ties a diagnosis to: `data/demographics.toml`."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

from cds_hooks.plausibility.data_files import read_toml
from cds_hooks.plausibility.terminology.resolution import MESH, Concept
from fhir_mapping.chart import PatientFacts

__all__ = [
    "SEXES",
    "CodeCategory",
    "NamedCategory",
    "TreeCategory",
    "anywhere_in_the_body",
    "categories",
    "conflicts",
    "named_categories",
    "tree_categories",
]

SEXES = ("female", "male")
"""The recorded sexes that a diagnosis may be tied to."""
_BY_SEX = ("C12", "C13", "F03")


@dataclass(frozen=True, slots=True)
class CodeCategory:
    """Codes tied to a recorded sex, or to ages from `from_years` to below `below_years`."""

    id: str
    label: str
    source: str
    codes: frozenset[str]
    sex: str | None = None
    from_years: float | None = None
    below_years: float | None = None

    def holds_code(self, code: str) -> bool:
        """Whether the code or one above it is listed."""
        return any(code[:n] in self.codes for n in range(3, len(code) + 1))

    def conflicts_with(self, patient: PatientFacts) -> bool | None:
        """Whether the record contradicts the category; None when it does not say."""
        if self.sex is not None:
            return patient.recorded_sex != self.sex if patient.recorded_sex in SEXES else None
        if patient.age_years is None or self.from_years is None or self.below_years is None:
            return None
        return not self.from_years <= patient.age_years < self.below_years


@cache
def categories() -> tuple[CodeCategory, ...]:
    """The shipped categories of `data/demographics.toml`."""
    raw = read_toml("demographics.toml")
    return tuple(
        CodeCategory(
            id=c["id"],
            label=c["label"],
            source=c.get("source", raw["source"]),
            codes=frozenset(c["codes"]),
            sex=c.get("sex"),
            from_years=c.get("from_years"),
            below_years=c.get("below_years"),
        )
        for c in raw["category"]
    )


@dataclass(frozen=True, slots=True)
class TreeCategory:
    """MeSH headings `under` some place of the tree and `nowhere` in others, tied to a sex."""

    id: str
    label: str
    source: str
    sex: str
    under: tuple[str, ...]
    nowhere: tuple[str, ...]

    def holds(self, concept: Concept) -> bool:
        """Whether the heading is one of these."""
        inside = any(_below(t, self.under) for t in concept.trees)
        return inside and not any(_below(t, self.nowhere) for t in concept.trees)


@dataclass(frozen=True, slots=True)
class NamedCategory:
    """What words of a name tie to a recorded sex and to ages, where no code does."""

    id: str
    label: str
    source: str
    sex: str
    from_years: float
    below_years: float
    words: tuple[str, ...]
    unless: tuple[str, ...]

    def holds(self, name: str) -> bool:
        """Whether a name, in any case of letters, is of the category."""
        said = name.lower()
        if any(word in said for word in self.unless):
            return False
        return any(part.startswith(self.words) for part in re.split(r"[^a-z-]+", said))


@cache
def named_categories() -> tuple[NamedCategory, ...]:
    """The shipped words of `data/demographics.toml`."""
    return tuple(
        NamedCategory(
            id=c["id"],
            label=c["label"],
            source=c["source"],
            sex=c["sex"],
            from_years=c["from_years"],
            below_years=c["below_years"],
            words=tuple(c["words"]),
            unless=tuple(c["unless"]),
        )
        for c in read_toml("demographics.toml")["named"]
    )


@cache
def tree_categories() -> tuple[TreeCategory, ...]:
    """The shipped places in MeSH's tree of `data/demographics.toml`."""
    return tuple(
        TreeCategory(
            id=c["id"],
            label=c["label"],
            source=c["source"],
            sex=c["sex"],
            under=tuple(c["under"]),
            nowhere=tuple(c["nowhere"]),
        )
        for c in read_toml("demographics.toml")["tree"]
    )


def conflicts(code: str, patient: PatientFacts) -> list[tuple[CodeCategory, bool | None]]:
    """Every category that lists an ICD-10-CM code, with whether the record contradicts it."""
    listed = [c for c in categories() if c.holds_code(code)]
    return [(c, c.conflicts_with(patient)) for c in listed]


def _below(tree: str, roots: Iterable[str]) -> bool:
    return any(tree == r or tree.startswith(f"{r}.") for r in roots)


def anywhere_in_the_body(concepts: Iterable[Concept]) -> bool:
    """Whether MeSH knows the name for a disease that is not of the urogenital system, of pregnancy
    or of the mind: ICD-10-CM files a teratoma or an adenomatous polyp without its site under the
    female organs, which says nothing of the patient."""
    trees = [t for c in concepts if c.system == MESH for t in c.trees]
    return bool(trees) and not any(t.startswith(_BY_SEX) for t in trees)
