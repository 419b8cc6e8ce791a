"""`chartside trial report`: what a trial found, as a page, as Markdown and as JSON with a digest.

Exit codes: 0, or 1 where a watched figure left its interval since the report compared with.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import numpy as np
import typer

from cds_hooks.audit import Store
from cds_hooks.cli.audit_options import ConfigOption, JsonOption
from cds_hooks.cli.audit_output import count_progress, print_result
from cds_hooks.cli.mapping import UsageError
from cds_hooks.cli.stored_consultation import ReasonOption, require_reason
from cds_hooks.cli.trial_files import read_plan, read_report, write_files
from cds_hooks.core_dumps import forbid_dumps
from cds_hooks.evaluation.report.page import percent
from cds_hooks.evaluation.report.trial_page import trial_page
from cds_hooks.evaluation.report.write import to_html, to_markdown
from cds_hooks.plausibility import Terminology
from cds_hooks.runtime.configs import store_config
from cds_hooks.runtime.operator import user_fields
from cds_hooks.runtime.records import site_key
from cds_hooks.settings import Settings, load_settings
from cds_hooks.trial.cases import MatchLevel
from cds_hooks.trial.collecting import Collecting
from cds_hooks.trial.collection import Collected, collect
from cds_hooks.trial.drift import FigureDrift, comparison, drift, drifted, not_compared
from cds_hooks.trial.report import ReportSettings, TrialReport
from cds_hooks.trial.report import report as make_report
from cds_hooks.trial.report.document import digest_of, document_of, written
from cds_hooks.trial.report.key_figures import key_figures, read_key_figures
from cds_hooks.trial.report.report_settings import RANKS
from cds_hooks.trial.report.terminology_matcher import TerminologyMatcher

__all__ = ["report"]

LEFT = 1


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be reported: hooks of UTC days, both whole, of one service or of all ("")."""

    first: date
    last: date
    service: str
    level: MatchLevel
    seed: int

    @property
    def seconds(self) -> tuple[float, float]:
        """The period in UTC seconds, its end excluded."""
        begin = datetime(self.first.year, self.first.month, self.first.day, tzinfo=UTC)
        end = datetime(self.last.year, self.last.month, self.last.day, tzinfo=UTC)
        return begin.timestamp(), (end + timedelta(days=1)).timestamp()

    @property
    def told(self) -> dict[str, Any]:
        """The same for a record and a file."""
        period = {"since": self.first.isoformat(), "until": self.last.isoformat()}
        return {**period, "service": self.service, "level": self.level.value, "seed": self.seed}


