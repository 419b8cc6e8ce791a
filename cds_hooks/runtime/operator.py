"""Who runs this process, for the ledger."""

from __future__ import annotations

import os
import pwd

from cds_hooks.settings import Settings

__all__ = ["operator", "user_fields"]


def operator() -> str:
    """This user of the operating system, as `audit query --user` takes it."""
    number = os.geteuid()
    try:
        return f"os-user/{pwd.getpwuid(number).pw_name}"
    except KeyError:
        return f"os-user/{number}"


def user_fields(settings: Settings) -> dict[str, str]:
    """The fields of a ledger record that say who; a keyed hash unless the site records users."""
    plain = settings.ledger.users == "plain"
    return {"user_ref" if plain else "user_id": operator()}
