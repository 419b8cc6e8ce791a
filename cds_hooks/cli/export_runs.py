"""Runs of `chartside eval run` as documents quote them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from cds_hooks.admission.manifest import Manifest, Task
from cds_hooks.documents.installation import EvaluatedRun, Figure
from cds_hooks.evaluation.evaluation_errors import RunError
from cds_hooks.evaluation.metrics import Figure as Measured
from cds_hooks.evaluation.runs.results import read_results
from cds_hooks.evaluation.runs.run_folder import read_manifest
from cds_hooks.evaluation.runs.runner import RESULTS
from cds_hooks.evaluation.runs.summary import RunSummary, summarise

__all__ = ["evaluated_runs"]

_MANIFEST = "manifest.json"


def evaluated_runs(folder: Path) -> tuple[EvaluatedRun, ...]:
    """The runs in the folders of this folder. Raises RunError when there is no such folder, or when
    one of them cannot be read: a figure that is left out without a word would be a false one."""
    if not folder.is_dir():
        hint = "Correct documents.evaluations."
        raise RunError("there is no such folder", where=str(folder), hint=hint)
    places = sorted(each.parent for each in folder.glob(f"*/{_MANIFEST}"))
    return tuple(_run(each) for each in places if (each / RESULTS).is_file())


def _run(folder: Path) -> EvaluatedRun:
    manifest, results = read_manifest(folder), read_results(folder / RESULTS)
    summary = summarise(results)
    return EvaluatedRun(
        folder=folder.name,
        suite=manifest.suite.title,
        task=manifest.suite.task.value,
        origin=manifest.suite.origin,
        model=manifest.model["name"],
        model_sha256=manifest.model.get("sha256", ""),
        template=manifest.template["id"],
        made=manifest.started,
        cases=summary.cases,
        chartside=manifest.chartside,
        template_sha256=manifest.template.get("sha256", ""),
        samples=manifest.samples,
        names=manifest.names,
        notes=manifest.suite.notes,
        figures=tuple(_figures(manifest, summary)),
        groups=tuple(_groups(summary)),
        safety=tuple(_safety(summary)),
    )


def _figures(manifest: Manifest, summary: RunSummary) -> Iterator[Figure]:
    exact = summary.accuracy[0]
    yield _told("right first", exact.top1)
    if manifest.suite.task is Task.OPEN:
        yield _told("right among five", exact.top5)
    yield _told("answered", summary.answered)


def _groups(summary: RunSummary) -> Iterator[Figure]:
    for group in summary.groups:
        if group.kind != "tag":
            yield _told(f"{group.kind} {group.name or 'not recorded'}", group.top1)


def _safety(summary: RunSummary) -> Iterator[Figure]:
    yield _told("samples that were no valid answer", summary.samples_failed)
    yield _told("diagnoses whose name no terminology knows", summary.listed.unrecognised)
    for row in summary.listed.verdicts:
        yield _told(f'right of those called "{row.verdict.value}"', row.true)


def _told(name: str, found: Measured) -> Figure:
    if not found.known:
        return Figure(name, None, found.n)
    return Figure(name, found.value, found.n, found.low, found.high)
