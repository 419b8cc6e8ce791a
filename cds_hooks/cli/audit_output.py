"""Results and progress bars of `chartside audit` commands."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import orjson
import typer
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
)

__all__ = ["count_progress", "print_result", "record_progress"]

_UPDATE_EVERY = 500


def print_result(result: Mapping[str, Any], text: str, *, json: bool) -> None:
    """Print a command's result: as one JSON object, or as text."""
    typer.echo(orjson.dumps(dict(result)).decode() if json else text)


@contextmanager
def count_progress(unit: str, *, json: bool) -> Iterator[Callable[[int, int], None]]:
    """A callback for how many are done, and of how many; shows a bar on a terminal."""
    console = Console(stderr=True)
    if json or not console.is_terminal:
        yield lambda _done, _all: None
        return
    columns = (TextColumn(unit), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task(unit, total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)


def record_progress(records: Iterable[bytes], total_bytes: int, *, json: bool) -> Iterator[bytes]:
    """The same records; shows a bar on a terminal while they pass."""
    console = Console(stderr=True)
    if json or not console.is_terminal:
        yield from records
        return
    columns = (TextColumn("{task.percentage:.0f} %"), BarColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task, passed = progress.add_task("", total=total_bytes), 0
        for number, data in enumerate(records):
            passed += len(data) + 1
            if number % _UPDATE_EVERY == 0:
                progress.update(task, completed=passed)
            yield data
