"""`chartside audit check | backup`: read a store whole, and copy it."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from cds_hooks.audit.backup import check_backup, create_backup
from cds_hooks.audit.integrity_check import IntegrityReport
from cds_hooks.audit.key_operations import KeyOperations
from cds_hooks.cli.audit_ledger_source import public_keys
from cds_hooks.cli.audit_options import ConfigOption, JsonOption
from cds_hooks.cli.audit_output import count_progress, print_result
from cds_hooks.runtime.configs import store_config
from cds_hooks.runtime.records import site_key
from cds_hooks.settings import load_settings

__all__ = ["backup", "check", "describe_copy"]

_NOT_WHOLE = 1
_MAX_IDS = 5


def check(
    copy: Annotated[
        Path | None, typer.Argument(help="A backup; without it the store of the settings.")
    ] = None,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Open every record of the store, or of a backup: database, payloads, ledger.

    Ends with 1 when something cannot be read.
    """
    settings = load_settings(config)
    key, keys = site_key(settings), public_keys([], settings)
    with count_progress("payloads", json=json) as progress:
        if copy is not None:
            report = check_backup(copy, key, keys, progress)
        else:
            with KeyOperations(store_config(settings), key) as operations:
                report = operations.check_integrity(keys, progress)
    print_result(_result(report), describe_copy(report), json=json)
    if not report.is_whole:
        raise typer.Exit(_NOT_WHOLE)


def backup(
    to: Annotated[Path, typer.Option(help="File of the copy; must not be there.")],
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Copy the store while the service runs, and read the copy whole.

    Payloads are encrypted in it as they are in the store: keep the site key elsewhere.
    """
    settings = load_settings(config)
    key, keys = site_key(settings), public_keys([], settings)
    with count_progress("pages", json=json) as progress:
        report = create_backup(store_config(settings), key, to, keys, progress)
    result = {"file": str(to), **_result(report)}
    print_result(result, f"{to}: {describe_copy(report)}", json=json)


def _result(report: IntegrityReport) -> dict[str, Any]:
    return {"whole": report.is_whole, **asdict(report)}


def describe_copy(report: IntegrityReport) -> str:
    """What was read of a store, and what is wrong with it, for a person."""
    if report.damage:
        return "NOT whole: the database is damaged."
    whole = (
        f"{report.opened} payloads were opened, {report.erased} are erased; "
        f"ledger of {report.records} records: {report.ledger or 'whole'}."
    )
    return (
        whole
        + _list("payloads CANNOT be read", report.unreadable)
        + _list("are NOT in the state the ledger says", report.earlier)
        + _list("are NOT in the ledger", report.unrecorded)
    )


def _list(fault: str, ids: tuple[str, ...]) -> str:
    return f" {len(ids)} {fault}: {' '.join(ids[:_MAX_IDS])}." if ids else ""
