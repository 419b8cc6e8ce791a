"""A published score: items with points, the limit that decides, and what the chart does not tell.

The items stand in `data/scores/*.toml`. Points are added for what the chart tells. Where no missing
item could lower the score, a limit reached with items missing is reached. What is not told in words
is not counted and not called missing; a vital sign or result that was not measured, and a judgement
that only the clinician can make, are.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from typing import Any

from cds_hooks.plausibility.chart_rules.criteria import Criteria, MetCriterion
from cds_hooks.plausibility.chart_rules.phrases import measured
from cds_hooks.plausibility.data_files import data_file

__all__ = ["ScoreBand", "ScoreItem", "Score", "ComputedScore", "compute_score", "scores"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreBand:
    """Points for a value from `at_least` to `at_most`, both inclusive, in `unit`."""

    points: float
    unit: str = ""
    at_least: float = float("-inf")
    at_most: float = float("inf")


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreItem:
    """Points for one of the criteria `any`, for `from_years`, or by `bands` of an analyte.

    `judgement`: only a clinician can tell it, it is always missing."""

    name: str
    points: float = 0.0
    any: tuple[str, ...] = ()
    at_least: int = 1
    analyte: str = ""
    bands: tuple[ScoreBand, ...] = ()
    within_days: float = 1.0
    from_years: float = 0.0
    below_years: float = 200.0
    needs: str = ""
    judgement: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """A score with its items; `limit` is the points that decide, `means` what they then mean."""

    id: str
    title: str
    limit: float
    means: str
    items: tuple[ScoreItem, ...]
    source: str
    says: str
    looked_up: str | bool
    from_years: float = 0.0
    below_years: float = 200.0


@dataclass(frozen=True, slots=True)
class ComputedScore:
    """The points that a chart makes, by which findings, and which items it does not tell."""

    score: Score
    points: float
    met: tuple[MetCriterion, ...]
    missing: tuple[str, ...]

    @property
    def text(self) -> str:
        """As a card says it: "Wells 7.5, likely above 4"."""
        could_fall = any(i.points < 0 for i in self.score.items if i.name in self.missing)
        least = "at least " if self.missing and not could_fall else ""
        return f"{self.score.title} {least}{self.points:g}, {self.score.means}"


@cache
def scores() -> dict[str, Score]:
    """The shipped scores by id. Unknown keys are an error."""
    folder = data_file("scores")
    texts = (f.read_text("utf-8") for f in folder.iterdir() if f.name.endswith(".toml"))
    found = [_score(s) for text in texts for s in tomllib.loads(text)["score"]]
    return {s.id: s for s in found}


def _score(raw: dict[str, Any]) -> Score:
    items = tuple(_item(i) for i in raw.pop("item"))
    return Score(items=items, **raw)


def _item(raw: dict[str, Any]) -> ScoreItem:
    told: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in raw.items()}
    if "bands" in told:
        told["bands"] = tuple(ScoreBand(**b) for b in told["bands"])
    return ScoreItem(**told)


def compute_score(score: Score, criteria: Criteria) -> ComputedScore | None:
    """The score of a chart; None for an age that it is not published for."""
    age = criteria.patient.age_years
    if age is None or not score.from_years <= age < score.below_years:
        return None
    points, met, missing = 0.0, list[MetCriterion](), list[str]()
    for item in score.items:
        got, told, known = _evaluate(item, age, criteria)
        points += got
        met += told
        missing += [] if known else [item.name]
    return ComputedScore(score, points, tuple(met), tuple(missing))


def _evaluate(
    item: ScoreItem, age: float, criteria: Criteria
) -> tuple[float, list[MetCriterion], bool]:
    """Points, what makes them, and whether the chart tells the item at all."""
    if item.judgement:
        return 0.0, [], False
    if item.bands:
        return _banded(item, criteria)
    if item.any:
        told = criteria.any_of(item.any)
        if len(told) >= item.at_least:
            return item.points, told, True
        return 0.0, [], not item.needs or _is_measured(item, criteria)
    fits = item.from_years <= age < item.below_years
    return (item.points if fits else 0.0), [], True


def _is_measured(item: ScoreItem, criteria: Criteria) -> bool:
    return bool(criteria.finding_index.indexed.results.of(item.needs, item.within_days))


def _banded(item: ScoreItem, criteria: Criteria) -> tuple[float, list[MetCriterion], bool]:
    for fact in criteria.finding_index.indexed.results.of(item.analyte, item.within_days)[:1]:
        bands = [b for b in item.bands if b.unit == (fact.unit or "")]
        if fact.value is None or not bands:
            break
        value = fact.value
        points = max((b.points for b in bands if b.at_least <= value <= b.at_most), default=0.0)
        told = (
            [MetCriterion(item.analyte, measured(item.analyte, fact), (fact.id,))] if points else []
        )
        return points, told, True
    return 0.0, [], False
