"""Runs and files that the commands of `chartside verifier` read."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from cds_hooks.admission.manifest import Manifest, Task
from cds_hooks.evaluation.evaluation_errors import RunError
from cds_hooks.evaluation.matching import MatchRule
from cds_hooks.evaluation.runs.results import read_results
from cds_hooks.evaluation.runs.run_folder import read_manifest
from cds_hooks.evaluation.runs.runner import RESULTS
from cds_hooks.evaluation.trained_cases import fitted_cases
from cds_hooks.evaluation.verifier.labelled import LabelledCase, from_results
from cds_hooks.evaluation.verifier.making import Origin, require_distinct
from cds_hooks.verifier import CoefficientFile, VerifierError, read_coefficients
from cds_hooks.verifier.coefficient_file import Dataset

__all__ = ["LabelledRuns", "fitted_match", "read_file", "read_runs", "trained_by"]

_MANIFEST = "manifest.json"
_TASKS: dict[Task, Literal["open-ended", "closed-list"]] = {
    Task.OPEN: "open-ended",
    Task.CLOSED: "closed-list",
}


@dataclass(frozen=True, slots=True)
class LabelledRuns:
    """The cases of all runs, and where they are from."""

    cases: tuple[LabelledCase, ...]
    origin: Origin


def read_runs(folders: Sequence[Path], match: MatchRule) -> LabelledRuns:
    """Runs of the same model with as many samples, over different cases.

    Raises RunError for runs that do not go together, VerifierError for a case in two of them.
    """
    manifests = [read_manifest(folder) for folder in folders]
    first = manifests[0]
    for folder, manifest in zip(folders, manifests, strict=True):
        _require_alike(first, manifest, folder)
    cases = tuple(
        case
        for folder, manifest in zip(folders, manifests, strict=True)
        for case in from_results(
            manifest.suite.id,
            read_results(folder / RESULTS),
            models=[manifest.model["name"]] * manifest.samples,
            match=match,
        )
    )
    require_distinct(cases)
    return LabelledRuns(cases, _origin(folders, manifests, match))


def read_file(path: Path) -> CoefficientFile:
    """A verifier's file. Raises VerifierError."""
    try:
        return read_coefficients(path.read_bytes())
    except OSError as error:
        raise VerifierError("cannot be read", where=str(path)) from error


def fitted_match(file: CoefficientFile) -> MatchRule:
    """When a diagnosis was right where a file was fitted; "exact" of a trial, whose levels differ.

    Its probabilities and sets are a promise about that rule alone.
    """
    known = {rule.value: rule for rule in MatchRule}
    return known.get(file.source.match, MatchRule.EXACT)


def trained_by(manifests: Sequence[Path] | None) -> frozenset[str]:
    """The digests of all cases of training manifests. Raises RunError."""
    return frozenset(d for path in manifests or () for d in fitted_cases(path))


def _require_alike(first: Manifest, other: Manifest, folder: Path) -> None:
    if other.suite.task not in _TASKS:
        raise RunError("a run in which nothing was diagnosed", where=str(folder))
    of = [(m.suite.task, m.model["sha256"], m.samples) for m in (first, other)]
    if of[0] != of[1]:
        raise RunError(
            "a run of another task, another model or another number of samples",
            where=str(folder),
            hint="A verifier is of one model, or panel, and so many samples.",
        )


def _origin(folders: Sequence[Path], manifests: Sequence[Manifest], match: MatchRule) -> Origin:
    first = manifests[0]
    return Origin(
        data=tuple(
            Dataset(title=m.suite.title[:200], sha256=_sha256(folder / _MANIFEST))
            for folder, m in zip(folders, manifests, strict=True)
        ),
        task=_TASKS[first.suite.task],
        match=match.value,
        models=(first.model["name"],),
        samples=first.samples,
    )


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
