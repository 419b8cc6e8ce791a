"""`chartside eval`: measure models and checks on benchmarks, and report it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import orjson
import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from cds_hooks.cli import show
from cds_hooks.cli.evaluation_baselines import Data, Json, duplicates, look_up_baseline
from cds_hooks.cli.evaluation_feedback import feedback
from cds_hooks.cli.evaluation_fitted import FittedOn, LeaveOut, unseen_by
from cds_hooks.cli.evaluation_matrix import matrix_app
from cds_hooks.cli.evaluation_pair import NAMES_AND_FREE, pair_table, pair_told, run_pair
from cds_hooks.cli.evaluation_run import Asking, bench
from cds_hooks.evaluation.evaluation_errors import SuiteError
from cds_hooks.evaluation.matching import MatchRule
from cds_hooks.evaluation.report import page
from cds_hooks.evaluation.report.comparison import comparison_text
from cds_hooks.evaluation.report.page import Page
from cds_hooks.evaluation.report.runs import Run, headline, run_page
from cds_hooks.evaluation.report.write import to_html, to_markdown
from cds_hooks.evaluation.research.catalogue import catalogue
from cds_hooks.evaluation.research.eurorad import EURORAD
from cds_hooks.evaluation.research.paper_page import paper_page
from cds_hooks.evaluation.research.replay import replay
from cds_hooks.evaluation.research.replayed_run import recorded_voice
from cds_hooks.evaluation.runs.comparison import compare_runs
from cds_hooks.evaluation.runs.results import CaseResult, read_results
from cds_hooks.evaluation.runs.run_folder import read_manifest, same_suite
from cds_hooks.evaluation.runs.runner import RESULTS, run_suite
from cds_hooks.evaluation.runs.summary import summarise
from cds_hooks.evaluation.suite_loading import find_file, load_suite
from cds_hooks.evaluation.suites.registry import known_suites
from cds_hooks.evaluation.suites.suite import OnError, Suite, Task
from cds_hooks.settings import Settings, load_settings
from cds_hooks.settings.default_paths import written

__all__ = ["eval_app"]

eval_app = typer.Typer(
    name="eval",
    help="Measure models and checks on benchmarks.",
    no_args_is_help=True,
    add_completion=False,
)

_RUNS = written("eval")


eval_app.add_typer(matrix_app)
eval_app.command("feedback")(feedback)
eval_app.command("duplicates")(duplicates)
eval_app.command("look-up")(look_up_baseline)


@eval_app.command("suites")
def suites(json: Json = False) -> None:
    """List the suites: task, file, origin and licence."""
    known = known_suites()
    if json:
        told = {name: info.model_dump(mode="json") for name, info in known.items()}
        typer.echo(orjson.dumps(told, option=orjson.OPT_INDENT_2).decode())
        return
    table = Table("suite", "task", "file", "origin", "licence")
    for name, info in known.items():
        table.add_row(name, info.task.value, info.file, info.origin, info.licence)
    show.screen().print(table)


@eval_app.command("run")
def run(
    suite: Annotated[str, typer.Option(help="Which suite; `eval suites` lists them.")],
    data: Data,
    output: Annotated[Path | None, typer.Option(help="Folder of the run.")] = None,
    labels: Annotated[Path | None, typer.Option(help="Truths beside an NDJSON export.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed of samples and of option order.")] = 0,
    samples: Annotated[int, typer.Option(min=0, help="Samples a case; 0: as set.")] = 0,
    names: Annotated[
        bool | None,
        typer.Option("--names/--free", help="Diagnoses along the terminology's names, or free."),
    ] = None,
    brief: Annotated[
        bool | None,
        typer.Option("--brief/--full", help="Short answers; so by default for demonstration."),
    ] = None,
    evidence: Annotated[
        bool, typer.Option("--evidence/--no-evidence", help="No evidence: names alone, faster.")
    ] = True,
    engines: Annotated[
        int,
        typer.Option(min=0, max=64, help="Engine processes; 0: one, of demonstration one a core."),
    ] = 0,
    concurrency: Annotated[
        int, typer.Option(min=1, max=16, help="Cases in flight together in each engine.")
    ] = 1,
    recorded: Annotated[
        str, typer.Option(help="Of eurorad-replay: the model or panel whose answers are replayed.")
    ] = "",
    realigned: Annotated[
        bool, typer.Option("--realigned", help="Of eurorad-replay: rows that slipped, corrected.")
    ] = False,
    limit: Annotated[int, typer.Option(min=0, help="First cases only; 0: all.")] = 0,
    subset: Annotated[
        int, typer.Option(min=0, help="So many cases, chosen by the digest of their ids; 0: all.")
    ] = 0,
    fitted_on: FittedOn = None,
    leave_out_fitted: LeaveOut = False,
    on_error: Annotated[OnError, typer.Option(help="At a line that is broken.")] = OnError.STOP,
    config: Annotated[Path | None, typer.Option(help="Settings file (TOML).")] = None,
    json: Json = False,
) -> None:
    """Ask every case of a suite. A run that broke off goes on where it was."""
    now = datetime.now(UTC)
    loaded = load_suite(suite, data, now=now, on_error=on_error, labels=labels).subset(subset)
    for broken in loaded.rejected:
        typer.echo(f"left out: {broken.where}: {broken.why}", err=True)
    if (recorded or realigned) and suite != EURORAD:
        raise SuiteError("no answers of it were recorded", where=suite, hint=f"Of {EURORAD} alone.")
    if suite == EURORAD:
        voice = recorded_voice(find_file(suite, data), recorded, realigned=realigned)
        folder = output or _RUNS / f"{suite}-{recorded}{'-realigned' if realigned else ''}"
        part = voice.recorded_part(loaded.only(c.id for c in loaded.cases[: limit or None]))
        asyncio.run(run_suite(part, voice.answering(), voice.manifest(part, now), folder))
    else:
        asking = Asking(seed, samples, names, brief, engines, concurrency, evidence)
        folder = output or _RUNS / f"{suite}-seed{seed}"
        settings = load_settings(config)
        left = unseen_by(loaded, settings, fitted_on, leave_out=leave_out_fitted, limit=limit)
        asyncio.run(_run(left, now, settings, asking, folder))
    _report([folder], folder, json=json)


@eval_app.command("pair")
def pair(
    suite: Annotated[str, typer.Option(help="An open-ended suite.")],
    data: Data,
    output: Annotated[Path, typer.Option(help="Folder of both runs.")] = _RUNS / "pair",
    seed: Annotated[int, typer.Option(min=0, help="Seed of samples.")] = 0,
    samples: Annotated[int, typer.Option(min=0, help="Samples a case; 0: as set.")] = 0,
    brief: Annotated[
        bool | None,
        typer.Option("--brief/--full", help="Short answers; so by default for demonstration."),
    ] = None,
    limit: Annotated[int, typer.Option(min=0, help="First cases only; 0: all.")] = 0,
    on_error: Annotated[OnError, typer.Option(help="At a line that is broken.")] = OnError.STOP,
    config: Annotated[Path | None, typer.Option(help="Settings file (TOML).")] = None,
    json: Json = False,
) -> None:
    """Ask each case along the terminology's names and free, side by side, and compare."""
    now = datetime.now(UTC)
    loaded = load_suite(suite, data, now=now, on_error=on_error)
    if loaded.task is not Task.OPEN:
        raise SuiteError("names are written in open-ended suites only", where=suite)
    chosen = loaded.only(c.id for c in loaded.cases[: limit or None])
    asking = Asking(seed, samples, None, brief)
    with Console(stderr=True).status(f"asking {len(chosen.cases)} cases twice"):
        found = asyncio.run(run_pair(chosen, now, load_settings(config), asking, output))
    if json:
        typer.echo(orjson.dumps(pair_told(found), option=orjson.OPT_INDENT_2).decode())
        return
    _show(*pair_table(found, chosen))
    _report([output / name for name in NAMES_AND_FREE], output, json=False)


