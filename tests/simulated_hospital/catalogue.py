"""What patients of the simulated hospital come with and turn out to have, read from TOML."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from cds_hooks.trial.cases import Code, MatchLevel
from cds_hooks.trial.report.matching import CodeMatcher

__all__ = ["ICD_10_CM", "KNOWN", "Complaint", "Diagnosis", "Rule", "Said", "complaints", "matcher"]

ICD_10_CM = "http://hl7.org/fhir/sid/icd-10-cm"

KNOWN = {
    "I10": "Essential hypertension",
    "E11.9": "Type 2 diabetes mellitus without complications",
    "E78.5": "Hyperlipidemia",
    "M17.9": "Osteoarthritis of knee",
    "N40.0": "Benign prostatic hyperplasia",
}
"""Conditions that patients may have had for years. They are never what the visit was about."""


@dataclass(frozen=True, slots=True)
class Said:
    """A diagnosis as the model names it: its ICD-10-CM code, its name, the finding that is known to
    speak for it."""

    code: str
    says: str
    sign: str


@dataclass(frozen=True, slots=True)
class Diagnosis(Said):
    """With what comes near it at the two wider levels; None of one that is never the truth."""

    category: Said | None = None
    related: Said | None = None

    def at(self, level: MatchLevel) -> Said:
        """How the model names it when it hits it at this level alone."""
        near = {MatchLevel.SAME: self, MatchLevel.CATEGORY: self.category}.get(level, self.related)
        assert near is not None
        return near


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule of the service, the findings that make it fire, and the code it is about."""

    id: str
    of: str
    codes: tuple[str, ...]
    findings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Complaint:
    """What a patient comes for, the findings that every such chart has, the possible diagnoses."""

    reason: str
    signs: tuple[str, ...]
    diagnoses: tuple[Diagnosis, ...]
    rule: Rule | None

    @property
    def truths(self) -> tuple[Diagnosis, ...]:
        """The diagnoses that a patient may turn out to have."""
        return tuple(each for each in self.diagnoses if each.category is not None)


@cache
def complaints() -> tuple[Complaint, ...]:
    """All of them, in the order of the file."""
    read = tomllib.loads(Path(__file__).with_name("diagnoses.toml").read_text("utf-8"))
    return tuple(_complaint(each) for each in read["complaint"])


@cache
def matcher() -> CodeMatcher:
    """The hospital's own table of what counts as related, beside codes and categories."""
    pairs: dict[Code, list[Code]] = {}
    for each in (d for complaint in complaints() for d in complaint.truths):
        assert each.related is not None
        pairs[ICD_10_CM, each.code] = [(ICD_10_CM, each.related.code)]
    return CodeMatcher(related=pairs)


def _complaint(read: Mapping[str, Any]) -> Complaint:
    rule = read.get("rule")
    return Complaint(
        read["reason"],
        tuple(read["signs"]),
        tuple(map(_diagnosis, read["diagnosis"])),
        Rule(rule["id"], rule["of"], tuple(rule["codes"]), tuple(rule["findings"]))
        if rule
        else None,
    )


def _diagnosis(read: Mapping[str, Any]) -> Diagnosis:
    near = {level: Said(**read[level]) for level in ("category", "related") if level in read}
    return Diagnosis(read["code"], read["says"], read["sign"], **near)
