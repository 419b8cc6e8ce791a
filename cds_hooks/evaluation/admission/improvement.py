"""Whether a tuned model is better than its base, as a figure and a requirement of an admission."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from cds_hooks.admission.manifest import Manifest
from cds_hooks.admission.record import AdmissionError, Requirement
from cds_hooks.evaluation.matching import MatchRule
from cds_hooks.evaluation.metrics import Figure, bootstrap
from cds_hooks.evaluation.runs.results import CaseResult, read_results
from cds_hooks.evaluation.runs.run_folder import read_manifest, same_suite
from cds_hooks.evaluation.runs.runner import RESULTS

__all__ = ["BETTER", "Improvement", "improvement", "improvement_of_runs"]

BETTER = "better_than_base"
"""The stable name of the figure and of the requirement."""

_AMONG = 5
_BOUND = "above 0 with its whole 95 % interval"
_WHY = "A tuned model that is not better than its base only adds something that may be wrong."

Improvement = tuple[Figure, Requirement]


def improvement(base: Sequence[CaseResult], tuned: Sequence[CaseResult]) -> Improvement:
    """The share of cases with the truth among five, tuned less base, on the cases of both runs.

    The truth is matched by the ancestor rule; the interval is by bootstrap over cases.
    """
    before, after = _hits(base), _hits(tuned)
    gained = [float(after[case]) - float(before[case]) for case in before if case in after]
    figure = bootstrap(lambda drawn: float(np.mean(drawn[0])), [gained])
    met = bool(figure.low > 0)
    return figure, Requirement(figure=BETTER, bound=_BOUND, why=_WHY, met=met)


def improvement_of_runs(base: Path, tuned: Path, manifest: Manifest) -> Improvement:
    """The same of two run folders; the second must be of the model of `manifest`.

    Raises AdmissionError for a run of another model, RunError for runs of different cases.
    """
    before, after = read_manifest(base), read_manifest(tuned)
    same_suite(before, after)
    if after.model["sha256"] != manifest.model["sha256"]:
        raise AdmissionError("the run is of another model", where=str(tuned))
    if before.model["sha256"] == manifest.model["sha256"]:
        hint = "Measure the base without its adapter."
        raise AdmissionError("the base's run is of the tuned model", where=str(base), hint=hint)
    return improvement(*(read_results(folder / RESULTS) for folder in (base, tuned)))


def _hits(results: Sequence[CaseResult]) -> Mapping[str, bool]:
    ranks = ((result.case, result.rank(MatchRule.ANCESTOR)) for result in results)
    return {case: rank is not None and rank <= _AMONG for case, rank in ranks}
