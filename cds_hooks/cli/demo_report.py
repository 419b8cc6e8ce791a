"""What a demonstration shows at its end: the cards and what they rest on, or why there are none."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass, field
from typing import Any

import orjson
import typer
from rich.console import Console

from cds_hooks.cli import show
from cds_hooks.cli.demo_service import DemoLog
from cds_hooks.cli.outcomes import NotAnswered
from cds_hooks.consultation import Consultation

__all__ = ["Played", "tell", "tell_failure"]


_AFTERWARDS = (
    "This service has ended, and the links of its cards with it. `make serve` in a checkout, or "
    "`chartside serve`, keeps one running."
)
_LONGEST_LINE = 200  # the whole line is in the log, which is kept


@dataclass(slots=True)
class Played:
    """What came back: the first and the last response, how long each took, what is on record.

    `engine` is what `/readyz` said last of the engine, `rung` how the model is loaded: `ok` or what
    brought it there.
    """

    first: dict[str, Any] = field(default_factory=dict)
    last: dict[str, Any] = field(default_factory=dict)
    took: list[float] = field(default_factory=list)
    done: Consultation | None = None
    engine: str = ""
    rung: str = ""


def tell(console: Console, played: Played, *, json: bool) -> None:
    """The cards as an EHR would show them, and the consultation behind them."""
    first, last, took = played.first, played.last, played.took
    if json:
        told = {"first": first, "last": last, "consultation": played.done}
        typer.echo(orjson.dumps(told).decode())
        return
    if first is not last:
        console.rule(f"the chart opens: answered in {1000 * took[0]:.0f} ms")
        show.cards(console, first)
    console.rule(f"the chart opens again: answered in {1000 * took[-1]:.0f} ms")
    show.cards(console, last)
    console.rule("what it rests on")
    if played.rung not in ("", "ok"):
        line = f"The engine does not run as it is configured, but on rung {played.rung}"
        console.print(line, markup=False, highlight=False, soft_wrap=True)
    if played.done is not None:
        show.consultation(console, played.done)
    console.print(_AFTERWARDS, markup=False, highlight=False, soft_wrap=True)


def tell_failure(
    console: Console, played: Played, log: DemoLog, error: NotAnswered, *, json: bool
) -> None:
    """The card that the EHR would show, the engine's last words, the end of the log, and the error
    as any command tells it."""
    if json:
        told = {
            "error": {"code": error.code, "diagnostics": error.diagnostics()},
            "first": played.first,
            "last": played.last,
            "consultation": played.done,
            "engine": played.engine,
            "log": str(log.path),
            "log_end": log.end(),
        }
        typer.echo(orjson.dumps(told).decode())
        return
    if played.last:
        console.rule("the card that the EHR shows")
        show.cards(console, played.last)
    told_once = [
        each for each in log.about_engine() if each.partition(": ")[2] not in played.engine
    ]
    said = [f"/readyz: {played.engine or 'nothing'}", *dict.fromkeys(told_once)]
    end = [textwrap.shorten(line, _LONGEST_LINE, placeholder=" ...") for line in log.end()]
    for title, lines in (("what is known of the engine", said), ("the end of the log", end)):
        console.rule(title)
        for line in lines:
            console.print(line, markup=False, highlight=False, soft_wrap=True)
    typer.echo(f"chartside: {error.diagnostics()}", err=True)
