"""`chartside audit`: the commands of the ledger, of records and of keys."""

from __future__ import annotations

import typer

from cds_hooks.cli import (
    audit_backup,
    audit_erase,
    audit_export,
    audit_feedback,
    audit_holds,
    audit_keys,
    audit_proof,
    audit_query,
    audit_restore,
    audit_verify,
)

__all__ = ["audit_app"]

audit_app = typer.Typer(
    name="audit",
    help="The ledger of who was shown what; records: holds, keys, backups.",
    no_args_is_help=True,
    add_completion=False,
)
audit_app.command("verify")(audit_verify.verify)
audit_app.command("prove")(audit_proof.prove_record)
audit_app.command("query")(audit_query.query)
audit_app.command("export")(audit_export.export_ledger)
audit_app.command("feedback")(audit_feedback.feedback)
audit_app.command("erase")(audit_erase.erase)
audit_app.add_typer(audit_holds.hold_app)
audit_app.command("check")(audit_backup.check)
audit_app.command("backup")(audit_backup.backup)
audit_app.command("restore")(audit_restore.restore)
audit_app.command("new-key")(audit_keys.new_key)
audit_app.command("rotate")(audit_keys.rotate)
audit_app.command("key")(audit_keys.show_key)
audit_app.command("public-key")(audit_keys.show_public_key)
audit_app.command("device-key")(audit_keys.device_key)
audit_app.command("keygen")(audit_keys.keygen)
