"""What the commands of `chartside export` gather: settings, model, runs, counts of the store."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn

from cds_hooks.audit import Store
from cds_hooks.audit.ledger.enrichment import format_utc
from cds_hooks.audit.switch_operations import SwitchOperations
from cds_hooks.audit.switches import ALL_SERVICES
from cds_hooks.cli.export_runs import evaluated_runs
from cds_hooks.documents.installation import Figure, Installation, LocalFigures
from cds_hooks.runtime.configs import services_of, store_config
from cds_hooks.runtime.installation import installation
from cds_hooks.runtime.records import site_key
from cds_hooks.settings import Settings, load_settings
from cds_hooks.statistics import CHOICES, Report, StatisticsReports, count_all
from cds_hooks.statistics.suppression import Share

__all__ = ["gather_installation", "has_store", "local_figures"]

_GROUPS = ("age", "sex")


def gather_installation(config: Path | None) -> Installation:
    """The installation of a settings file, with runs and counts where there are any.

    The model's file is hashed, which takes seconds for a large one. Raises ChartsideError.
    """
    settings = load_settings(config)
    folder = settings.documents.evaluations
    stored = has_store(settings)
    local = asyncio.run(local_figures(settings)) if stored else None
    with _hashing() as told:
        return installation(
            settings,
            format_utc(time.time()),
            runs=evaluated_runs(folder) if folder else (),
            local=local,
            switched_off=tuple(_switched_off(settings)) if stored else (),
            told=told,
        )


def has_store(settings: Settings) -> bool:
    """Whether there is a store to read: a command of documents makes none."""
    place = settings.store.path
    return "://" in place or Path(place).is_file()


def _switched_off(settings: Settings) -> Iterator[str]:
    """Each service that is off just now, since when and why."""
    with SwitchOperations(store_config(settings), site_key(settings)) as switches:
        for each in switches.switched_off():
            scope = "all services" if each.scope == ALL_SERVICES else each.scope
            yield f"{scope}, since {format_utc(each.since)}: {each.reason}"


async def local_figures(settings: Settings) -> LocalFigures:
    """Counts of the longest period that is reported, by the rules of the statistics page."""
    store = Store(store_config(settings), site_key(settings))
    await store.open()
    try:
        await count_all(store.statistics, lambda _done, _all: None)
        services = tuple(each.id for each in services_of(settings))
        reports = StatisticsReports(store.statistics, settings.statistics)
        return _figures((await reports.report(max(CHOICES), "", services)).report)
    finally:
        await store.close()


def _figures(report: Report) -> LocalFigures:
    overall = [
        ("consultations in which a rule flagged something", report.flagged),
        ("consultations with a contradicted diagnosis", report.contradicted),
        *(
            (f"feedback on cards: {name}", share)
            for name, share in report.feedback.outcomes.items()
        ),
        *((f"diagnoses called {name}", share) for name, share in report.feedback.said.items()),
    ]
    groups = [
        _figure(f"{dimension} {row.name}, {column}", share)
        for dimension in _GROUPS
        for row in report.groups.get(dimension, ())
        for column, share in row.shares.items()
    ]
    return LocalFigures(
        first=report.first,
        last=report.last,
        smallest_count=report.smallest_count,
        hooks=sum(report.hooks.values()),
        consultations=sum(report.consultations.values()),
        overall=tuple(_figure(name, share) for name, share in overall),
        groups=tuple(groups),
    )


def _figure(name: str, share: Share) -> Figure:
    if share.of and share.share is None:  # how many is told, and the part of them is not
        return Figure(f"{name} (of {share.of})", None, None)
    return Figure(name, share.share, share.of, share.low, share.high)


@contextlib.contextmanager
def _hashing() -> Iterator[Callable[[int], object]]:
    console = Console(stderr=True)
    columns = (TextColumn("hashing the model"), BarColumn(), DownloadColumn())
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as progress:
        task = progress.add_task("", total=None)
        yield lambda count: progress.advance(task, count)
