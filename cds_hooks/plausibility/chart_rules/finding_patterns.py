"""Patterns of findings that fit a diagnosis, and what a chart completes of them."""

from __future__ import annotations

import tomllib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from cds_hooks.consultation import ChartFinding, Seriousness
from cds_hooks.plausibility.chart.finding_index import FindingIndex
from cds_hooks.plausibility.chart_rules.criteria import Criteria, MetCriterion
from cds_hooks.plausibility.chart_rules.finding_order import (
    analyte_of,
    distinct_findings,
    is_specific,
    ordered_findings,
)
from cds_hooks.plausibility.chart_rules.scores import ComputedScore, compute_score, scores
from cds_hooks.plausibility.data_files import data_file
from cds_hooks.plausibility.rules.diagnosis_rules import DiagnosisRule
from cds_hooks.plausibility.terminology.resolution import ICD_10_CM
from fhir_mapping.chart import Kind, PatientFacts, Polarity

__all__ = ["RECORDED", "FindingPattern", "chart_findings_in", "completed_patterns", "patterns"]

_TABLES = frozenset({"histories.toml", "labels.toml", "limits.toml"})
_ORDER = tuple(Seriousness)
RECORDED = "recorded in this encounter"
"""The first words of a finding whose diagnosis the chart records; the entry follows."""

