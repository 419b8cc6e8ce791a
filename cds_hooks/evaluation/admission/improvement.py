"""Whether a tuned model is better than its base, as a figure and a requirement of an admission."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from cds_hooks.admission.manifest import Manifest
from cds_hooks.admission.record import AdmissionError, Requirement
from cds_hooks.consultation import ModelPart
from cds_hooks.evaluation.matching import MatchRule
from cds_hooks.evaluation.metrics import Figure, bootstrap, mcnemar
from cds_hooks.evaluation.runs.results import CaseResult, read_results
from cds_hooks.evaluation.runs.run_folder import read_manifest, same_suite
from cds_hooks.evaluation.runs.runner import RESULTS

__all__ = ["BETTER", "Improvement", "base_of", "improvement", "improvement_of_runs"]

BETTER = "better_than_base"
"""The stable name of the figure and of the requirement."""

_AMONG = 5
_BOUND = "above 0 with its whole 95 % interval, and an exact McNemar p below 0.05"
_LEVEL = 0.05
_WHY = "A tuned model that is not better than its base only adds something that may be wrong."

Improvement = tuple[Figure, Requirement]


def improvement(base: Sequence[CaseResult], tuned: Sequence[CaseResult]) -> Improvement:
    """The share of cases with the truth among five, tuned less base, on the cases of both runs.

    The truth is matched by the ancestor rule; the interval is by bootstrap over cases. Of a handful
    of cases that all changed a bootstrap draws nothing else, so the exact test has to agree.
    """
    before, after = _hits(base), _hits(tuned)
    gained = [float(after[case]) - float(before[case]) for case in before if case in after]
    figure = bootstrap(lambda drawn: float(np.mean(drawn[0])), [gained])
    chance = mcnemar(gained.count(1.0), gained.count(-1.0))
    met = bool(figure.low > 0 and chance < _LEVEL)
    return figure, Requirement(figure=BETTER, bound=_BOUND, why=_WHY, met=met)


def base_of(parts: Sequence[ModelPart], adapters: int) -> str:
    """The SHA-256 of the model that so many adapters were trained on; "" where it cannot be told:
    without any, of a model in several files, and with another chat template than the file's."""
    return parts[0].sha256 if adapters and len(parts) == 1 + adapters else ""


def improvement_of_runs(
    base: Path, tuned: Path, manifest: Manifest, *, base_sha256: str = ""
) -> Improvement:
    """The same of two run folders; the second must be of the model of `manifest`, and the first of
    that with `base_sha256` where it is known (`base_of`).

    Raises AdmissionError for a run of another model and for runs that asked in different ways,
    RunError for runs of different cases.
    """
    before, after = read_manifest(base), read_manifest(tuned)
    same_suite(before, after)
    if differs := _asked_otherwise(before, after):
        raise AdmissionError(
            f"the runs were made with other {', '.join(differs)}",
            where=str(base),
            hint="More samples or another template gain by themselves: ask base and tuned alike.",
        )
    if after.model["sha256"] != manifest.model["sha256"]:
        raise AdmissionError("the run is of another model", where=str(tuned))
    if before.model["sha256"] == manifest.model["sha256"]:
        hint = "Measure the base without its adapter."
        raise AdmissionError("the base's run is of the tuned model", where=str(base), hint=hint)
    if base_sha256 and before.model["sha256"] != base_sha256:
        hint = "Measure the model whose file the adapter is used with, without the adapter."
        raise AdmissionError("the base's run is of another base", where=str(base), hint=hint)
    return improvement(*(read_results(folder / RESULTS) for folder in (base, tuned)))


def _asked_otherwise(one: Manifest, other: Manifest) -> list[str]:
    alike = ("samples", "template", "names", "terminology", "seed")
    return [name for name in alike if getattr(one, name) != getattr(other, name)]


def _hits(results: Sequence[CaseResult]) -> Mapping[str, bool]:
    ranks = ((result.case, result.rank(MatchRule.ANCESTOR)) for result in results)
    return {case: rank is not None and rank <= _AMONG for case, rank in ranks}
