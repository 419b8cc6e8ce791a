"""What is known of a proposed diagnosis, as numbers. What is not known is left out. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from statistics import fmean

from cds_hooks.consultation import Verdict
from cds_hooks.verifier.evidence import ConsultationEvidence, NameEvidence, ProposedDiagnosis
from cds_hooks.verifier.feature_catalogue import MISSING

__all__ = ["Features", "features_of", "log_odds", "value_of"]

Features = Mapping[str, float]
"""Values by the names of `data/features.toml`; a name that is not there is missing."""

_RELEVANT = "evidence-relevant"
_FAILED, _ANY_FAILED = "failed:", "rules_against"
_LEAST = 0.001
# "uncertain" is what the other verdicts are compared with.
_VERDICTS = tuple(v for v in Verdict if v is not Verdict.UNCERTAIN)


def features_of(evidence: ConsultationEvidence) -> tuple[Features, ...]:
    """The features of each proposed diagnosis, in their order."""
    shares = [_vote_share(p, evidence.models) for p in evidence.proposed]
    return tuple(
        dict(_features(number, evidence, shares)) for number in range(len(evidence.proposed))
    )


def log_odds(probability: float) -> float:
    """ln(p / (1 - p)) of a probability kept within 0.001 and 0.999, so that it is finite.

    Raises ValueError for what is no probability.
    """
    if not 0 <= probability <= 1:
        raise ValueError("a probability lies between 0 and 1")
    kept = min(max(probability, _LEAST), 1 - _LEAST)
    return math.log(kept / (1 - kept))


def _features(
    number: int, evidence: ConsultationEvidence, shares: Sequence[float | None]
) -> Iterator[tuple[str, float]]:
    proposed = evidence.proposed[number]
    yield "candidates", math.log(len(evidence.proposed))
    yield from _votes(number, shares)
    if proposed.places is not None:
        yield from _places(proposed.places, evidence.models)
    yield from _verdict(proposed.verdict)
    yield from _checks(proposed)
    yield from _name(proposed.name)


def _votes(number: int, shares: Sequence[float | None]) -> Iterator[tuple[str, float]]:
    own = shares[number]
    if own is None:
        return
    yield "vote_share", own
    others = [s for i, s in enumerate(shares) if i != number]
    known = [s for s in others if s is not None]
    if len(known) == len(others):
        yield "margin", own - max(known, default=0.0)


def _vote_share(proposed: ProposedDiagnosis, models: Sequence[str]) -> float | None:
    if proposed.places is None or not models:
        return proposed.agreement
    return _each_model_once([float(p is not None) for p in proposed.places], models)


def _places(places: Sequence[int | None], models: Sequence[str]) -> Iterator[tuple[str, float]]:
    if not models:
        return
    named = [float(p is not None) for p in places]
    by_model = _by_model(named, models)
    if len(by_model) > 1:
        yield "model_share", fmean(float(any(own)) for own in by_model.values())
    yield "first_share", _each_model_once([float(p == 1) for p in places], models)
    yield "reciprocal_rank", _each_model_once([1 / p if p else 0.0 for p in places], models)
    for model, own in by_model.items():
        yield f"votes:{model}", fmean(own)


def _by_model(values: Sequence[float], models: Sequence[str]) -> dict[str, list[float]]:
    found: dict[str, list[float]] = {}
    for value, model in zip(values, models, strict=True):
        found.setdefault(model, []).append(value)
    return found


def _each_model_once(values: Sequence[float], models: Sequence[str]) -> float:
    """The mean over models of the mean over each model's samples."""
    return fmean(fmean(own) for own in _by_model(values, models).values())


def _verdict(given: Verdict | None) -> Iterator[tuple[str, float]]:
    if given is not None:
        for verdict in _VERDICTS:
            yield f"verdict_{verdict.value}", float(given is verdict)


def _checks(proposed: ProposedDiagnosis) -> Iterator[tuple[str, float]]:
    passed, failed = proposed.passed, proposed.failed
    if failed is not None:
        yield _ANY_FAILED, float(len(failed))
        yield from ((f"{_FAILED}{check}", 1.0) for check in sorted(failed))
    if passed is not None:
        yield "rules_for", float(len(passed))
    if failed is not None and _RELEVANT in failed:
        yield "relevance", -1.0
    elif passed is not None:
        yield "relevance", float(_RELEVANT in passed)


def _name(asked: NameEvidence) -> Iterator[tuple[str, float]]:
    if asked.log_probability is not None:
        yield "log_probability", asked.log_probability
        if asked.tokens:
            yield "log_probability_per_token", asked.log_probability / asked.tokens
    if asked.p_true is not None:
        yield "p_true", log_odds(asked.p_true)
    if asked.second_view is not None:
        yield "second_view", log_odds(asked.second_view)


def value_of(features: Features, name: str) -> float | None:
    """A feature's value, None where it is missing; of an indicator (`missing:NAME`) 1 or 0.

    A check that did not fail is 0, as long as the checks that failed are known at all.
    """
    if name.startswith(MISSING):
        return float(value_of(features, name.removeprefix(MISSING)) is None)
    if name.startswith(_FAILED) and _ANY_FAILED in features:
        return features.get(name, 0.0)
    return features.get(name)
