"""A store as the compliance checks see it: its ledger verified and counted, its rows counted."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import orjson
from sqlalchemy import Connection, func, select

from cds_hooks.audit import SiteKey, tables
from cds_hooks.audit.encryption import ERASED
from cds_hooks.audit.ledger import storage
from cds_hooks.audit.ledger.checkpoint_keys import CheckpointSigner, CheckpointVerifier
from cds_hooks.audit.ledger.enrichment import format_utc
from cds_hooks.audit.ledger.ledger_errors import WitnessFailed
from cds_hooks.audit.ledger.record_types import RECORD_TYPES
from cds_hooks.audit.ledger.source import store_source
from cds_hooks.audit.ledger.source_verification import verify_source
from cds_hooks.audit.ledger.tally import Tally
from cds_hooks.audit.legal_holds import active_holds, held_subjects
from cds_hooks.audit.store_config import open_database
from cds_hooks.audit.store_errors import StoreUnavailable
from cds_hooks.audit.verification_store import read_state
from cds_hooks.compliance.checks import LedgerFacts, StoreFacts
from cds_hooks.errors import ChartsideError
from cds_hooks.runtime.configs import store_config
from cds_hooks.runtime.records import find_key
from cds_hooks.runtime.witness_notes import folder_notes
from cds_hooks.settings import Settings
from cds_hooks.statistics.subgroups import OWN_TRIALS

__all__ = ["StoreReading", "Watch", "read_store"]

_OVERDUE_S = 86_400.0
_OTHER_STATE = "earlier-state"
_DAMAGED = ("corrupt", "ledger-broken")

Watch = Callable[[Iterable[bytes]], Iterable[bytes]]


@dataclass(frozen=True, slots=True)
class StoreReading:
    """What was read of a store: its ledger's counts and rows, or `unread`: why it was not."""

    ledger: LedgerFacts | None = None
    store: StoreFacts | None = None
    destroyed: tuple[Mapping[str, Any], ...] = ()
    unread: str = ""


def read_store(settings: Settings, watch: Watch = iter) -> StoreReading:
    """The store of these settings: a file that is not there is not made.

    A damaged database is told as a ledger that is not whole; what only cannot be read is `unread`.
    """
    place = settings.store.path
    if "://" not in place and not Path(place).is_file():
        return StoreReading(unread="there is no store yet: the service never ran with it")
    try:
        return _read(settings, watch)
    except StoreUnavailable as error:
        damage = f"the database is damaged ({error.reason})"
        ledger = LedgerFacts(failure=damage) if error.reason in _DAMAGED else None
        return StoreReading(ledger, unread=f"the store cannot be read: {error.message}")
    except ChartsideError as error:
        return StoreReading(unread=f"the store cannot be read: {error.message}")


def _read(settings: Settings, watch: Watch) -> StoreReading:
    key = find_key(settings).key
    witnessed, not_compared = _witnessed(settings)  # before the store, which then has them all
    database = open_database(store_config(settings), key, time.time)
    try:
        with database.read() as connection:
            ledger = _ledger(connection, settings, key, watch, witnessed)
            ledger = replace(ledger, not_compared=not_compared)
            return StoreReading(ledger, _rows(connection), _destroyed(connection))
    finally:
        database.close()


def _witnessed(settings: Settings) -> tuple[tuple[str, ...], str]:
    """The checkpoints of the witness's folder, or why they cannot be read."""
    try:
        return folder_notes(settings), ""
    except WitnessFailed as error:
        return (), f"not compared with the witness: {error.message}"


