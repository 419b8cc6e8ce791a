"""Rules that tie a diagnosis to what a chart must, or must not, hold: data, with sources."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any, TypeVar

from cds_hooks.plausibility.data_files import read_toml
from cds_hooks.plausibility.terminology.resolution import ICD_10_CM, Concept

__all__ = [
    "AgeRule",
    "OrganRule",
    "ResultRule",
    "TestRule",
    "DiagnosisRule",
    "age_rules",
    "rules_about",
    "read_rule_table",
    "organ_rules",
    "result_rules",
    "test_rules",
    "frozen_values",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class DiagnosisRule:
    """The diagnoses a rule speaks of: ICD-10-CM codes with all below them, MeSH descriptors."""

    id: str
    codes: tuple[str, ...]
    mesh: frozenset[str]
    source: str
    reason: str = ""
    contradicts: bool = False

    def concerns(self, concepts: Iterable[Concept]) -> bool:
        """Whether one of the concepts is among them."""
        return any(
            c.code.startswith(self.codes) if c.system == ICD_10_CM else c.code in self.mesh
            for c in concepts
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultRule(DiagnosisRule):
    """A diagnosis asks for a result: `needs` "low" or "high" against its reference range, or a
    value `below`, `above`, `at_least` or `at_most` a number in `unit`; speaks of results up to
    `within_days` old, and where the limit is an adult's of patients `from_years`.

    Where words of `treated_by`, or of `begun_for` in a treatment of the last days, stand in the
    chart, a result that lies elsewhere says nothing, but of a name with a word of `even_treated`
    (a thyroid storm has a low TSH, whatever was given before). It does not speak of a diagnosis
    whose name has a word of `unless_named` ("central hypothyroidism" has a TSH that is not
    raised). With `lasting_days` results that far apart tell of the problem whenever it began."""

    analyte: str
    within_days: float
    needs: str = ""
    below: float | None = None
    above: float | None = None
    at_least: float | None = None
    at_most: float | None = None
    unit: str = ""
    from_years: float = 0.0
    treated_by: tuple[str, ...] = ()
    begun_for: tuple[str, ...] = ()
    unless_named: tuple[str, ...] = ()
    even_treated: tuple[str, ...] = ()
    lasting_days: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class OrganRule(DiagnosisRule):
    """A diagnosis asks for an organ that `words` in a procedure, or ICD-10-CM codes that a
    problem is `recorded_as`, say was removed; where the date is told, at least `days_before`.
    `named` are words of a diagnosis that ask for it where no code does."""

    words: tuple[str, ...]
    recorded_as: tuple[str, ...]
    days_before: float = 0.0
    named: tuple[str, ...] = ()

    def is_named(self, name: str) -> bool:
        """Whether words of a name, of which no code tells it, ask for the organ."""
        said = name.lower()
        return any(word in said for word in self.named) and "ectopic" not in said


@dataclass(frozen=True, slots=True, kw_only=True)
class TestRule(DiagnosisRule):
    """A diagnosis has a specific test, which may be negative, in words or `negative_below` a number
    in `unit`; up to `within_days` old."""

    analyte: str
    within_days: float
    negative_below: float = 0.0
    unit: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AgeRule(DiagnosisRule):
    """A diagnosis is expected from `from_years` to below `below_years`."""

    from_years: float
    below_years: float


T = TypeVar("T", bound=DiagnosisRule)


def rules_about(table: Callable[[], tuple[T, ...]], concepts: Iterable[Concept]) -> tuple[T, ...]:
    """The rules of a table that speak of one of the concepts, in the table's order."""
    return _concerning(table, tuple((c.system, c.code) for c in concepts))


@lru_cache(maxsize=8192)
def _concerning(
    table: Callable[[], tuple[T, ...]], codes: tuple[tuple[str, str], ...]
) -> tuple[T, ...]:
    concepts = [Concept(system, code, "") for system, code in codes]
    return tuple(rule for rule in table() if rule.concerns(concepts))


@cache
def read_rule_table(name: str) -> dict[str, Any]:
    """A shipped rule file as it stands."""
    return read_toml("rules", f"{name}.toml")


@cache
def result_rules() -> tuple[ResultRule, ...]:
    """`data/rules/results.toml`. Unknown keys are an error."""
    return tuple(ResultRule(**frozen_values(r)) for r in read_rule_table("results")["rule"])


@cache
def organ_rules() -> tuple[OrganRule, ...]:
    """`data/rules/organs.toml`. Unknown keys are an error."""
    return tuple(OrganRule(**frozen_values(r)) for r in read_rule_table("organs")["rule"])


@cache
def test_rules() -> tuple[TestRule, ...]:
    """`data/rules/tests.toml`. Unknown keys are an error."""
    return tuple(TestRule(**frozen_values(r)) for r in read_rule_table("tests")["rule"])


@cache
def age_rules() -> tuple[AgeRule, ...]:
    """`data/rules/ages.toml`. Unknown keys are an error."""
    return tuple(AgeRule(**frozen_values(r)) for r in read_rule_table("ages")["rule"])


def frozen_values(rule: dict[str, Any]) -> dict[str, Any]:
    """A rule as it stands in a file, with values that cannot change."""
    return {
        k: v if not isinstance(v, list) else frozenset(v) if k == "mesh" else tuple(v)
        for k, v in rule.items()
    }