def report(
    to: Annotated[Path, typer.Option(help="New folder for report.html, report.md, report.json.")],
    since: Annotated[str, typer.Option(help="First day of the hooks (UTC).")] = "2000-01-01",
    until: Annotated[str, typer.Option(help="Last day of the hooks (UTC); else today.")] = "",
    service: Annotated[str, typer.Option(help="One CDS service; without it all.")] = "",
    level: Annotated[
        MatchLevel, typer.Option(help="Match level of figures that have none of their own.")
    ] = MatchLevel.CATEGORY,
    plan: Annotated[Path | None, typer.Option(help="The file of `trial plan --to`.")] = None,
    compared_with: Annotated[
        Path | None, typer.Option(help="The report of a decision (JSON): what drifted since?")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the intervals.")] = 0,
    reason: ReasonOption = "",
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Report what a trial found: leaks, accuracy, calibration, rules, time gained, subgroups.

    Reads stored consultations, silent ones too, beside what `trial outcomes` found; the ledger has
    that first. Small counts of groups and rules are not told. The exit status is 1 where a figure
    left its interval since the report compared with.
    """
    forbid_dumps()
    require_reason(reason)
    settings, planned = load_settings(config), read_plan(plan)
    wanted = Wanted(_day(since), _day(until or _today()), service, level, seed)
    reference = read_report(compared_with) if compared_with else None
    if reference:
        _require_comparable(wanted, reference[0])
    found, made = asyncio.run(_made(settings, wanted, reason, json=json))
    compared: Sequence[FigureDrift] = ()
    missing: Sequence[str] = ()
    if reference:
        before = read_key_figures(reference[0])
        compared = drift(before, key_figures(made))
        missing = not_compared(before, compared)
    document = document_of(
        made,
        made=datetime.now(UTC),
        program=version("chartside"),
        planned=planned,
        collected={**wanted.told, "unread": found.unread, "erased": found.erased},
        compared=comparison(compared, reference[1], missing) if reference else None,
    )
    digest = digest_of(document)
    page = trial_page(made, document, digest, compared)
    texts = {"report.html": to_html(page), "report.md": to_markdown(page)}
    write_files(to, {**texts, "report.json": written(document).decode()})
    left = drifted(compared)
    told = {**wanted.told, "report_sha256": digest, "left": list(left), **_counts(made)}
    told |= {"compared_with": reference[1], "not_compared": list(missing)} if reference else {}
    asyncio.run(_record(settings, told))
    result = {"folder": str(to), "sha256": digest, "left": list(left), **_counts(made)}
    result |= {"not_compared": list(missing)} if reference else {}
    print_result(result, "\n".join(_lines(made, to, digest, left, missing)), json=json)
    if left:
        raise typer.Exit(LEFT)


async def _made(
    settings: Settings, wanted: Wanted, reason: str, *, json: bool
) -> tuple[Collected, TrialReport]:
    store = Store(store_config(settings), site_key(settings))
    await store.open()
    try:
        why = {"reason": reason} if reason else {}
        await store.record_event("trial-collected", **wanted.told, **why, **user_fields(settings))
        with (
            Terminology(settings.terminology.path) as terminology,
            count_progress("Reading", json=json) as told,
        ):
            zone = settings.trial_outcomes.timezone
            collecting = Collecting(terminology, zone=ZoneInfo(zone) if zone else None)
            found = await collect(
                store,
                collecting,
                *wanted.seconds,
                service=wanted.service,
                told=told,
            )
            how = ReportSettings(
                matcher=TerminologyMatcher(terminology),
                level=wanted.level,
                least=settings.statistics.smallest_count,
                hooks=found.hooks,
                rules=collecting.rules(),
            )
            return found, make_report(found.cases, how, np.random.default_rng(wanted.seed))
    finally:
        await store.close()


async def _record(settings: Settings, fields: dict[str, Any]) -> None:
    store = Store(store_config(settings), site_key(settings))
    await store.open()
    try:
        await store.record_event("trial-reported", **fields, **user_fields(settings))
    finally:
        await store.close()


def _counts(made: TrialReport) -> dict[str, int]:
    told = made.coverage
    return {
        "consultations": told.consultations,
        "cases": told.with_outcome,
        "leaks": made.leaks.cases,
    }


def _lines(
    made: TrialReport, to: Path, digest: str, left: Sequence[str], missing: Sequence[str]
) -> list[str]:
    told = made.coverage
    lines = [
        f"{told.consultations} consultations, {told.with_outcome} cases with an outcome.",
        *(f"Right within the first {k}: {percent(made.named(k))}." for k in RANKS),
        f"{to / 'report.html'}, report.md and report.json; SHA-256 {digest}",
    ]
    if made.leaks.cases:
        lines.insert(0, f"LEAKS: {made.leaks.cases} cases; see the report.")
    if missing:
        lines.insert(0, f"NOT COMPARED, for want of cases: {', '.join(missing)}.")
    if left:
        lines.insert(0, f"DRIFT: {', '.join(left)} left the interval of the report compared with.")
    return lines


def _require_comparable(wanted: Wanted, reference: dict[str, Any]) -> None:
    """What is compared with a report is of the same services and match level, and has no case in
    common with it: else figures differ and nothing drifted."""
    of_service = (reference.get("collected") or {}).get("service", "")
    for option, mine, theirs in (
        ("--service", wanted.service, of_service),
        ("--level", wanted.level.value, reference["report"].get("level")),
    ):
        if mine != theirs:
            hint = f"Give {option} as it was for that report."
            raise UsageError("the reports measure different things", where=option, hint=hint)
    if wanted.first.isoformat() <= reference["report"]["subject"]["last"]:
        hint = "Give --since a day after the last hook of that report."
        raise UsageError("the reports have days in common", where="--since", hint=hint)


def _today() -> str:
    return datetime.now(UTC).date().isoformat()


def _day(text: str) -> date:
    try:
        found = date.fromisoformat(text)
        datetime(found.year, found.month, found.day, tzinfo=UTC) + timedelta(days=1)
    except (ValueError, OverflowError):
        hint = "Write it like 2026-11-22."
        raise UsageError("a day cannot be read", where="--since, --until", hint=hint) from None
    return found
