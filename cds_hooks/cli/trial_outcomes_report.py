"""What `chartside trial outcomes` tells at its end, and what goes on record: counts and digests."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import orjson
import typer
from rich.console import Console

from cds_hooks.trial.outcomes.rules import OutcomeRules
from cds_hooks.trial.outcomes.run import Followed

__all__ = ["WARNINGS", "OutcomesReport", "exit_code", "record_of", "tell"]

FAILED = 1
PARTIAL = 4
INTERRUPTED = 130


@dataclass(slots=True)
class OutcomesReport:
    """One run. `recorded` consultations are within `since` and `until` (UTC seconds); `ended` is
    "complete", "nothing-to-do", "interrupted", or the code of the error that ended it. `warnings`
    are keys of `WARNINGS`."""

    rules: OutcomeRules
    since: float
    until: float
    dry_run: bool = False
    recorded: int = 0
    ended: str = "nothing-to-do"
    seconds: float = 0.0
    warnings: tuple[str, ...] = ()
    told: Followed = field(default_factory=Followed)


WARNINGS = {
    "window-outlives-consultations": "retention.consultations_days is no longer than the window of "
    "the rules: consultations go, with their outcomes, before it has closed, and none is ever "
    "conclusive.",
}


def exit_code(report: OutcomesReport) -> int:
    """0 when all consultations were followed up; else what kept some from being."""
    if report.ended == "interrupted":
        return INTERRUPTED
    if report.ended not in ("complete", "nothing-to-do"):
        return FAILED
    return PARTIAL if report.told.problems else 0


def record_of(report: OutcomesReport, digest: Callable[..., str]) -> dict[str, Any]:
    """The fields of the ledger record: counts, and a keyed hash over what was stored."""
    return {
        **_counts(report),
        "rules_version": report.rules.version,
        "rules": report.rules.digest,
        "stored": digest("trial-outcomes", *sorted(report.told.saved)),
    }


def tell(report: OutcomesReport, console: Console, *, json: bool) -> None:
    """To a person, or as one JSON object."""
    if json:
        found = {**_counts(report), "recorded": report.recorded, "seconds": report.seconds}
        found |= {"warnings": report.warnings}
        found |= {"rules": report.rules.digest, "rules_version": report.rules.version}
        typer.echo(orjson.dumps(found, option=orjson.OPT_SORT_KEYS).decode())
        return
    told = report.told
    for warning in report.warnings:
        console.print(f"[yellow]{WARNINGS[warning]}[/]")
    console.print(
        f"{told.states.total()} of {told.consultations} consultations followed up, of "
        f"{report.recorded} on record, in {report.seconds} s: {told.outcomes} outcomes"
        f"{' (dry run: nothing is stored)' if report.dry_run else ''}",
        markup=False,
    )
    lines = (
        ("records", told.states),
        ("outcomes by rule", told.sources),
        ("codes by", told.how),
        ("no outcome", told.passed_over),
        ("not read", told.missing),
        ("left for another run", told.problems),
    )
    for name, counts in lines:
        if counts:
            console.print(f"  {name}: {_listed(counts)}", markup=False)
    if told.merged:
        console.print(f"  {told.merged} of patients who were merged into another", markup=False)
    if report.ended not in ("complete", "nothing-to-do"):
        console.print(f"ended: {report.ended}; run it again to go on", markup=False)


def _listed(counts: Counter[str]) -> str:
    return ", ".join(f"{count} {name}" for name, count in sorted(counts.items()))


def _counts(report: OutcomesReport) -> dict[str, Any]:
    told = report.told
    return {
        "since": _written(report.since),
        "until": _written(report.until),
        "dry_run": report.dry_run,
        "ended": report.ended,
        "consultations": told.consultations,
        "patients": told.patients,
        "outcomes": told.outcomes,
        "merged": told.merged,
        "states": dict(told.states),
        "sources": dict(told.sources),
        "codes_by": dict(told.how),
        "passed_over": dict(told.passed_over),
        "missing": dict(told.missing),
        "problems": dict(told.problems),
    }


def _written(time: float) -> str:
    return datetime.fromtimestamp(time, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
