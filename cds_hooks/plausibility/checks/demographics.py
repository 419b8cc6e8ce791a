"""Recorded sex and age against the sex and age that coding ties a diagnosis to.

Worded about the record, never about the person: a recorded sex may differ from anatomy.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache

from cds_hooks.consultation import Reason
from cds_hooks.plausibility.checks.check import ABSTAIN, FAIL, PASS, Case
from cds_hooks.plausibility.data_files import read_toml
from cds_hooks.plausibility.rules.diagnosis_rules import age_rules, concerning
from cds_hooks.plausibility.terminology.resolution import MESH, Concept, Status
from fhir_mapping.chart import PatientFacts

__all__ = [
    "Category",
    "RecordedAge",
    "RecordedSex",
    "UnusualAge",
    "anywhere_in_the_body",
    "categories",
    "conflicts",
]

_SEXES = ("female", "male")
_BY_SEX = ("C12", "C13", "F03")
_ORGAN = re.compile(r"\b(?:uter|ovar|endometri|vagin|vulv|prostat|testic|scrot|penile)")


@dataclass(frozen=True, slots=True)
class Category:
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
            return patient.recorded_sex != self.sex if patient.recorded_sex in _SEXES else None
        if patient.age_years is None or self.from_years is None or self.below_years is None:
            return None
        return not self.from_years <= patient.age_years < self.below_years


@cache
def categories() -> tuple[Category, ...]:
    """The shipped categories of `data/demographics.toml`."""
    raw = read_toml("demographics.toml")
    return tuple(
        Category(
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


def _by_name(case: Case) -> NamedCategory | None:
    """The category of the words of a name whose codes tell of none."""
    told = [
        c for concept in case.resolution.icd for c in categories() if c.holds_code(concept.code)
    ]
    if told and case.resolution.status is not Status.PARTIAL:
        return None
    return next((c for c in named_categories() if c.holds(case.name)), None)


def _below(tree: str, roots: Iterable[str]) -> bool:
    return any(tree == r or tree.startswith(f"{r}.") for r in roots)


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


def conflicts(code: str, patient: PatientFacts) -> list[tuple[Category, bool | None]]:
    """Every category that lists an ICD-10-CM code, with whether the record contradicts it."""
    listed = [c for c in categories() if c.holds_code(code)]
    return [(c, c.conflicts_with(patient)) for c in listed]


@dataclass(frozen=True, slots=True)
class RecordedSex:
    """The recorded sex is not the one that coding ties the diagnosis to."""

    id: str = "recorded-sex"
    source: str = "CMS Medicare Code Editor, sex conflict"

    def __call__(self, case: Case) -> Iterator[Reason]:
        found = case.resolution
        told = f"recorded sex is {case.record.chart.patient.recorded_sex or 'not recorded'}"
        if (named := _by_name(case)) is not None:
            yield _sex_of(self.id, named, case.record.chart.patient, told)
            return
        if anywhere_in_the_body(found.concepts) and not _ORGAN.search(case.name.lower()):
            return
        if not found.icd and found.exact:
            yield from _by_tree(self.id, found.concepts, case.record.chart.patient, told)
        yield from _judge(self.id, case, told, lambda c: c.sex is not None)


@dataclass(frozen=True, slots=True)
class RecordedAge:
    """The recorded age lies outside the ages that coding ties the diagnosis to."""

    id: str = "recorded-age"
    source: str = "CMS Medicare Code Editor, age conflict"

    def __call__(self, case: Case) -> Iterator[Reason]:
        patient = case.record.chart.patient
        told = f"recorded age: {patient.age_text}"
        named, age = _by_name(case), patient.age_years
        if named and age is not None and not named.from_years <= age < named.below_years:
            yield Reason(self.id, FAIL, f"{named.label}; {told}", source=named.source)
            return
        yield from _judge(self.id, case, told, lambda c: c.sex is None)


@dataclass(frozen=True, slots=True)
class UnusualAge:
    """The recorded age is not one at which the diagnosis is expected: a doubt; or none at which
    its definition lets it be (`contradicts`), told as `recorded-age`."""

    id: str = "unusual-age"
    source: str = "data/rules/ages.toml, each rule with its own"

    def __call__(self, case: Case) -> Iterator[Reason]:
        patient = case.record.chart.patient
        if patient.age_years is None:
            return
        for rule in concerning(age_rules, case.concepts):
            if not rule.from_years <= patient.age_years < rule.below_years:
                text = f"{rule.reason}; recorded age: {patient.age_text}"
                check = RecordedAge().id if rule.contradicts else self.id
                yield Reason(check, FAIL, text, source=rule.source)


def _sex_of(check: str, named: NamedCategory, patient: PatientFacts, told: str) -> Reason:
    known, same = patient.recorded_sex in _SEXES, patient.recorded_sex == named.sex
    result = ABSTAIN if not known else PASS if same else FAIL
    return Reason(check, result, f"{named.label}; {told}", source=named.source)


def _by_tree(
    check: str, concepts: Iterable[Concept], patient: PatientFacts, told: str
) -> Iterator[Reason]:
    for category in tree_categories():
        if any(category.holds(c) for c in concepts):
            known = patient.recorded_sex in _SEXES
            same = patient.recorded_sex == category.sex
            result = ABSTAIN if not known else PASS if same else FAIL
            yield Reason(check, result, f"{category.label}; {told}", source=category.source)


def anywhere_in_the_body(concepts: Iterable[Concept]) -> bool:
    """Whether MeSH knows the name for a disease that is not of the urogenital system, of pregnancy
    or of the mind: ICD-10-CM files a teratoma or an adenomatous polyp without its site under the
    female organs, which says nothing of the patient."""
    trees = [t for c in concepts if c.system == MESH for t in c.trees]
    return bool(trees) and not any(t.startswith(_BY_SEX) for t in trees)


def _judge(check: str, case: Case, told: str, mine: Callable[[Category], bool]) -> Iterator[Reason]:
    """Fails only when every code the name may stand for is contradicted; a name of which the
    code is only wider or narrower is not judged by it."""
    found = [
        [(c, x) for c, x in conflicts(concept.code, case.record.chart.patient) if mine(c)]
        for concept in case.resolution.icd
        if case.resolution.status is not Status.PARTIAL
    ]
    if not found or not all(found):
        return
    flat = [pair for one in found for pair in one]
    category = flat[0][0]
    if all(any(x for _, x in one) for one in found):
        category = next(c for c, x in flat if x)
        yield Reason(check, FAIL, f"{category.label}; {told}", source=category.source)
    elif any(x is None for _, x in flat):
        yield Reason(check, ABSTAIN, f"{category.label}; {told}", source=category.source)
    else:
        yield Reason(check, PASS, f"{category.label}; {told}", source=category.source)