def _ledger(
    connection: Connection,
    settings: Settings,
    key: SiteKey,
    watch: Watch,
    witnessed: Sequence[str],
) -> LedgerFacts:
    """Counts by the database, also of a ledger that is damaged; all else of verified records."""
    tally, column = Tally(OWN_TRIALS), tables.consultations.c
    readable = select(column.id).where(column.payload_format != ERASED)
    stored = set(connection.execute(readable).scalars())
    source = store_source(connection, settings.store.path)
    report, _ = verify_source(
        source,
        _verifiers(settings),
        witnessed,
        watch=lambda records: tally.passing(watch(records)),
    )
    failure, own = report.failure, read_state(connection, key, time.time())
    told = f"record {failure.seq}: {failure.text} ({failure.code})" if failure else ""
    is_other = failure is not None and failure.code == _OTHER_STATE
    return LedgerFacts(
        **_extent(connection),
        covered=report.covered,
        signed_at=report.signed_at,
        self_verified=format_utc(own.at) if own.at else "",
        failure="" if is_other else told,
        other_state=told if is_other else "",
        unrecorded=len(stored - tally.consultations) if failure is None else 0,
        answers=tally.answers,
        without_user=tally.without_user,
        without_client=tally.without_client,
        critical=tally.critical,
        modelled=tally.modelled,
        single=tally.single,
        untraceable=tally.untraceable,
        switched_off=tally.switched_off,
        while_off=tally.while_off,
        compared=len(witnessed),
    )


def _extent(connection: Connection) -> dict[str, Any]:
    """How many records of each type there are, and the times of the first and the last."""
    column = tables.ledger.c
    by_type = select(column.type, func.count(), func.max(column.recorded)).group_by(column.type)
    rows = connection.execute(by_type).all()
    ends = select(func.min(column.seq), func.max(column.seq))
    first, last = connection.execute(ends).one()
    times = select(column.seq, column.recorded).where(column.seq.in_((first, last)))
    found = {seq: str(recorded) for seq, recorded in connection.execute(times)}
    return {
        "records": sum(count for _, count, _ in rows),
        "first_seq": -1 if first is None else int(first),
        "first": found.get(first, ""),
        "last": found.get(last, ""),
        "counts": {str(type_): int(count) for type_, count, _ in rows},
        "last_times": {str(type_): str(latest) for type_, _, latest in rows},
    }


def _destroyed(connection: Connection) -> tuple[Mapping[str, Any], ...]:
    """The records of what was destroyed, in the order of the ledger."""
    types = [name for name, each in RECORD_TYPES.items() if each.destroys]
    found = [
        orjson.loads(data) for type_ in types for data in storage.records_of(connection, type_)
    ]
    return tuple(sorted(found, key=lambda record: int(record["seq"])))


def _verifiers(settings: Settings) -> tuple[CheckpointVerifier, ...]:
    """The keys of the settings; a signing key that is not there yet is not made."""
    place = settings.ledger.signing_key or settings.store.site_key.with_name("ledger.key")
    own = CheckpointSigner.load(place, settings.ledger.name).public if place.is_file() else None
    earlier = (CheckpointVerifier.parse(line.encode()) for line in settings.ledger.earlier_keys)
    return (*((own,) if own else ()), *earlier)


def _rows(connection: Connection) -> StoreFacts:
    keys, now = tables.data_keys.c, time.time()
    both = (tables.consultations, tables.feedback)
    sealed = [select(t.c.sealed_by).where(t.c.payload_format != ERASED) for t in both]
    known = select(keys.id)
    counted = [_count(connection, query.subquery()) for query in sealed]
    unsealed = [
        _count(connection, select(t.c.id).where(
            t.c.payload_format != ERASED, ~t.c.sealed_by.in_(known)).subquery())
        for t in both
    ]  # fmt: skip
    late = now - _OVERDUE_S
    column = tables.consultations.c
    overdue = select(column.id).where(
        column.expires <= late,
        ~column.id.in_(held_subjects("consultation")),
        ~column.patient_key.in_(held_subjects("patient")),
    )
    return StoreFacts(
        payloads=sum(counted),
        unsealed=sum(unsealed),
        data_keys=_count(connection, select(keys.id).where(keys.erased.is_(None)).subquery()),
        erased_keys=_count(connection, select(keys.id).where(keys.erased.is_not(None)).subquery()),
        holds=len(active_holds(connection)),
        overdue=_count(connection, overdue.subquery()),
    )


def _count(connection: Connection, query: Any) -> int:
    return int(connection.execute(select(func.count()).select_from(query)).scalar_one())
