"""A plan as a person wants to read it: the arithmetic, then the simulation, with its limits."""

from __future__ import annotations

import itertools

from rich import box
from rich.console import Console
from rich.table import Table

from cds_hooks.console.plots import Bin, histogram
from cds_hooks.planning.demand import Demand, Rules
from cds_hooks.planning.figures import Figure
from cds_hooks.planning.sizing import Plan
from cds_hooks.planning.speeds import Speed

__all__ = ["picture", "show_plan"]

_EDGES = (0.0, 1.0, 2.0, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0)
_STYLE = ".fill{fill:#2a6fb0}.grid,.axis,.whisker{stroke:#777}text{font:12px sans-serif}"
_WORDS = {
    "answered_an_hour": ("questions answered an hour", ".0f"),
    "engines_busy": ("an engine has work", ".0%"),
    "queue_mean": ("questions waiting, mean", ".1f"),
    "queue_p95": ("questions waiting, p95", ".1f"),
    "wait_p50_s": ("wait for an engine, p50, s", ".1f"),
    "wait_p95_s": ("wait for an engine, p95, s", ".1f"),
    "wait_p99_s": ("wait for an engine, p99, s", ".1f"),
    "answer_p50_s": ("question to answer, p50, s", ".1f"),
    "answer_p95_s": ("question to answer, p95, s", ".1f"),
    "answer_p99_s": ("question to answer, p99, s", ".1f"),
    "hooks_from_store": ("hooks: answered from the store", ".1%"),
    "hooks_in_time": ("hooks: answered by the model in time", ".1%"),
    "hooks_later": ("hooks: answered behind the card", ".1%"),
    "hooks_shed": ("hooks: by rules alone, or refused", ".2%"),
    "questions_shed": ("questions: refused, the queue is full", ".2%"),
    "questions_late": ("questions: not answered by the deadline", ".2%"),
}


def show_plan(console: Console, demand: Demand, speed: Speed, rules: Rules, found: Plan) -> None:
    """The whole plan."""
    for line in _arithmetic(demand, speed, rules, found):
        console.print(line, highlight=False, markup=False)
    n = len(found.runs)
    table = Table(box=box.SIMPLE_HEAD, title=f"{n} busiest hours simulated", title_justify="left")
    table.add_column("what")
    for heading in ("mean", "95 % interval"):
        table.add_column(heading, justify="right")
    for name, (words, form) in _WORDS.items():
        table.add_row(words, *_cells(found.figures[name], form))
    console.print(table)
    enough = "" if found.enough else " The aim is NOT met."
    gpus = f" ({found.engines * speed.gpus} GPUs)" if speed.gpus else ""
    console.print(f"Engines: {found.engines}{gpus}.{enough}", highlight=False)


def _arithmetic(demand: Demand, speed: Speed, rules: Rules, found: Plan) -> list[str]:
    needed = found.capacity
    derived = " Some of it is derived: --json says how." if speed.derived else ""
    source = speed.source.split(" ")[0] if speed.source.startswith("http") else speed.source
    return [
        f"{speed.model} on {speed.hardware}. Source: {source} (looked up "
        f"{speed.looked_up}).{derived}",
        f"Opens in the busiest hour: {demand.opens_a_day:,.0f} x {demand.peak_share:.0%} = "
        f"{demand.opens_an_hour:,.0f}; for the model: {demand.questions_an_hour:,.0f}.",
        f"One question alone: {needed.alone_s:.1f} s ({demand.prompt.mean:,.0f} prompt tokens, "
        f"{demand.samples} answers of {demand.answer.mean:,.0f}).",
        f"One engine with {rules.parallel} at once: {needed.an_hour:,.0f} an hour; "
        f"engines that this keeps busy: {needed.engines:.2f}.",
    ]


def _cells(figure: Figure, form: str) -> tuple[str, str]:
    if figure.low is None or figure.high is None:
        return f"{figure.mean:{form}}", "one hour alone tells none"
    low = max(figure.low, 0.0)
    return f"{figure.mean:{form}}", f"{low:{form}} to {figure.high:{form}}"


def picture(found: Plan) -> str:
    """The waiting times of all simulated hours as an SVG file."""
    waits = [wait for run in found.runs for wait in run.waits_s]
    bins = [
        Bin(low, high, sum(low <= wait < high for wait in waits))
        for low, high in itertools.pairwise(_EDGES)
    ]
    plot = histogram(bins, title=f"Wait for an engine, {found.engines} engines", unit="s")
    style = f"<style>{_STYLE}</style>"
    svg = str(plot.svg).replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1)
    return svg.replace("<title>", f"{style}<title>", 1)
