"""Nothing is measured on what it was fitted on: training manifests beside the files of a run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated

import typer

from cds_hooks.evaluation.suites.suite import Suite
from cds_hooks.evaluation.trained_cases import left_out, require_unseen, trained_beside
from cds_hooks.settings import Settings

__all__ = ["FittedOn", "LeaveOut", "fitted_beside", "unseen_by"]

FittedOn = Annotated[
    list[Path] | None,
    typer.Option(help="Manifests of what was fitted, beside those that lie by the model's files."),
]
LeaveOut = Annotated[
    bool,
    typer.Option("--leave-out-fitted", help="Go without cases that were fitted on, not refuse."),
]


def unseen_by(
    suite: Suite, settings: Settings, named: Sequence[Path] | None, *, leave_out: bool, limit: int
) -> Suite:
    """The first `limit` cases (0: all) of a suite that nothing of the model was fitted on.

    Raises TrainedCase for a fitted one among them, unless they are to be left out.
    """
    manifests = [*(named or ()), *fitted_beside(settings)]
    left = left_out(suite, manifests) if leave_out else suite
    if gone := len(suite.cases) - len(left.cases):
        typer.echo(f"left out: {gone} cases, fitted on or not kept for measuring", err=True)
    chosen = left.only(c.id for c in left.cases[: limit or None])
    require_unseen(chosen, manifests)
    return chosen


def fitted_beside(settings: Settings) -> tuple[Path, ...]:
    """The training manifests beside the model's files and its adapters', and those of a panel."""
    return trained_beside(_files(settings))


def _files(settings: Settings) -> Iterator[Path]:
    yield settings.model.path
    yield from (adapter.path for adapter in settings.model.adapters)
    for file in settings.panel.files:
        yield file.path
        yield from (adapter.path for adapter in file.adapters)
