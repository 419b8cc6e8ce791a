"""`chartside audit restore`: put a backup in the store's place; an epoch of the ledger begins."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Annotated, Any

import typer

from cds_hooks.audit.key_operations import Restored
from cds_hooks.audit.ledger.epoch_start import NewEpoch
from cds_hooks.audit.ledger.ledger_errors import WitnessFailed
from cds_hooks.audit.ledger.witness import FolderWitness
from cds_hooks.audit.reasons import LONGEST_REASON, masked_reason
from cds_hooks.audit.restore import RestoreResult, restore_backup, restore_in_place
from cds_hooks.cli.audit_backup import describe_copy
from cds_hooks.cli.audit_ledger_source import public_keys
from cds_hooks.cli.audit_options import ConfigOption, JsonOption
from cds_hooks.cli.audit_output import print_result
from cds_hooks.runtime.configs import store_config
from cds_hooks.runtime.ledger import signing_key, witnesses
from cds_hooks.runtime.operator import user_fields
from cds_hooks.runtime.records import site_key
from cds_hooks.runtime.witnessing import fhir_notes
from cds_hooks.settings import Settings, load_settings

__all__ = ["restore"]


def restore(
    reason: Annotated[
        str, typer.Option(help="Why, for the record. Name no patient: it stays there.")
    ],
    copy: Annotated[Path | None, typer.Option("--from", help="A file that `backup` made.")] = None,
    in_place: Annotated[
        bool,
        typer.Option("--in-place", help="The store was put back by other means (pg_restore)."),
    ] = False,
    replace: Annotated[
        bool, typer.Option("--replace", help="Give up the store that is there.")
    ] = False,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Put a backup in the store's place, erase again what was erased since, and begin an epoch.

    The service must be stopped. The ledger records the restore with its reason, the user of the
    operating system, and the checkpoints that it gives up; that is signed at once and copied to
    the witness. Every witness of the settings must be readable. Tokens of clients that were issued
    before are refused from then on.
    """
    if (copy is None) != in_place or (in_place and replace):
        raise typer.BadParameter("give --from FILE (and --replace), or --in-place alone")
    settings = load_settings(config)
    key, where = site_key(settings), store_config(settings)
    new = _new_epoch(settings, _checked(reason))
    if copy is None:
        done = restore_in_place(where, key, new)
    else:
        done = restore_backup(copy, where, key, new, replace_store=replace)
    failed = _copy_note(settings, done.restored)
    print_result(_result(done, failed), _told(done, failed), json=json)


def _checked(reason: str) -> str:
    if not reason.strip() or not reason.isprintable() or len(reason) > LONGEST_REASON:
        raise typer.BadParameter(
            f"one line of at most {LONGEST_REASON} characters", param_hint="--reason"
        )
    return masked_reason(reason, time.time())


def _new_epoch(settings: Settings, reason: str) -> NewEpoch:
    """What begins, with what every witness has. Raises WitnessFailed, SigningKeyRefused."""
    known = [list(each.notes()) for each in witnesses(settings) if isinstance(each, FolderWitness)]
    if settings.witness.fhir_server is not None:
        known.append(asyncio.run(fhir_notes(settings)))
    keys = public_keys([], settings)
    return NewEpoch(reason, signing_key(settings), keys, user_fields(settings), known)


def _copy_note(settings: Settings, restored: Restored) -> str:
    """Copy the first checkpoint of the epoch; the code of what failed. A FHIR server gets it from
    the service, which copies what that server does not have."""
    for witness in witnesses(settings):
        try:
            witness.keep(restored.begin.seq + 1, restored.note)
        except WitnessFailed as error:
            return error.code
    return ""


def _result(done: RestoreResult, failed: str) -> dict[str, Any]:
    begin = done.restored.begin
    given_up = [
        {"epoch": each.epoch, "size": each.size, "signed_at": each.signed_at}
        for each in begin.superseded
    ]
    return {
        "whole": done.checked.is_whole,
        "opened": done.checked.opened,
        "records": done.checked.records,
        "keys_erased_again": len(done.restored.erased.keys),
        "epoch": begin.epoch,
        "kept": begin.kept,
        "given_up": given_up,
        "replaced_records": begin.replaced_records,
        "stay_off": list(done.restored.stay_off),
        "witness": failed or "ok",
    }


def _told(done: RestoreResult, failed: str) -> str:
    begin, count = done.restored.begin, len(done.restored.erased.keys)
    lines = [f"{describe_copy(done.checked)} {count} patients' keys were erased again."]
    lines.append(f"Epoch {begin.epoch} of the ledger began with record {begin.seq} and is signed.")
    lines += [
        f"Given up: the checkpoint of {each.size} records (epoch {each.epoch}, {each.signed_at})."
        for each in begin.superseded
    ]
    if not begin.superseded:
        lines.append("No checkpoint is known that it gives up.")
    if begin.replaced_records is None:
        lines.append("The replaced store was not read: look at `chartside services list`.")
    if stay_off := done.restored.stay_off:
        lines.append(f"Stays switched off, as in the replaced store: {', '.join(stay_off)}.")
    if failed:
        lines.append(f"The witness did not take its checkpoint ({failed}); it gets the next one.")
    lines.append(
        "Tokens that clients were issued until now, and for their leeway_s after it, are refused."
    )
    lines.append("Start the service.")
    return "\n".join(lines)
