"""From a diagnosis's features to one score, by trained coefficients or by fixed rules. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass

from cds_hooks.verifier.coefficient_file import CoefficientFile
from cds_hooks.verifier.feature_catalogue import MISSING
from cds_hooks.verifier.features import Features, value_of
from cds_hooks.verifier.fixed_rules import FixedRules

__all__ = ["Contribution", "Score", "contributions", "score_by_coefficients", "score_by_rules"]


@dataclass(frozen=True, slots=True)
class Score:
    """`value` orders diagnoses of one consultation: with coefficients it lies between 0 and 1.

    `missing` are features that are not known here. `unlearned` are those of them that were always
    known where the coefficients were fitted: the order still holds as far as it goes, but nothing
    was learnt of what their absence means.
    """

    value: float
    missing: tuple[str, ...]
    unlearned: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Contribution:
    """What a feature adds to the log-odds of a diagnosis being right."""

    feature: str
    value: float | None
    log_odds: float


def contributions(file: CoefficientFile, features: Features) -> tuple[Contribution, ...]:
    """What each feature adds, in the file's order; a missing one adds nothing by itself."""
    found = []
    for name, weight, mean, scale in zip(
        file.features,
        file.coefficients,
        file.standardisation.mean,
        file.standardisation.scale,
        strict=True,
    ):
        value = value_of(features, name)
        added = 0.0 if value is None else weight * (value - mean) / scale
        found.append(Contribution(name, value, added))
    return tuple(found)


def score_by_coefficients(file: CoefficientFile, features: Features) -> Score:
    """The probability by the logistic curve, before it is calibrated."""
    parts = contributions(file, features)
    missing = tuple(part.feature for part in parts if part.value is None)
    return Score(
        value=_logistic(file.intercept + math.fsum(part.log_odds for part in parts)),
        missing=missing,
        unlearned=tuple(name for name in missing if f"{MISSING}{name}" not in file.features),
    )


def score_by_rules(rules: FixedRules, features: Features) -> Score:
    """The weighted sum."""
    values = [(rule, value_of(features, rule.feature)) for rule in rules.rule]
    return Score(
        value=math.fsum(rule.weight * value for rule, value in values if value is not None),
        missing=tuple(rule.feature for rule, value in values if value is None),
    )


def _logistic(log_odds: float) -> float:
    if log_odds >= 0:
        return 1 / (1 + math.exp(-log_odds))
    raised = math.exp(log_odds)
    return raised / (1 + raised)
