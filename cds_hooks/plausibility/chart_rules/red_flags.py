"""Diagnoses not to be missed that a chart calls for, and those that no sample of a model named."""

from __future__ import annotations

import tomllib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from cds_hooks.consultation import Assessment, ChartFinding, Reason, Seriousness
from cds_hooks.plausibility.chart.finding_index import FindingIndex
from cds_hooks.plausibility.chart.indexed_chart import index_chart
from cds_hooks.plausibility.chart_rules.criteria import Criteria, Met
from cds_hooks.plausibility.chart_rules.finding_order import (
    analyte_of,
    distinct,
    is_specific,
    ordered,
)
from cds_hooks.plausibility.chart_rules.scores import Scored, compute, scores
from cds_hooks.plausibility.data_files import data_file
from cds_hooks.plausibility.rules.diagnosis_rules import Tied
from cds_hooks.plausibility.terminology import Terminology
from cds_hooks.plausibility.terminology.name_keys import key, key_words
from cds_hooks.plausibility.terminology.resolution import ICD_10_CM, Concept
from fhir_mapping.chart import Chart, Kind, PatientFacts, Polarity

__all__ = ["RECORDED", "Pattern", "found_in", "not_considered", "overlooked", "patterns"]

_TABLES = frozenset({"histories.toml", "labels.toml", "limits.toml"})
_ORDER = tuple(Seriousness)
RECORDED = "recorded in this encounter"
"""How a finding begins to tell that its diagnosis is recorded, which an entry follows."""

