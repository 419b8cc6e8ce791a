"""`chartside trial outcomes`: read what patients of consultations turned out to have.

Exit codes: 0 every consultation was followed up, 4 some are left for another run, 130 stopped,
else as of any command.
"""

from __future__ import annotations

import asyncio
import signal
import sys
import time
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

import orjson
import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from cds_hooks.audit import SiteKey, Store
from cds_hooks.audit.trial_outcomes import FollowUp
from cds_hooks.cli.audit_options import ConfigOption, JsonOption
from cds_hooks.cli.mapping import UsageError
from cds_hooks.cli.trial_outcomes_report import OutcomesReport, exit_code, record_of, tell
from cds_hooks.consultation import Consultation
from cds_hooks.core_dumps import forbid_dumps
from cds_hooks.errors import ChartsideError
from cds_hooks.plausibility import Terminology
from cds_hooks.runtime.configs import store_config
from cds_hooks.runtime.egress import lock_trial_outcomes
from cds_hooks.runtime.operator import user_fields
from cds_hooks.runtime.outcome_reading import outcome_reader, outcome_server, patient_keys_on
from cds_hooks.runtime.outcome_reading import signing_key as own_signing_key
from cds_hooks.runtime.records import site_key
from cds_hooks.settings import Settings, load_settings
from cds_hooks.trial.outcomes.decide import OutcomeDecider
from cds_hooks.trial.outcomes.moments import parse_moment
from cds_hooks.trial.outcomes.rules import OutcomeRules, load_rules
from cds_hooks.trial.outcomes.run import FollowUpRun, due

__all__ = ["outcomes"]

Which = Literal["all", "silent", "shown"]

_HOUR_S = 3600.0