@eval_app.command("report")
def report(
    runs: Annotated[list[Path], typer.Argument(help="Folders of runs.")],
    output: Annotated[Path | None, typer.Option(help="Folder for report.html and .md.")] = None,
    json: Json = False,
) -> None:
    """Make one HTML page, and Markdown, of one or several runs."""
    _report(runs, output or runs[0], json=json)


@eval_app.command("compare")
def compare(
    first: Annotated[Path, typer.Argument(help="Folder of a run.")],
    second: Annotated[Path, typer.Argument(help="Folder of another run of the same suite.")],
    match: Annotated[
        MatchRule, typer.Option(help="When an answer is the truth.")
    ] = MatchRule.EXACT,
    at: Annotated[int, typer.Option(min=1, help="Among the first so many diagnoses.")] = 1,
    json: Json = False,
) -> None:
    """Compare two runs case by case: truth, names and costs, on the cases that both hold."""
    manifest = read_manifest(first)
    same_suite(manifest, read_manifest(second))
    one, two = (read_results(folder / RESULTS) for folder in (first, second))
    found = compare_runs(one, two, match=match, at=at)
    if json:
        typer.echo(orjson.dumps(asdict(found), option=orjson.OPT_INDENT_2).decode())
        return
    table, notes = comparison_text(found, manifest.suite.task)
    headings = (table.headings[0], str(first), str(second), *table.headings[3:])
    _show(replace(table, headings=headings), notes)


