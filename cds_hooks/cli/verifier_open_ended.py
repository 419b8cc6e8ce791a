"""`chartside verifier open-ended`: greedy, votes and a cross-fitted verifier on one run."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import orjson
import typer
from rich.table import Table

from cds_hooks.cli import show
from cds_hooks.cli.verifier_runs import read_runs
from cds_hooks.evaluation.evaluation_errors import RunError
from cds_hooks.evaluation.matching import MatchRule
from cds_hooks.evaluation.metrics import Figure
from cds_hooks.evaluation.runs.results import read_results
from cds_hooks.evaluation.runs.run_folder import read_manifest, same_suite
from cds_hooks.evaluation.runs.runner import RESULTS
from cds_hooks.evaluation.verifier.open_ended import OpenEnded, measure_open_ended

__all__ = ["open_ended"]


def open_ended(
    run: Annotated[Path, typer.Argument(help="Folder of a run with several samples a case.")],
    greedy: Annotated[
        Path | None, typer.Option(help="Run of the same suite, one sample at temperature 0.")
    ] = None,
    match: Annotated[
        MatchRule, typer.Option(help="When a diagnosis is the truth.")
    ] = MatchRule.EXACT,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Compare greedy decoding, votes and a cross-fitted verifier on an open-ended run."""
    manifest = read_manifest(run)
    if greedy is not None:
        same_suite(manifest, read_manifest(greedy))
    results = read_results(run / RESULTS)
    if not results:
        raise RunError("a run without results", where=str(run), hint="`chartside eval run` asks.")
    found = measure_open_ended(
        manifest.suite.id,
        results,
        read_runs([run], match).cases,
        match,
        read_results(greedy / RESULTS) if greedy is not None else (),
    )
    if json:
        typer.echo(orjson.dumps(asdict(found), option=orjson.OPT_INDENT_2).decode())
        return
    _show(found)


def _show(found: OpenEnded) -> None:
    screen = show.screen()
    table = Table("method", "first", "among 5", "against the vote", title=f"{found.cases} cases")
    for each in found.chosen:
        pair = each.against_vote
        told = f"+{len(pair.only_first)} -{len(pair.only_second)}, p = {pair.p:.2g}"
        table.add_row(each.method, _share(each.top1), _share(each.top5), told)
    screen.print(table)
    if found.unfitted:
        screen.print(f"No verifier: {found.unfitted}")
    if found.fewer:
        screen.print(f"The greedy run lacks {found.fewer} of these cases.")
    signals = Table("figure", "AUROC, right against wrong", "right", "diagnoses")
    for signal in found.signals:
        area = signal.area
        told = f"{area.value:.2f} ({area.low:.2f} to {area.high:.2f})"
        signals.add_row(signal.name, told, str(signal.right), str(signal.diagnoses))
    screen.print(signals)


def _share(figure: Figure) -> str:
    low, high = 100 * figure.low, 100 * figure.high
    return f"{100 * figure.value:.1f} % ({low:.1f} to {high:.1f}), n = {figure.n}"
