"""`chartside eval matrix`: many models over the same suites, in as many sittings as it takes."""

from __future__ import annotations

import asyncio
import contextlib
import fnmatch
import re
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from cds_hooks.cli import show
from cds_hooks.cli.evaluation_baselines import Json
from cds_hooks.cli.evaluation_run import Asking, Bench, bench
from cds_hooks.evaluation.evaluation_errors import MatrixError
from cds_hooks.evaluation.matrix.cell_folder import CellState, state_of
from cds_hooks.evaluation.matrix.cost import Measured, Needed, SizeClass, cost, parse_mix
from cds_hooks.evaluation.matrix.page import CellFigures, figures_of, matrix_page
from cds_hooks.evaluation.matrix.plan import Answers, Cell, Matrix, Template, read_matrix
from cds_hooks.evaluation.matrix.running import Sitting, TimeOver, run_matrix
from cds_hooks.evaluation.report.write import to_html, to_markdown
from cds_hooks.evaluation.runs.results import CaseResult
from cds_hooks.evaluation.runs.runner import run_suite
from cds_hooks.evaluation.suite_loading import load_suite
from cds_hooks.settings import Settings, load_settings

__all__ = ["matrix_app"]

matrix_app = typer.Typer(
    name="matrix",
    help="Compare many models over the same suites, in as many sittings as it takes.",
    no_args_is_help=True,
    add_completion=False,
)

File = Annotated[Path, typer.Argument(help="The matrix (TOML): models, suites, ways of asking.")]
Output = Annotated[Path, typer.Option(help="Folder of the matrix's runs and its report.")]
_PEAK = re.compile(r"^VmHWM:\s+(\d+) kB", re.MULTILINE)


@matrix_app.command("run")
def run(
    matrix: File,
    output: Output,
    only: Annotated[str, typer.Option(help="Cells whose MODEL/SUITE/WAY fits this pattern.")] = "*",
    hours: Annotated[float, typer.Option(min=0, help="Stop after so many; 0: when done.")] = 0.0,
    again: Annotated[bool, typer.Option("--again", help="Ask cells that failed, too.")] = False,
    config: Annotated[Path | None, typer.Option(help="Settings file (TOML).")] = None,
    json: Json = False,
) -> None:
    """Ask every cell that is not done; started again, it goes on where it was.

    Several processes, also on machines that share the folder, take a cell each.
    """
    known, _ = read_matrix(matrix)
    cells = _chosen(known, only)
    ends = time.monotonic() + 3600 * hours if hours else None
    with _Bars(json=json) as bars:
        asker = _Asker(load_settings(config), ends, bars)
        work = run_matrix(cells, output, asker.ask, again=again, told=bars.cell)
        states = asyncio.run(work)
    _tell_states(states, json=json)
    if states[CellState.FAILED]:
        raise typer.Exit(1)


@matrix_app.command("status")
def status(matrix: File, output: Output, json: Json = False) -> None:
    """How far each cell is, and what failed."""
    known, _ = read_matrix(matrix)
    rows = [(cell, *state_of(cell, output)) for cell in known.cells()]
    if json:
        told = [
            {"cell": str(c.place), "state": s, "cases": len(found), **r.model_dump()}
            for c, s, r, found in rows
        ]
        typer.echo(orjson.dumps(told, option=orjson.OPT_INDENT_2).decode())
        return
    table = Table("cell", "state", "cases", "seconds", "failed")
    for cell, state, record, found in rows:
        done = f"{len(found)} of {record.cases or '?'}"
        table.add_row(str(cell.place), state, done, f"{record.asking_s:.0f}", record.failed)
    show.screen().print(table)


@matrix_app.command("report")
def report(
    matrix: File,
    output: Output,
    mix: Annotated[
        str,
        typer.Option(help="Compute what others would take: BILLIONS:MODELS,..., as 8:100,70:88."),
    ] = "",
    json: Json = False,
) -> None:
    """Make the table, the plots and the ranks of what is there: report.html and report.md."""
    known, sha256 = read_matrix(matrix)
    figures = [figures_of(cell, *state_of(cell, output)) for cell in known.cells()]
    needed = _needed(figures, _mix(mix))
    page = matrix_page(figures, needed)
    output.mkdir(parents=True, exist_ok=True)
    (output / "report.html").write_text(to_html(page), "utf-8")
    (output / "report.md").write_text(to_markdown(page), "utf-8")
    if json:
        told = {
            "matrix_sha256": sha256,
            "cells": [_told(f) for f in figures],
            "needed": None if needed is None else asdict(needed),
        }
        typer.echo(orjson.dumps(told, option=orjson.OPT_INDENT_2).decode())
        return
    console = show.screen()
    console.print(to_markdown(page), markup=False)
    console.print(f"{output}/report.html")