_Weight = tuple[int, int, int]
_RECORDED_DAYS = 2.0
"""A diagnosis recorded this recently, or since the present stay began, is of this encounter."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pattern(Tied):
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

    def found(self, criteria: Criteria) -> tuple[list[Met], Scored | None]:
        """What of the chart makes the pattern, [] when it is not complete."""
        required = []
        for group in self.all:
            met = criteria.any_of(group)
            if not met:
                return [], None
            required += met
        further = criteria.any_of(self.any)
        if len(distinct(further)) < self.at_least or criteria.any_of(self.none):
            return [], None
        scored = compute(scores()[self.score], criteria) if self.score else None
        if self.score and (scored is None or scored.points < self.score_at_least):
            return [], None
        told = [*required, *further, *(scored.met if scored else ())]
        of_now = [m for m in told if not m.background]
        return (told, scored) if of_now else ([], None)


@cache
def patterns() -> tuple[Pattern, ...]:
    """The shipped patterns of `data/chart_rules/`. Unknown keys are an error."""
    folder = data_file("chart_rules")
    found = sorted((f for f in folder.iterdir() if f.name not in _TABLES), key=lambda f: f.name)
    texts = (f.read_text("utf-8") for f in found if f.name.endswith(".toml"))
    return tuple(Pattern(**_frozen(p)) for text in texts for p in tomllib.loads(text)["pattern"])


@cache
def _spread() -> Mapping[str, int]:
    """Of how many diagnoses the patterns name a finding, results by their analyte."""
    named = {(analyte_of(n), p.diagnosis) for p in patterns() for n in p.names}
    return Counter(name for name, _ in named)


def found_in(seen: FindingIndex) -> tuple[ChartFinding, ...]:
    """One finding a diagnosis of which the chart completes a pattern, the most serious first."""
    return tuple(finding for _, finding in _found(seen))


def _found(seen: FindingIndex) -> Sequence[tuple[Pattern, ChartFinding]]:
    """The patterns that a chart completes, each with its finding; looked for once a chart."""
    if seen.patterns is None:
        seen.patterns = tuple(_look(seen))
    found: Sequence[tuple[Pattern, ChartFinding]] = seen.patterns
    return found


def _look(seen: FindingIndex) -> list[tuple[Pattern, ChartFinding]]:
    best: dict[str, tuple[_Weight, Pattern, ChartFinding]] = {}
    criteria = Criteria(seen)
    for pattern in patterns():
        if not pattern.fits(criteria.patient):
            continue
        met, scored = pattern.found(criteria)
        if not met:
            continue
        finding = _finding(pattern, met, scored, seen)
        weight = _weight(finding, met)
        earlier = best.get(pattern.diagnosis)
        if earlier is None or weight > earlier[0]:
            best[pattern.diagnosis] = (weight, pattern, finding)
    heaviest = sorted(best.values(), key=lambda f: f[0], reverse=True)
    return [(pattern, finding) for _, pattern, finding in heaviest]


def _weight(finding: ChartFinding, met: Sequence[Met]) -> _Weight:
    """The most serious first, then by how many specific findings tell it, then by all of them."""
    specific = sum(is_specific(m, _spread()) for m in distinct(met))
    return -_ORDER.index(finding.seriousness), specific, len(finding.told)


def _finding(
    pattern: Pattern, met: Sequence[Met], scored: Scored | None, seen: FindingIndex
) -> ChartFinding:
    required = {name for group in pattern.all for name in group}
    found = ChartFinding(
        rule=pattern.id,
        diagnosis=pattern.diagnosis,
        seriousness=pattern.seriousness,
        told=tuple(m.phrase for m in ordered(met, _spread(), required)),
        fact_ids=tuple(dict.fromkeys(i for m in met for i in m.fact_ids)),
        source=pattern.source,
        score=scored.text if scored else "",
        missing=scored.missing if scored else (),
        own=pattern.own,
    )
    entry = _recorded_event(pattern, seen)
    if not entry:
        return found
    text = f"{RECORDED}: {seen.record.facts[entry].text}"
    return replace(
        found,
        seriousness=Seriousness.NOTABLE,
        told=(text, *found.told),
        fact_ids=(entry, *(i for i in found.fact_ids if i != entry)),
    )


def _is_recorded(finding: ChartFinding) -> bool:
    return bool(finding.told) and finding.told[0].startswith(RECORDED)


def _recorded_event(pattern: Pattern, seen: FindingIndex) -> str:
    """The id of the entry that records the acute event itself as of this encounter, else "".

    A chronic form, an old event or a history is none: it raises the risk."""
    codes = pattern.event or pattern.codes
    limit = max([_RECORDED_DAYS, *_stay_days(seen)])
    for problem in seen.record.problems:
        days = problem.fact.days_ago
        if problem.active and days is not None and -1 <= days <= limit:
            told = problem.codes or {c.code for c in problem.concepts if c.system == ICD_10_CM}
            if any(c.startswith(codes) for c in told):
                return problem.fact.id
    reasons = (f for f in seen.record.of(Kind.COMPLAINT) if f.polarity is Polarity.PRESENT)
    return next(
        (
            f.id
            for f in reasons
            if any(c.code.startswith(codes) for c in f.codes if c.system == ICD_10_CM)
        ),
        "",
    )


def _stay_days(seen: FindingIndex) -> list[float]:
    """How long ago the present encounter began."""
    return [
        f.days_ago
        for f in seen.record.of(Kind.ENCOUNTER)
        if f.text.startswith("Present encounter") and f.days_ago is not None
    ]


def not_considered(
    chart: Chart, assessments: Sequence[Assessment], terminology: Terminology
) -> tuple[Reason, ...]:
    """One reason a pattern that the chart completes and whose diagnosis is not in the list, the
    most serious first.

    It says that the model did not consider it, with the facts; it does not say that it is so.
    """
    return overlooked(FindingIndex(index_chart(chart, terminology)), assessments, terminology)


def overlooked(
    seen: FindingIndex, assessments: Sequence[Assessment], terminology: Terminology
) -> tuple[Reason, ...]:
    """As `not_considered`, of a chart already prepared. A history or a chronic form on the problem
    list does not silence a pattern; the acute event recorded in this encounter does."""
    named = [
        (terminology.resolve(name).concepts, key(key_words(name)))
        for one in assessments
        for name in dict.fromkeys((one.name, *one.written_as))
    ]
    return tuple(
        _reason(finding)
        for pattern, finding in _found(seen)
        if not _is_recorded(finding) and not _considered(pattern, named)
    )


def _reason(finding: ChartFinding) -> Reason:
    text = f"{finding.diagnosis}: the chart tells of {', '.join(finding.told)}"
    return Reason("not-considered", "fail", text, finding.fact_ids, finding.source)


def _considered(pattern: Pattern, named: Iterable[tuple[tuple[Concept, ...], str]]) -> bool:
    """Whether a diagnosis of the list is the pattern's, a kind of it, or is called like it."""
    own = key(key_words(pattern.diagnosis))
    return any(pattern.concerns(concepts) or called == own for concepts, called in named)


def _frozen(raw: dict[str, Any]) -> dict[str, Any]:
    kept = {k: tuple(v) if isinstance(v, list) else v for k, v in raw.items()}
    kept["mesh"] = frozenset(kept.get("mesh", ()))
    kept["all"] = tuple(tuple(group) for group in raw.get("all", ()))
    kept["seriousness"] = Seriousness(raw["seriousness"])
    return kept