@eval_app.command("paper")
def paper(
    answers: Annotated[Path, typer.Option(help="The CSV of recorded answers.")],
    output: Annotated[Path, typer.Option(help="Folder for the report.")] = _RUNS / "paper",
    splits: Annotated[int, typer.Option(min=2, help="Random halves for the flags.")] = 500,
    json: Json = False,
) -> None:
    """Make the published closed-list table again, find its faults, and measure flags on it."""
    console = show.screen(json=True)
    with console.status("reading") as status:
        found = replay(answers, catalogue(), splits=splits, told=status.update)
    page = paper_page(found)
    _write(page, output)
    if json:
        held = [asdict(h) | {"same": h.same} for h in found.comparisons]
        flagged = [asdict(f) for f in found.flagged]
        shifts = [asdict(s) for s in found.shifts]
        told = {"held": held, "shifts": shifts, "flags": flagged}
        typer.echo(orjson.dumps(told, option=orjson.OPT_INDENT_2).decode())
    else:
        show.screen().print(to_markdown(page), markup=False)
    console.print(f"{output}/report.html")


async def _run(
    suite: Suite, loaded: datetime, settings: Settings, asking: Asking, folder: Path
) -> None:
    console = Console(stderr=True)
    async with contextlib.AsyncExitStack() as stack:
        with console.status("loading the model"):
            service = await stack.enter_async_context(bench(settings, loaded, asking))
        progress = stack.enter_context(_progress(console))
        task = progress.add_task(suite.id, total=len(suite.cases))

        def told(_: CaseResult, done: int) -> None:
            progress.update(task, completed=done)

        answer = service.answering(suite.task)
        manifest = service.manifest(suite)
        await run_suite(suite, answer, manifest, folder, told=told, concurrency=service.in_flight)


def _show(table: page.PageTable, notes: Sequence[str]) -> None:
    shown = Table(*table.headings)
    for row in table.rows:
        shown.add_row(*row)
    console = show.screen()
    console.print(shown)
    for note in notes:
        console.print(note, markup=False)


def _progress(console: Console) -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    return Progress(*columns, TimeRemainingColumn(), console=console)


def _report(folders: Sequence[Path], output: Path, *, json: bool) -> None:
    runs = [Run(read_manifest(f), summarise(read_results(f / RESULTS))) for f in folders]
    _write(run_page(runs), output)
    if json:
        told = [{"manifest": r.manifest.model_dump(), "summary": asdict(r.summary)} for r in runs]
        typer.echo(orjson.dumps(told, option=orjson.OPT_INDENT_2).decode())
        return
    console = show.screen()
    for each in runs:
        console.print(headline(each), markup=False)
    console.print(f"{output}/report.html")


def _write(page: Page, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "report.html").write_text(to_html(page), "utf-8")
    (folder / "report.md").write_text(to_markdown(page), "utf-8")
