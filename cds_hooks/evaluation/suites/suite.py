"""A benchmark as values: cases with their truth, and what was wrong with the rest."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from hashlib import sha256
from typing import Any

from cds_hooks.admission.manifest import SuitePart, Task
from cds_hooks.evaluation.labels import label_key
from fhir_mapping.chart import Code

__all__ = [
    "AGE_BANDS",
    "EvaluationCase",
    "Gold",
    "OnError",
    "Rejected",
    "Suite",
    "Task",
    "age_band",
]

Resource = Mapping[str, Any]


class OnError(StrEnum):
    """What a line that cannot be used does to a suite."""

    STOP = "stop"
    SKIP = "skip"


@dataclass(frozen=True, slots=True)
class Gold:
    """The truth of a case: names that mean it, and its codes where the suite gives any."""

    names: tuple[str, ...]
    codes: tuple[Code, ...] = ()

    @property
    def name(self) -> str:
        """The first name, or what the first code says."""
        told = (*self.names, *(c.display or c.code for c in self.codes))
        return next(iter(told), "")


@dataclass(frozen=True, slots=True)
class EvaluationCase:
    """One question with its answer.

    An open-ended case is a chart: FHIR R4 `resources` of the patient `patient_id`. A closed-list
    case is a `text` with `options`, of which one is the truth. `score` is the truth of a judged
    answer. `tags` tell groups that are reported apart ("answer-in-text", a category).
    """

    id: str
    gold: Gold
    resources: tuple[Resource, ...] = ()
    patient_id: str = ""
    text: str = ""
    options: tuple[str, ...] = ()
    score: float | None = None
    age_years: float | None = None
    recorded_sex: str | None = None
    tags: frozenset[str] = frozenset()

    @property
    def truth_listed(self) -> bool:
        """Whether an option is the truth, by the match rule of closed lists."""
        listed = set(map(label_key, self.options))
        return any(label_key(name) in listed for name in self.gold.names)

    def asking(self, options: Iterable[str]) -> EvaluationCase:
        """The same case as a question with these options."""
        return replace(self, options=tuple(options))

    def charted(self, patient_id: str, resources: Iterable[Resource]) -> EvaluationCase:
        """The same case as a chart."""
        return replace(self, patient_id=patient_id, resources=tuple(resources))

    def tagged(self, *tags: str) -> EvaluationCase:
        """The same case with more tags."""
        return replace(self, tags=self.tags | frozenset(tags))


@dataclass(frozen=True, slots=True)
class Rejected:
    """Something of a suite's file that made no case: where, and why."""

    where: str
    why: str


@dataclass(frozen=True, slots=True)
class Suite:
    """Cases of one task with where they come from; `sha256` is of the file or files."""

    id: str
    title: str
    task: Task
    origin: str
    licence: str
    sha256: str
    cases: tuple[EvaluationCase, ...]
    rejected: tuple[Rejected, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def part(self) -> SuitePart:
        """What a manifest says of the suite."""
        return SuitePart(
            id=self.id,
            title=self.title,
            task=self.task,
            origin=self.origin,
            licence=self.licence,
            sha256=self.sha256,
            cases=len(self.cases),
            rejected=len(self.rejected),
            notes=self.notes,
        )

    def only(self, ids: Iterable[str]) -> Suite:
        """The same suite with these cases alone, in the suite's order."""
        wanted = frozenset(ids)
        return replace(self, cases=tuple(c for c in self.cases if c.id in wanted))

    def subset(self, count: int) -> Suite:
        """So many cases (0: all), by the digest of their ids: the same at every site, known before
        any is asked, and part of any larger subset."""
        ids = sorted((c.id for c in self.cases), key=lambda id_: sha256(id_.encode()).digest())
        return self.only(ids[: count or None])


# ICH E11(R1), 2017: infants and toddlers to 23 months, children 2 to 11 years, adolescents 12 to
# 16 or 18; ICH E7, 1993: older patients from 65 years.
AGE_BANDS = (("0-1", 2.0), ("2-11", 12.0), ("12-17", 18.0), ("18-39", 40.0), ("40-64", 65.0))


def age_band(age_years: float | None) -> str:
    """The band of an age, "65 and over" or "not recorded"."""
    if age_years is None:
        return "not recorded"
    return next((name for name, end in AGE_BANDS if age_years < end), "65 and over")