def outcomes(
    since: Annotated[str, typer.Option(help="Consultations from this date or time on.")] = "",
    until: Annotated[str, typer.Option(help="Consultations before this date or time.")] = "",
    limit: Annotated[int, typer.Option(min=0, help="At most so many; 0: all.")] = 0,
    which: Annotated[
        Which, typer.Option(help="Those of a silent trial, those that were shown, or all.")
    ] = "all",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Read and decide, and store nothing.")
    ] = False,
    again: Annotated[
        bool, typer.Option("--again", help="Read also what was read, or is closed.")
    ] = False,
    show_rules: Annotated[
        bool, typer.Option("--show-rules", help="Print the rules that hold, and end.")
    ] = False,
    jwks: Annotated[bool, typer.Option("--jwks", help="Print the public key and end.")] = False,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Read from a FHIR server what the patients of consultations turned out to have.

    With credentials of its own (trial_outcomes in the settings), never with a hook's. Stored are
    codes, times and keyed hashes, encrypted with the patient's key. A run that was broken goes on
    when it is run again; what was read for good is not read again.
    """
    forbid_dumps()
    settings = load_settings(config)
    wanted = settings.trial_outcomes
    if jwks:
        keys = {"keys": [own_signing_key(settings).public_jwk()]}
        typer.echo(orjson.dumps(keys, option=orjson.OPT_INDENT_2).decode())
        return
    rules = load_rules(wanted.rules)
    if show_rules:
        typer.echo(_text_of(wanted.rules), nl=False)
        return
    outcome_server(settings)
    span = (_time(settings, since, "--since", 0.0), _time(settings, until, "--until", time.time()))
    key = site_key(settings)
    lock_trial_outcomes(settings)
    report = OutcomesReport(rules=rules, since=span[0], until=span[1], dry_run=dry_run)
    if settings.retention.consultations_days <= rules.time.window_days:
        report.warnings = ("window-outlives-consultations",)
    console = Console(stderr=True)
    began = time.monotonic()
    try:
        asyncio.run(_run(settings, key, report, limit, which, again, console, quiet=json))
    except (KeyboardInterrupt, asyncio.CancelledError):
        report.ended = "interrupted"
    report.seconds = round(time.monotonic() - began, 1)
    tell(report, console, json=json)
    sys.exit(exit_code(report))


async def _run(
    settings: Settings,
    key: SiteKey,
    report: OutcomesReport,
    limit: int,
    which: Which,
    again: bool,
    console: Console,
    *,
    quiet: bool,
) -> None:
    """Everything between the settings and the report, which is written as it goes."""
    store = Store(store_config(settings), key)
    await store.open()
    try:
        await _follow(settings, key, store, report, limit, which, again, console, quiet=quiet)
    except asyncio.CancelledError:
        report.ended = "interrupted"
    except ChartsideError as error:
        # Before the first patient it is an error like any command's.
        if not report.told.patients:
            raise
        report.ended = error.code
        console.print(f"chartside: {error.diagnostics()}", markup=False)
    finally:
        if report.told.patients:
            told = record_of(report, store.ledger.digest)
            await store.record_event(
                "trial-outcomes-read", command="trial outcomes", **told, **user_fields(settings)
            )
        await store.close()


async def _follow(
    settings: Settings,
    key: SiteKey,
    store: Store,
    report: OutcomesReport,
    limit: int,
    which: Which,
    again: bool,
    console: Console,
    *,
    quiet: bool,
) -> None:
    every = await store.outcomes.to_follow(report.since, report.until)
    found = tuple(each for each in every if not each.is_answer)
    again_s = settings.trial_outcomes.again_after_h * _HOUR_S
    now = time.time()
    wanted = due(found, report.rules.digest, now, again_after_s=again_s, again=again)
    if which != "all":
        wanted = tuple(each for each in wanted if each.silent == (which == "silent"))
    wanted = wanted[:limit] if limit else wanted
    report.recorded, report.told.consultations = len(found), len(wanted)
    if not wanted:
        return
    _stop_on_signals()
    with Terminology(settings.terminology.path) as terminology:
        decider = _decider(settings, key, report.rules, terminology)
        keys_of = patient_keys_on(settings, key, outcome_server(settings))

        silent = {each.id for each in wanted if each.silent}

        async def load(id_: str) -> Consultation | None:
            return await (store.silent if id_ in silent else store).get(id_)

        async def save(followed: FollowUp) -> bool:
            return report.dry_run or await store.outcomes.save(followed)

        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
        async with outcome_reader(settings, report.rules) as reader:
            run = FollowUpRun(load, keys_of, reader.read, decider, save, now)
            with Progress(*columns, TimeRemainingColumn(), console=console, disable=quiet) as bar:
                task = bar.add_task("consultations", total=len(wanted))
                await run.follow(wanted, report.told, lambda count: bar.advance(task, count))
    report.ended = "complete"


def _decider(
    settings: Settings, key: SiteKey, rules: OutcomeRules, terminology: Terminology
) -> OutcomeDecider:
    zone = settings.trial_outcomes.timezone
    return OutcomeDecider(
        rules,
        terminology,
        zone=ZoneInfo(zone) if zone else None,
        digest=lambda encounter: key.digest("ledger-encounter", encounter),
    )


def _text_of(path: Path | None) -> str:
    """The text of the rules that hold."""
    found = path or files("cds_hooks.trial.outcomes").joinpath("outcomes.toml")
    return found.read_text("utf-8")


def _time(settings: Settings, text: str, where: str, default: float) -> float:
    """UTC seconds of a date or time; a date is the site's day."""
    if not text:
        return default
    zone = settings.trial_outcomes.timezone
    moment = parse_moment(text, ZoneInfo(zone) if zone else None)
    if moment is None:
        hint = f"Write a date or a time, as {datetime.now(UTC).date()} or 2026-11-29T12:00:00Z."
        raise UsageError("this is no date", where=where, hint=hint)
    return moment.earliest


def _stop_on_signals() -> None:
    """Ctrl-C ends the run between two reads: what is decided is stored, the rest is left."""
    task, loop = asyncio.current_task(), asyncio.get_running_loop()
    assert task is not None  # noqa: S101 - a coroutine that runs is in a task
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, task.cancel)
