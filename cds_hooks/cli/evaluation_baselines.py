"""`chartside eval duplicates` and `eval look-up`: what a suite holds before any model is asked."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import orjson
import typer
from rich.table import Table

from cds_hooks.cli import show
from cds_hooks.evaluation.metrics import rank, top
from cds_hooks.evaluation.report.page import percent
from cds_hooks.evaluation.suite_loading import load_suite
from cds_hooks.evaluation.suites.duplicates import near_duplicates, shared_cases
from cds_hooks.evaluation.suites.lookup import look_up

__all__ = ["Data", "Json", "duplicates", "look_up_baseline"]

Data = Annotated[
    Path,
    typer.Option(help="The suite's file, or a folder that holds it: not part of this project."),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def duplicates(
    first: Annotated[str, typer.Argument(help="A suite.")],
    second: Annotated[str, typer.Argument(help="Another suite, or the same.")],
    data: Data,
    json: Json = False,
) -> None:
    """Find near-duplicates between two suites: take them out before fitting on one."""
    now = datetime.now(UTC)
    one = load_suite(first, data, now=now)
    two = one if first == second else load_suite(second, data, now=now)
    pairs = near_duplicates(one, two)
    if json:
        typer.echo(orjson.dumps([asdict(p) for p in pairs], option=orjson.OPT_INDENT_2).decode())
        return
    table = Table(first, second, "cosine", "same answer")
    for pair in pairs:
        same = "yes" if pair.same_answer else ""
        table.add_row(pair.first, pair.second, f"{pair.cosine:.2f}", same)
    console = show.screen()
    console.print(table)
    console.print(
        f"{len(pairs)} pairs alike; {len(shared_cases(pairs))} cases with the same answer"
    )


def look_up_baseline(
    suite: Annotated[str, typer.Option(help="Which suite.")], data: Data, json: Json = False
) -> None:
    """What a look-up among the other cases would score: a baseline without any model."""
    loaded = load_suite(suite, data, now=datetime.now(UTC))
    ranks = [
        rank(case.gold.name, answers, lambda gold, answer: gold == answer)
        for case, answers in zip(loaded.cases, look_up(loaded.cases), strict=True)
    ]
    figures = {f"top-{k}": top(ranks, k) for k in (1, 3, 5)}
    alone = len({case.gold.name for case in loaded.cases}) == len(loaded.cases)
    if json:
        typer.echo(orjson.dumps({k: asdict(f) for k, f in figures.items()}).decode())
        return
    for name, figure in figures.items():
        show.screen().print(f"{suite}, look-up without a model, {name}: {percent(figure)}")
    if alone:
        show.screen().print("No two cases share a truth: among these a look-up cannot be right.")
