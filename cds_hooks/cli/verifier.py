"""`chartside verifier`: fit a verifier on the site's own cases, measure it, and read its file."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from cds_hooks.cli import show
from cds_hooks.cli.audit_options import ConfigOption
from cds_hooks.cli.mapping import UsageError
from cds_hooks.cli.stored_consultation import ReasonOption
from cds_hooks.cli.verifier_open_ended import open_ended
from cds_hooks.cli.verifier_runs import fitted_match, read_file, read_runs, trained_by
from cds_hooks.cli.verifier_trial import WantedTrial, read_trial
from cds_hooks.evaluation.matching import MatchRule
from cds_hooks.evaluation.report.page import Page
from cds_hooks.evaluation.report.verifier_file import file_page
from cds_hooks.evaluation.report.write import to_html, to_markdown
from cds_hooks.evaluation.research.verifier_cases import verifier_panels
from cds_hooks.evaluation.research.verifier_page import verifier_page
from cds_hooks.evaluation.research.verifier_replay import verifier_replay
from cds_hooks.evaluation.verifier.making import make_file, require_untrained
from cds_hooks.evaluation.verifier.measuring import Measured, measure
from cds_hooks.evaluation.verifier.parts import unseen_of
from cds_hooks.settings import load_settings
from cds_hooks.settings.default_paths import written
from cds_hooks.trial.cases import MatchLevel
from cds_hooks.verifier import CoefficientFile, VerifierError, digest, write_coefficients

__all__ = ["verifier_app"]

verifier_app = typer.Typer(
    name="verifier",
    help="One ranked list from several samples, models and the rules: fit, measure, read.",
    no_args_is_help=True,
    add_completion=False,
)

verifier_app.command("open-ended")(open_ended)

_FOLDER = written("verifier")
_File = Annotated[Path, typer.Argument(help="A verifier's file.")]
_Runs = Annotated[list[Path], typer.Argument(help="Folders of runs (`chartside eval run`).")]
_Match = Annotated[MatchRule, typer.Option(help="When a diagnosis is the truth.")]
_Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@verifier_app.command("fit")
def fit(
    runs: Annotated[
        list[Path] | None, typer.Argument(help="Folders of runs (`chartside eval run`).")
    ] = None,
    output: Annotated[Path, typer.Option(help="The file.")] = _FOLDER / "verifier.json",
    match: _Match = MatchRule.EXACT,
    fitted_on: Annotated[
        list[Path] | None,
        typer.Option(help="Manifests of what the model was fitted on: none of it may be here."),
    ] = None,
    trial: Annotated[
        bool, typer.Option("--trial", help="Of this site's trial, in place of runs.")
    ] = False,
    since: Annotated[str, typer.Option(help="First day of a trial's hooks (UTC).")] = "2000-01-01",
    until: Annotated[str, typer.Option(help="Last day of a trial's hooks (UTC); else today.")] = "",
    service: Annotated[str, typer.Option(help="One CDS service of a trial; else all.")] = "",
    level: Annotated[
        MatchLevel, typer.Option(help="When a diagnosis of a trial is the truth.")
    ] = MatchLevel.SAME,
    reason: ReasonOption = "",
    config: ConfigOption = None,
    seed: Annotated[int, typer.Option(min=0, help="Of the division of patients.")] = 0,
    json: _Json = False,
) -> None:
    """Fit coefficients on half of the patients, calibrate on a quarter, measure on the rest.

    Of a trial, stored consultations are read beside what `trial outcomes` found, silent ones too;
    the ledger has that first.
    """
    if trial is bool(runs):
        raise UsageError("either runs or --trial", where="verifier fit")
    if trial:
        wanted = WantedTrial(since, until, service, level, reason)
        found = asyncio.run(read_trial(load_settings(config), wanted, json=json))
    else:
        found = read_runs(runs or [], match)
    require_untrained(found.cases, trained_by(fitted_on))
    file, parts = make_file(found.cases, found.origin, seed=seed)
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_bytes(write_coefficients(file))
    _tell(file, measure(file, parts.unseen), output.parent, json=json)
    show.screen(json=True).print(f"{output}")


@verifier_app.command("measure")
def measure_file(
    file: _File,
    runs: _Runs,
    match: Annotated[
        MatchRule | None,
        typer.Option(help="When a diagnosis is the truth; by default as when it was fitted."),
    ] = None,
    unseen: Annotated[
        bool, typer.Option("--unseen", help="Of these runs only what the file kept unseen.")
    ] = False,
    output: Annotated[Path, typer.Option(help="Folder of the report.")] = _FOLDER / "measured",
    json: _Json = False,
) -> None:
    """Measure a verifier on cases that it has not seen; refuse any other."""
    known = read_file(file)
    cases = read_runs(runs, match or fitted_match(known)).cases
    chosen = unseen_of(known, cases) if unseen else cases
    if not chosen:
        hint = "Name a run with answered cases; with --unseen one of those that it was fitted on."
        raise VerifierError("there is no case to measure on", where=str(runs[0]), hint=hint)
    _tell(known, measure(known, chosen), output, json=json)


@verifier_app.command("show")
def show_file(
    file: _File,
    output: Annotated[Path, typer.Option(help="Folder of the page.")] = _FOLDER / "shown",
    json: _Json = False,
) -> None:
    """Print a verifier's coefficients with odds ratios, its curve and its sets."""
    known = read_file(file)
    _write(file_page(known), output)
    if json:
        _print({"sha256": digest(known), "file": known.model_dump(mode="json")})
    else:
        show.screen().print(to_markdown(file_page(known)), markup=False)
    show.screen(json=True).print(f"{output}/report.html")


