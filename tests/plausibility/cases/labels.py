"""Whether an entry of a real model is right: by the case's own lists, and by a reader's labels.

A name is right when it is the truth, or one of the case's `right` entries, by the evaluation's
category rule; absurd when it is one of its `absurd` entries by the same rule. All others are
unlisted: wrong by the file, though a reader may find them reasonable.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from cds_hooks.evaluation.matching import MatchRule, TruthMatcher
from cds_hooks.evaluation.suites.suite import Gold
from cds_hooks.plausibility import Terminology
from cds_hooks.plausibility.terminology.resolution import ICD_10_CM
from fhir_mapping.chart import Code
from tests.plausibility.cases.load import DATA, LABELS, Case, CaseError

__all__ = ["Labelled", "Labeller", "Listed", "read_labels"]


class Listed(StrEnum):
    """What the file of a case says of an entry."""

    RIGHT = "right"
    ABSURD = "absurd"
    UNLISTED = "unlisted"


class _Form(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Labelled(_Form):
    """A reader's word on one entry of one chart, and in a few words why."""

    case: str
    name: str
    reasonable: bool
    why: str = Field(min_length=3)


class _Labels(_Form):
    version: str = Field(pattern="^1$")
    who: str
    when: str = Field(pattern=r"^\d{4}-\d{2}-\d{2}$")
    asked: str
    drawn: str
    label: tuple[Labelled, ...]


def read_labels(path: Path = DATA / LABELS) -> dict[tuple[str, str], bool]:
    """Whether an entry is reasonable, by case and name in lower case. Raises CaseError."""
    try:
        found = _Labels.model_validate(tomllib.loads(path.read_text("utf-8")))
    except (OSError, tomllib.TOMLDecodeError, ValidationError) as fault:
        raise CaseError(path, "", f"these are no labels: {fault}") from fault
    made = {(each.case, each.name.casefold()): each.reasonable for each in found.label}
    if len(made) != len(found.label):
        raise CaseError(path, "", "an entry is labelled twice")
    return made


class Labeller:
    """Labels entries; names are looked up in the terminology in use."""

    def __init__(
        self, terminology: Terminology, by_reader: Mapping[tuple[str, str], bool] | None = None
    ) -> None:
        self._matcher = TruthMatcher(terminology)
        self._by_reader = by_reader or {}

    def listed(self, case: Case, name: str) -> Listed:
        """What the file of the case says."""
        truth = Gold((case.truth,), (Code(ICD_10_CM, case.code),))
        others = (Gold((entry.name,)) for entry in case.right)
        if any(self._same(gold, name) for gold in (truth, *others)):
            return Listed.RIGHT
        absurd = any(self._same(Gold((entry.name,)), name) for entry in case.absurd)
        return Listed.ABSURD if absurd else Listed.UNLISTED

    def reasonable(self, case: Case, name: str) -> bool | None:
        """What a reader said of an unlisted entry; None where nobody was asked."""
        return self._by_reader.get((case.id, name.casefold()))

    def _same(self, gold: Gold, name: str) -> bool:
        return MatchRule.CATEGORY in self._matcher.matches(gold, name)
