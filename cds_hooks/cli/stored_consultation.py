"""One consultation of the store, by whatever names it, and a ledger record of who read it."""

from __future__ import annotations

import contextlib
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Annotated

import typer

from cds_hooks.audit import Store
from cds_hooks.cli.mapping import UsageError
from cds_hooks.consultation import Consultation, Outcome
from cds_hooks.errors import ChartsideError
from cds_hooks.replay import RecordedTables
from cds_hooks.runtime.answer_basis import TABLES_LOADED
from cds_hooks.runtime.configs import store_config
from cds_hooks.runtime.operator import user_fields
from cds_hooks.runtime.records import site_key
from cds_hooks.settings import Settings

__all__ = [
    "ConsultationUnknown",
    "ReasonOption",
    "Reading",
    "is_reference",
    "reading",
    "require_reason",
]

ReasonOption = Annotated[
    str, typer.Option(help="Why it is read, for the ledger; nothing of the patient.")
]

_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_LINK = re.compile(rf"(?:^|/)({_ID.pattern})\.[0-9]{{1,12}}\.[0-9a-f]{{64}}(?:[/?#]|$)")
_LONGEST_REASON = 200


class ConsultationUnknown(ChartsideError):
    """Nothing that is on record is called so."""

    code = "consultation-unknown"
    status = 404
    issue = "not-found"


@dataclass(frozen=True, slots=True)
class Reading:
    """A consultation that somebody may read now, with the ledger's record of its tables."""

    consultation: Consultation
    tables: RecordedTables
    store: Store


def is_reference(text: str) -> bool:
    """Whether a text names a consultation rather than a file."""
    return bool(_ID.fullmatch(text) or _LINK.search(text))


def require_reason(reason: str) -> None:
    """Raise UsageError for a reason that is no short line."""
    if len(reason) > _LONGEST_REASON or not reason.isprintable():
        hint = f"At most {_LONGEST_REASON} characters in one line."
        raise UsageError("the reason is too long", where="--reason", hint=hint)


@contextlib.asynccontextmanager
async def reading(
    settings: Settings, reference: str, *, command: str, reason: str
) -> AsyncIterator[Reading]:
    """A consultation by its id, a card's uuid or a card's link; its reading is in the ledger first.

    Raises ConsultationUnknown, UsageError, RecordUnreadable, StoreUnavailable.
    """
    require_reason(reason)
    store = Store(store_config(settings), site_key(settings))
    await store.open()
    try:
        found = await _with_answer(store, await _find(store, reference), settings)
        await store.record_event(
            "consultation-read",
            consultation=found.id,
            service_id=found.service,
            patient_pseudonym=found.patient_key,
            command=command,
            **({"reason": reason} if reason else {}),
            **user_fields(settings),
        )
        records = await store.ledger.records_of(TABLES_LOADED)
        yield Reading(found, RecordedTables.find(records, found), store)
    finally:
        await store.close()


async def _find(store: Store, reference: str) -> Consultation:
    link = _LINK.search(reference)
    named = (link[1] if link else reference).lower()
    if not _ID.fullmatch(named):
        raise _unknown()
    found = await store.get(named)
    if found is None and (card_of := await store.consultation_of_card(named)):
        found = await store.get(card_of)
    if found is None:
        raise _unknown()
    return found


async def _with_answer(store: Store, found: Consultation, settings: Settings) -> Consultation:
    """What the page behind a card shows: of a question that was answered since, the answer."""
    if found.outcome is not Outcome.PENDING:
        return found
    oldest = found.created - settings.services.fresh_for_s
    return await store.find_by_key(found.key, not_older_than=oldest) or found


def _unknown() -> ConsultationUnknown:
    hint = (
        "Give a consultation's id, a card's uuid, or the address of a card's link, of the store of "
        "--config; retention may have deleted it."
    )
    return ConsultationUnknown("no such consultation is on record", hint=hint)