_Weight = tuple[int, int, int]
_RECORDED_DAYS = 2.0
"""A diagnosis recorded this recently, or since the present stay began, is of this encounter."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingPattern(DiagnosisRule):
    """Of each group in `all` one criterion, `at_least` so many of `any`, none of `none`, and where
    a `score` is named at least `score_at_least` points of it, in a patient from `from_years` to
    below `below_years` of recorded `sex`: the findings fit `diagnosis`.

    `event` are the codes of the acute event itself, where `codes` hold chronic forms as well.
    `says` is what the source says, `own` what of the rule is this service's own choice.
    """

    diagnosis: str
    seriousness: Seriousness
    says: str
    looked_up: str | bool
    all: tuple[tuple[str, ...], ...] = ()
    any: tuple[str, ...] = ()
    at_least: int = 0
    none: tuple[str, ...] = ()
    score: str = ""
    score_at_least: float = 0.0
    event: tuple[str, ...] = ()
    own: str = ""
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

    @property
    def names(self) -> tuple[str, ...]:
        """The criteria that speak for the diagnosis, each once."""
        return tuple(dict.fromkeys([n for group in self.all for n in group] + list(self.any)))

    def found(self, criteria: Criteria) -> tuple[list[MetCriterion], ComputedScore | None]:
        """What of the chart makes the pattern, [] when it is not complete."""
        required = []
        for group in self.all:
            met = criteria.any_of(group)
            if not met:
                return [], None
            required += met
        further = criteria.any_of(self.any)
        if len(distinct_findings(further)) < self.at_least or criteria.any_of(self.none):
            return [], None
        scored = compute_score(scores()[self.score], criteria) if self.score else None
        if self.score and (scored is None or scored.points < self.score_at_least):
            return [], None
        told = [*required, *further, *(scored.met if scored else ())]
        of_now = [m for m in told if not m.background]
        return (told, scored) if of_now else ([], None)


@cache
def patterns() -> tuple[FindingPattern, ...]:
    """The shipped patterns of `data/chart_rules/`. Unknown keys are an error."""
    folder = data_file("chart_rules")
    found = sorted((f for f in folder.iterdir() if f.name not in _TABLES), key=lambda f: f.name)
    texts = (f.read_text("utf-8") for f in found if f.name.endswith(".toml"))
    return tuple(
        FindingPattern(**_frozen(p)) for text in texts for p in tomllib.loads(text)["pattern"]
    )


@cache
def _spread() -> Mapping[str, int]:
    """Of how many diagnoses the patterns name a finding, results by their analyte."""
    named = {(analyte_of(n), p.diagnosis) for p in patterns() for n in p.names}
    return Counter(name for name, _ in named)


def chart_findings_in(finding_index: FindingIndex) -> tuple[ChartFinding, ...]:
    """One finding for each diagnosis whose pattern the chart completes, the most serious first."""
    return tuple(finding for _, finding in completed_patterns(finding_index))


def completed_patterns(
    finding_index: FindingIndex,
) -> Sequence[tuple[FindingPattern, ChartFinding]]:
    """The patterns that a chart completes, each with its finding; computed once for each chart."""
    if finding_index.patterns is None:
        finding_index.patterns = tuple(_look(finding_index))
    found: Sequence[tuple[FindingPattern, ChartFinding]] = finding_index.patterns
    return found


def _look(finding_index: FindingIndex) -> list[tuple[FindingPattern, ChartFinding]]:
    best: dict[str, tuple[_Weight, FindingPattern, ChartFinding]] = {}
    criteria = Criteria(finding_index)
    for pattern in patterns():
        if not pattern.fits(criteria.patient):
            continue
        met, scored = pattern.found(criteria)
        if not met:
            continue
        finding = _finding(pattern, met, scored, finding_index)
        weight = _weight(finding, met)
        earlier = best.get(pattern.diagnosis)
        if earlier is None or weight > earlier[0]:
            best[pattern.diagnosis] = (weight, pattern, finding)
    heaviest = sorted(best.values(), key=lambda f: f[0], reverse=True)
    return [(pattern, finding) for _, pattern, finding in heaviest]


def _weight(finding: ChartFinding, met: Sequence[MetCriterion]) -> _Weight:
    """The most serious first, then by how many specific findings tell it, then by all of them."""
    specific = sum(is_specific(m, _spread()) for m in distinct_findings(met))
    return -_ORDER.index(finding.seriousness), specific, len(finding.told)


def _finding(
    pattern: FindingPattern,
    met: Sequence[MetCriterion],
    scored: ComputedScore | None,
    finding_index: FindingIndex,
) -> ChartFinding:
    required = {name for group in pattern.all for name in group}
    found = ChartFinding(
        rule=pattern.id,
        diagnosis=pattern.diagnosis,
        seriousness=pattern.seriousness,
        told=tuple(m.phrase for m in ordered_findings(met, _spread(), required)),
        fact_ids=tuple(dict.fromkeys(i for m in met for i in m.fact_ids)),
        source=pattern.source,
        score=scored.text if scored else "",
        missing=scored.missing if scored else (),
        own=pattern.own,
    )
    entry = _recorded_event(pattern, finding_index)
    if not entry:
        return found
    text = f"{RECORDED}: {finding_index.indexed.facts[entry].text}"
    return replace(
        found,
        seriousness=Seriousness.NOTABLE,
        told=(text, *found.told),
        fact_ids=(entry, *(i for i in found.fact_ids if i != entry)),
    )


def _recorded_event(pattern: FindingPattern, finding_index: FindingIndex) -> str:
    """The id of the entry that records the acute event itself as of this encounter, else "".

    A chronic form, an old event or a history is none: it raises the risk."""
    codes = pattern.event or pattern.codes
    limit = max([_RECORDED_DAYS, *_stay_days(finding_index)])
    for problem in finding_index.indexed.problems:
        days = problem.fact.days_ago
        if problem.active and days is not None and -1 <= days <= limit:
            told = problem.codes or {c.code for c in problem.concepts if c.system == ICD_10_CM}
            if any(c.startswith(codes) for c in told):
                return problem.fact.id
    reasons = (
        f for f in finding_index.indexed.of(Kind.COMPLAINT) if f.polarity is Polarity.PRESENT
    )
    return next(
        (
            f.id
            for f in reasons
            if any(c.code.startswith(codes) for c in f.codes if c.system == ICD_10_CM)
        ),
        "",
    )


def _stay_days(finding_index: FindingIndex) -> list[float]:
    """How long ago the present encounter began."""
    return [
        f.days_ago
        for f in finding_index.indexed.of(Kind.ENCOUNTER)
        if f.text.startswith("Present encounter") and f.days_ago is not None
    ]


def _frozen(raw: dict[str, Any]) -> dict[str, Any]:
    kept = {k: tuple(v) if isinstance(v, list) else v for k, v in raw.items()}
    kept["mesh"] = frozenset(kept.get("mesh", ()))
    kept["all"] = tuple(tuple(group) for group in raw.get("all", ()))
    kept["seriousness"] = Seriousness(raw["seriousness"])
    return kept