@verifier_app.command("recorded")
def recorded(
    answers: Annotated[Path, typer.Option(help="The CSV of recorded answers (Eurorad).")],
    repetitions: Annotated[int, typer.Option(min=2, help="Random halves of each panel.")] = 40,
    panel: Annotated[list[str] | None, typer.Option(help="These panels alone.")] = None,
    output: Annotated[Path, typer.Option(help="Folder of the report.")] = _FOLDER / "recorded",
    json: _Json = False,
) -> None:
    """What votes and a verifier reach on answers recorded elsewhere, on held-out halves."""
    chosen = [p for p in verifier_panels() if not panel or p.id in panel]
    if unknown := sorted(set(panel or ()) - {p.id for p in chosen}):
        raise typer.BadParameter(f"no panel {', '.join(unknown)}", param_hint="--panel")
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=show.screen(json=True),
    )
    with bar:
        task = bar.add_task("panels", total=repetitions * len(chosen))
        found = verifier_replay(
            answers,
            repetitions=repetitions,
            panels=chosen,
            told=lambda name, _: bar.update(task, description=name, advance=1),
        )
    page = verifier_page(found, repetitions=repetitions)
    _write(page, output)
    if json:
        _print([asdict(r) | {"panel": r.panel.model_dump()} for r in found])
    else:
        show.screen().print(to_markdown(page), markup=False)
    show.screen(json=True).print(f"{output}/report.html")


def _tell(file: CoefficientFile, measured: Measured, folder: Path, *, json: bool) -> None:
    page = file_page(file, measured)
    _write(page, folder)
    if json:
        _print({"sha256": digest(file), "measured": asdict(measured)})
    else:
        show.screen().print(to_markdown(page), markup=False)
    show.screen(json=True).print(f"{folder}/report.html")


def _write(page: Page, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "report.html").write_text(to_html(page), "utf-8")
    (folder / "report.md").write_text(to_markdown(page), "utf-8")


def _print(told: Any) -> None:
    typer.echo(orjson.dumps(told, option=orjson.OPT_INDENT_2).decode())
