"""One consultation of the store for a command, and a ledger record of who read it."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from typing import Annotated

import typer

from cds_hooks.audit import Store
from cds_hooks.cli.mapping import UsageError
from cds_hooks.runtime.configs import store_config
from cds_hooks.runtime.consultation_reading import (
    ConsultationUnknown,
    MayRead,
    Reading,
    is_reference,
    read_consultation,
)
from cds_hooks.runtime.operator import user_fields
from cds_hooks.runtime.records import site_key
from cds_hooks.runtime.silent_services import silent_state
from cds_hooks.settings import Settings

__all__ = [
    "ConsultationUnknown",
    "ReasonOption",
    "Reading",
    "SilentTrialOption",
    "is_reference",
    "reading",
    "require_not_silent",
    "require_reason",
]

ReasonOption = Annotated[
    str, typer.Option(help="Why it is read, for the ledger; nothing of the patient.")
]

SilentTrialOption = Annotated[
    bool,
    typer.Option("--silent-trial", help="Read what a silent trial recorded; it is on record."),
]

_LONGEST_REASON = 200


def require_reason(reason: str) -> None:
    """Raise UsageError for a reason that is no short line."""
    if len(reason) > _LONGEST_REASON or not reason.isprintable():
        hint = f"At most {_LONGEST_REASON} characters in one line."
        raise UsageError("the reason is too long", where="--reason", hint=hint)


def require_not_silent(settings: Settings, service_id: str, *, silent_trial: bool) -> None:
    """Refuse to show what a silent trial keeps to itself, of a service of which some hooks are
    silent at least. Raises UsageError."""
    if silent_state(settings, service_id) and not silent_trial:
        hint = "With --silent-trial it is shown all the same."
        raise UsageError("this service is silent, for a trial", where=service_id, hint=hint)


@contextlib.asynccontextmanager
async def reading(
    settings: Settings, reference: str, *, command: str, reason: str, silent_trial: bool = False
) -> AsyncIterator[Reading]:
    """A consultation by its id, a card's uuid or a card's link; its reading is in the ledger first.
    With `silent_trial` one of a trial by its id, and no other.

    Raises ConsultationUnknown, UsageError, RecordUnreadable, StoreUnavailable.
    """
    require_reason(reason)
    store = Store(store_config(settings), site_key(settings))
    await store.open()
    try:
        who = {"command": command, **({"reason": reason} if reason else {})}
        fresh_for_s = settings.services.fresh_for_s
        yield await read_consultation(
            store,
            reference,
            who | user_fields(settings),
            fresh_for_s=fresh_for_s,
            may=MayRead(shown=not silent_trial, silent=silent_trial),
        )
    finally:
        await store.close()
