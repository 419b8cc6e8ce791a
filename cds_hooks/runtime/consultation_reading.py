"""One consultation of the store, by whatever names it, and a ledger record of who reads it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from cds_hooks.audit import Store
from cds_hooks.consultation import Consultation, Outcome
from cds_hooks.errors import ChartsideError
from cds_hooks.replay import RecordedTables
from cds_hooks.runtime.answer_basis import TABLES_LOADED

__all__ = ["ConsultationUnknown", "MayRead", "Reading", "is_reference", "read_consultation"]

_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_LINK = re.compile(rf"(?:^|/)({_ID.pattern})\.[0-9]{{1,12}}\.[0-9a-f]{{64}}(?:[/?#]|$)")


class ConsultationUnknown(ChartsideError):
    """Nothing that is on record is called so."""

    code = "consultation-unknown"
    status = 404
    issue = "not-found"


@dataclass(frozen=True, slots=True)
class MayRead:
    """What somebody may read: consultations that are `shown`, `silent` ones of a trial, or both."""

    shown: bool = True
    silent: bool = False


@dataclass(frozen=True, slots=True)
class Reading:
    """A consultation that somebody may read now, with the ledger's record of its tables.

    `asked` is the id of the one that was asked for: a question that was answered since is another.
    """

    consultation: Consultation
    tables: RecordedTables
    store: Store
    asked: str


def is_reference(text: str) -> bool:
    """Whether a text names a consultation rather than a file."""
    return bool(_ID.fullmatch(text) or _LINK.search(text))


_SHOWN = MayRead()


async def read_consultation(
    store: Store,
    reference: str,
    who: Mapping[str, str | list[str]],
    *,
    fresh_for_s: float,
    may: MayRead = _SHOWN,
) -> Reading:
    """A consultation by its id, a card's uuid or a card's link; its reading is in the ledger first.

    `who` are the record's fields of who reads it and by what. An answer made within `fresh_for_s`
    stands for the question that it answers. What the reader may not read is unknown to them.
    Raises ConsultationUnknown, RecordUnreadable, StoreUnavailable.
    """
    asked = await _find(store, reference, may)
    found = await _with_answer(store, asked, fresh_for_s)
    details: dict[str, str | bool] = {} if found.id == asked.id else {"asked": asked.id}
    details |= {"silent_trial": True} if found.silent else {}
    await store.record_event(
        "consultation-read",
        consultation=found.id,
        service_id=found.service,
        patient_pseudonym=found.patient_key,
        **who,
        **details,
    )
    records = await store.ledger.records_of(TABLES_LOADED)
    return Reading(found, RecordedTables.find(records, found), store, asked.id)


async def _find(store: Store, reference: str, may: MayRead) -> Consultation:
    link = _LINK.search(reference)
    named = (link[1] if link else reference).lower()
    if not _ID.fullmatch(named):
        raise _unknown()
    found = await store.get(named) if may.shown else None
    if found is None and may.shown and (card_of := await store.consultation_of_card(named)):
        found = await store.get(card_of)
    if found is None and may.silent:
        found = await store.silent.get(named)
    if found is None:
        raise _unknown()
    return found


async def _with_answer(store: Store, found: Consultation, fresh_for_s: float) -> Consultation:
    """What the page behind a card shows: of a question that was answered since, the answer."""
    if found.outcome is not Outcome.PENDING:
        return found
    of = store.silent if found.silent else store
    return await of.find_by_key(found.key, not_older_than=found.created - fresh_for_s) or found


def _unknown() -> ConsultationUnknown:
    hint = (
        "Give a consultation's id, a card's uuid, or the address of a card's link, of the store of "
        "--config; retention may have deleted it. One of a silent trial is read "
        "with --silent-trial, or by an investigator."
    )
    return ConsultationUnknown("no such consultation is on record", hint=hint)
