"""Diagnoses not to be missed that a chart calls for and no sample of the model named."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from cds_hooks.consultation import Assessment, Reason
from cds_hooks.plausibility.findings import Seen, findings
from cds_hooks.plausibility.keys import key, key_words
from cds_hooks.plausibility.record import record
from cds_hooks.plausibility.rules import Tied, concerning
from cds_hooks.plausibility.terminology import Terminology
from fhir_mapping.chart import Chart, PatientFacts

__all__ = ["Pattern", "not_considered", "overlooked", "patterns"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pattern(Tied):
    """Of each group in `all` one finding, `at_least` so many of `any`, in a patient from
    `from_years` to below `below_years` of recorded `sex`: think of `diagnosis`."""

    diagnosis: str
    all: tuple[tuple[str, ...], ...] = ()
    any: tuple[str, ...] = ()
    at_least: int = 0
    from_years: float = 0.0
    below_years: float = 200.0
    sex: str = ""

    def fits(self, patient: PatientFacts) -> bool:
        """Whether the pattern speaks of such a patient; what is not recorded does not fit."""
        bounded = self.from_years > 0 or self.below_years < 200
        age = patient.age_years
        if bounded and (age is None or not self.from_years <= age < self.below_years):
            return False
        return not self.sex or patient.recorded_sex == self.sex

    def found(self, seen: Seen) -> list[str]:
        """The findings that make the pattern, [] when it is not complete."""
        required = [seen.any_of(group) for group in self.all]
        further = seen.any_of(self.any)
        if not all(required) or len(further) < self.at_least:
            return []
        return list(dict.fromkeys([n for group in required for n in group] + further))


@cache
def patterns() -> tuple[Pattern, ...]:
    """The shipped patterns of `data/red_flags.toml`. Unknown keys are an error."""
    text = files(__package__).joinpath("data/red_flags.toml").read_text("utf-8")
    return tuple(Pattern(**_frozen(p)) for p in tomllib.loads(text)["pattern"])


def not_considered(
    chart: Chart, assessments: Sequence[Assessment], terminology: Terminology
) -> tuple[Reason, ...]:
    """One reason a pattern that the chart completes and whose diagnosis is not in the list, those
    of which the chart tells most first.

    It says that the model did not consider it, with the facts; it does not say that it is so.
    """
    return overlooked(Seen(record(chart, terminology)), assessments, terminology)


def overlooked(
    seen: Seen, assessments: Sequence[Assessment], terminology: Terminology
) -> tuple[Reason, ...]:
    """As `not_considered`, of a chart already prepared. What is on the problem list as current is
    not missing from a list of new diagnoses."""
    told: dict[str, Reason] = {}
    weight: dict[str, int] = {}
    recorded = [c for p in seen.record.problems if p.active for c in p.concepts]
    known = concerning(patterns, recorded)
    for pattern in patterns():
        if pattern in known or not pattern.fits(seen.record.chart.patient):
            continue
        found = pattern.found(seen)
        if len(found) > weight.get(pattern.diagnosis, 0) and not _considered(
            pattern, assessments, terminology
        ):
            told[pattern.diagnosis] = _reason(pattern, found, seen)
            weight[pattern.diagnosis] = len(found)
    return tuple(told[d] for d in sorted(told, key=lambda d: -weight[d]))


def _reason(pattern: Pattern, found: Sequence[str], seen: Seen) -> Reason:
    names = ", ".join(findings()[n].name for n in found)
    ids = dict.fromkeys(i for n in found for i in seen.facts(n))
    text = f"{pattern.diagnosis}: the chart tells of {names}"
    return Reason("not-considered", "fail", text, tuple(ids), pattern.source)


def _considered(
    pattern: Pattern, assessments: Iterable[Assessment], terminology: Terminology
) -> bool:
    """Whether a diagnosis of the list is the pattern's, a kind of it, or is called like it."""
    own = key(key_words(pattern.diagnosis))
    return any(
        pattern.concerns(terminology.resolve(name).concepts) or key(key_words(name)) == own
        for one in assessments
        for name in (one.name, *one.written_as)
    )


def _frozen(raw: dict[str, Any]) -> dict[str, Any]:
    kept = {k: tuple(v) if isinstance(v, list) else v for k, v in raw.items()}
    kept["mesh"] = frozenset(kept["mesh"])
    kept["all"] = tuple(tuple(group) for group in raw["all"])
    return kept
