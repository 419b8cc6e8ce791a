"""`chartside statistics`: how the service is doing, from its store, without the service."""

from __future__ import annotations

import asyncio
from typing import Annotated

import orjson
import typer
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from cds_hooks.audit import Store
from cds_hooks.cli import show
from cds_hooks.cli.audit_options import ConfigOption, JsonOption
from cds_hooks.console.statistics import tables
from cds_hooks.console.statistics.page import all_tables
from cds_hooks.runtime.configs import services_of, store_config
from cds_hooks.runtime.records import site_key
from cds_hooks.settings import Settings, load_settings
from cds_hooks.statistics import CHOICES, CountedReport, StatisticsReports, count_all

__all__ = ["statistics"]

_WEEKS = ", ".join(map(str, CHOICES))


def statistics(
    weeks: Annotated[int, typer.Option(help=f"Weeks up to now: {_WEEKS}.")] = 4,
    service: Annotated[str, typer.Option(help="One CDS service; without it all.")] = "",
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Print how the service is doing: answers, times, cards, flags, feedback, groups, drift.

    It counts what was recorded and not counted yet, and needs the site key for that. May be done
    while the service runs. Counts of patients below statistics.smallest_count are not shown.
    """
    console = show.screen(json=json)
    found = asyncio.run(_made(load_settings(config), weeks, service, console))
    if json:
        typer.echo(orjson.dumps(found.as_json(), option=orjson.OPT_NON_STR_KEYS).decode())
        return
    report = found.report
    console.print(f"{report.first} to {report.last} (UTC), {service or 'all services'}")
    for table in all_tables(report):
        console.print(_table(table))


async def _made(settings: Settings, weeks: int, service: str, console: Console) -> CountedReport:
    store = Store(store_config(settings), site_key(settings))
    reports = StatisticsReports(store.statistics, settings.statistics)
    services = tuple(each.id for each in services_of(settings))
    reports.require(weeks, service, services)
    await store.open()
    try:
        with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
            task = progress.add_task("Counting", total=None)
            await count_all(
                store.statistics,
                lambda done, total: progress.update(task, completed=done, total=total),
            )
        return await reports.report(weeks, service, services)
    finally:
        await store.close()


def _table(told: tables.Table) -> Table:
    table = Table(title=told.title, title_justify="left", title_style="bold")
    for place, head in enumerate(told.heads):
        is_text = place < max(told.texts, 1)
        table.add_column(head, justify="left" if is_text else "right", overflow="fold")
    for place, row in enumerate(told.rows):
        table.add_row(*row, style="yellow" if place in told.marked else None)
    return table