class _Asker:
    """Asks one cell by a service of its own, whose records are gone when it ends."""

    def __init__(self, settings: Settings, ends: float | None, bars: _Bars) -> None:
        self._settings, self._ends, self._bars = settings, ends, bars

    async def ask(self, cell: Cell, folder: Path, sitting: Sitting) -> None:
        if self._ends is not None and time.monotonic() >= self._ends:
            raise TimeOver
        now = datetime.now(UTC)
        suite = load_suite(cell.suite.id, cell.suite.data, now=now)
        chosen = suite.only(c.id for c in suite.cases[: cell.suite.limit or None])
        sitting.cases = len(chosen.cases)
        asking = Asking(
            seed=cell.seed,
            samples=cell.samples,
            names=cell.answers is Answers.NAMES,
            brief=cell.template is Template.BRIEF,
            engines=1,
        )
        began = time.monotonic()
        async with bench(self._of(cell), now, asking) as service:
            sitting.load_s = time.monotonic() - began
            told = self._watch(service, sitting, len(chosen.cases))
            answer, manifest = service.answering(chosen.task), service.manifest(chosen)
            await run_suite(chosen, answer, manifest, folder, told=told)

    def _of(self, cell: Cell) -> Settings:
        settings = load_settings(cell.model.settings) if cell.model.settings else self._settings
        if cell.model.file is None:
            return settings
        model = settings.model.model_copy(update={"path": cell.model.file, "sha256": None})
        return settings.model_copy(update={"model": model})

    def _watch(
        self, service: Bench, sitting: Sitting, cases: int
    ) -> Callable[[CaseResult, int], None]:
        def told(_: CaseResult, done: int) -> None:
            sitting.memory_bytes = max(_peaks(service), default=None)
            self._bars.cases(done, cases)
            if self._ends is not None and time.monotonic() >= self._ends and done < cases:
                raise TimeOver

        return told


class _Bars:
    """Two bars on the error stream: cells, and the cases of the one that is asked."""

    def __init__(self, *, json: bool) -> None:
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
        console = show.screen(json=True)
        self._progress = Progress(*columns, TimeRemainingColumn(), console=console, disable=json)
        self._cases = self._progress.add_task("", total=None)

    def __enter__(self) -> _Bars:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def cell(self, cell: Cell, state: CellState) -> None:
        if state is CellState.BEGUN:
            self._progress.reset(self._cases, description=str(cell.place), total=None)
        else:
            self._progress.console.print(f"{cell.place}: {state}", markup=False)

    def cases(self, done: int, cases: int) -> None:
        self._progress.update(self._cases, completed=done, total=cases)


def _chosen(matrix: Matrix, only: str) -> list[Cell]:
    """The cells that fit. Raises MatrixError when none does."""
    cells = [cell for cell in matrix.cells() if fnmatch.fnmatch(str(cell.place), only)]
    if not cells:
        raise MatrixError("no cell fits the pattern", where=only, hint="See `eval matrix status`.")
    return cells


def _peaks(service: Bench) -> Iterator[int]:
    """Largest resident sets of the engine processes, in bytes, where the system tells them."""
    for runtime in service.runtimes:
        pid = getattr(runtime.engine, "pid", None)
        with contextlib.suppress(OSError):
            found = _PEAK.search(Path(f"/proc/{pid}/status").read_text())
            if pid is not None and found:
                yield 1024 * int(found[1])


def _mix(said: str) -> Sequence[SizeClass]:
    try:
        return parse_mix(said) if said else ()
    except ValueError:
        hint = "As 8:100,70:88: billions of parameters, and how many models of that size."
        raise typer.BadParameter(hint, param_hint="--mix") from None


def _needed(figures: Sequence[CellFigures], mix: Sequence[SizeClass]) -> Needed | None:
    """By the models that have finished every suite and way that any has finished: three samples
    take longer than one, so seconds a case are those of all of them together."""
    done = [f for f in figures if f.state is CellState.DONE]
    cases = {(f.cell.suite.id, f.cell.way): f.record.cases for f in done}
    seconds: dict[str, dict[tuple[str, str], float]] = {}
    sizes: dict[str, float] = {}
    for f in done:
        if f.cell.model.parameters_b:
            sizes[f.cell.model.name] = f.cell.model.parameters_b
            own = seconds.setdefault(f.cell.model.name, {})
            own[f.cell.suite.id, f.cell.way] = f.total_s
    whole = sum(cases.values())
    measured = [
        Measured(sizes[name], sum(own.values()) / whole)
        for name, own in seconds.items()
        if own.keys() == cases.keys()
    ]
    return cost(measured, mix, whole)


def _told(found: CellFigures) -> dict[str, Any]:
    return {
        "cell": str(found.cell.place),
        "state": found.state,
        **{name: asdict(getattr(found, name)) for name in ("top1", "top5", "valid", "seconds")},
        "record": found.record.model_dump(),
    }


def _tell_states(states: dict[CellState, int], *, json: bool) -> None:
    if json:
        typer.echo(orjson.dumps(states, option=orjson.OPT_NON_STR_KEYS).decode())
        return
    told = ", ".join(f"{n} {state}" for state, n in states.items() if n)
    show.screen().print(f"cells: {told}", markup=False)
