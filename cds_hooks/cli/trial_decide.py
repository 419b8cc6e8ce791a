"""`chartside trial decide` and `decisions`: the signed decision on a report, and all of them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from cds_hooks.admission.signing import create_key, load_public_key, load_signing_key
from cds_hooks.audit import Store
from cds_hooks.audit.ledger.export import parse_record
from cds_hooks.audit.ledger.query import LedgerQuery, matching
from cds_hooks.audit.ledger.record import Record
from cds_hooks.audit.reasons import masked_reason
from cds_hooks.cli.audit_ledger_source import open_ledger
from cds_hooks.cli.audit_options import ConfigOption, ExportOption, JsonOption
from cds_hooks.cli.audit_output import print_result
from cds_hooks.cli.trial_files import read_report
from cds_hooks.runtime.configs import store_config
from cds_hooks.runtime.operator import user_fields
from cds_hooks.runtime.records import site_key
from cds_hooks.settings import Settings, load_settings
from cds_hooks.trial.decision import Choice, TrialDecision, read, signed, verified
from cds_hooks.trial.decision import decide as make_decision
from cds_hooks.trial.trial_errors import DecisionRefused, DecisionUntrusted

__all__ = ["decide", "decisions"]

FAILED = 1

ReportFile = Annotated[Path, typer.Option("--report", help="The report, as JSON.")]


def decide(
    report: ReportFile,
    decision: Annotated[Choice, typer.Option(help="What was decided.")],
    by: Annotated[str, typer.Option(help="Who decided.")],
    reason: Annotated[str, typer.Option(help="Why; recorded for ever. Never name a patient.")],
    key: Annotated[Path, typer.Option(help="Signing key (PEM); made when there is none.")],
    despite_leaks: Annotated[
        bool, typer.Option("--despite-leaks", help="Go live although the report found leaks.")
    ] = False,
    despite_few: Annotated[
        bool, typer.Option("--despite-few", help="Go live with fewer cases than were planned.")
    ] = False,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Record, signed, what was decided on a trial's report.

    The record has the report's digest, which `trial report` must have recorded in this store. It
    changes no setting: who goes live does that.
    """
    document, digest = read_report(report)
    settings, now = load_settings(config), time.time()
    asyncio.run(_require_reported(settings, digest))
    made = make_decision(
        document,
        digest,
        decision,
        by=by,
        reason=masked_reason(reason, now),
        now=datetime.fromtimestamp(now, UTC),
        despite_leaks=despite_leaks,
        despite_few=despite_few,
    )
    signing = load_signing_key(key) if key.exists() else create_key(key)
    asyncio.run(_record(settings, signed(made, signing)))
    print_result(made.model_dump(mode="json"), "\n".join(_lines(made)), json=json)


def decisions(
    export: ExportOption = None,
    key: Annotated[
        list[Path] | None, typer.Option(help="Public keys (PEM) that are trusted; to verify.")
    ] = None,
    report: Annotated[
        Path | None, typer.Option(help="Only decisions on this report (JSON).")
    ] = None,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """List the decisions on trials, from the store or offline from an export of the ledger.

    With --key each signature is verified; the exit status is 1 where one is not good. That the
    ledger itself is whole, `audit verify` says.
    """
    wanted = read_report(report)[1] if report else ""
    keys = [load_public_key(path) for path in key or ()]
    with open_ledger(export, config) as source:
        types = LedgerQuery(types=frozenset({"trial-decided"}))
        rows = list(_rows(matching(source.records(), types), keys, wanted))
    if json:
        typer.echo(orjson.dumps({"decisions": rows}).decode())
    else:
        typer.echo("\n\n".join(map(_told, rows)) or "No decision is on record.")
    if any(row["signature"] == "bad" for row in rows):
        raise typer.Exit(FAILED)


def _rows(
    records: Iterable[Record], keys: list[Ed25519PublicKey], wanted: str
) -> Iterator[dict[str, Any]]:
    first: dict[str, int] = {}
    for record in records:
        row = _row(record, keys)
        if "decision" in row:
            at = first.setdefault(str(_details(record).get("signature")), record.seq)
            if at != record.seq:
                row = _repeated(row, at)
        if wanted in ("", row.get("report_sha256")):
            yield row


def _repeated(row: dict[str, Any], first: int) -> dict[str, Any]:
    """A record of what an earlier record decided: somebody copied it, nobody decided again."""
    kept = ("seq", "recorded", "key_id", "report_sha256")
    why = f"the same signature as record {first}: a copy, and no decision"
    return {**{name: row[name] for name in kept}, "signature": "bad", "why": why}


def _details(record: Record) -> dict[str, Any]:
    told = record.fields.get("details")
    return told if isinstance(told, dict) else {}


def _row(record: Record, keys: list[Ed25519PublicKey]) -> dict[str, Any]:
    fields = _details(record)
    row = {"seq": record.seq, "recorded": record.recorded, "key_id": fields.get("key_id", "")}
    try:
        found = verified(fields, keys) if keys else read(fields)
    except DecisionUntrusted as error:
        return {**row, "signature": "bad", "why": error.message}
    state = "good" if keys else "not verified"
    return {**row, "signature": state, **found.model_dump(mode="json")}


def _told(row: dict[str, Any]) -> str:
    head = f"record {row['seq']}, signature {row['signature']}"
    if row["signature"] == "bad":
        return f"{head}: {row['why']}"
    fields = {name: row[name] for name in TrialDecision.model_fields}
    lines = _lines(TrialDecision.model_validate(fields))
    return "\n".join([f"{head} (key {row['key_id']})", *(f"  {line}" for line in lines)])


def _lines(made: TrialDecision) -> list[str]:
    planned = "no plan was given" if made.planned is None else f"{made.planned} were planned"
    lines = [
        f"{made.decision.value}, decided by {made.by}, {made.date}: {made.reason}",
        f"{made.cases} cases with an outcome ({planned}); {made.leaks} cases with a leak.",
        f"Report: {made.report_sha256}",
    ]
    if made.despite_leaks:
        lines.append("Decided despite leaks.")
    if made.despite_few:
        lines.append("Decided with fewer cases than were planned.")
    return lines


async def _require_reported(settings: Settings, digest: str) -> None:
    """Whoever writes a file writes its digest too: the ledger says which reports were made here.
    Raises DecisionRefused."""
    store = Store(store_config(settings), site_key(settings))
    await store.open()
    try:
        found = map(parse_record, await store.ledger.records_of("trial-reported"))
        known = {_details(each).get("report_sha256") for each in found if each is not None}
    finally:
        await store.close()
    if digest not in known:
        hint = "Make it here with `chartside trial report`: a file alone proves nothing."
        raise DecisionRefused("no such report is on record", where="--report", hint=hint)


async def _record(settings: Settings, fields: dict[str, Any]) -> None:
    store = Store(store_config(settings), site_key(settings))
    await store.open()
    try:
        await store.record_event("trial-decided", **fields, **user_fields(settings))
    finally:
        await store.close()
