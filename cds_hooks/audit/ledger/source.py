"""The ledgers that are verified, proved and searched: an export's folder, or a service's store."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from cds_hooks.audit.ledger import checkpoint_storage, merkle_tree, storage, stored_ledger
from cds_hooks.audit.ledger.export import Export
from cds_hooks.audit.ledger.ledger_errors import ProofInvalid
from cds_hooks.audit.ledger.record_integrity import (
    EarlierState,
    RecordIntegrity,
    stored_digests,
)
from cds_hooks.audit.ledger.stored_consultations import missing_data_key
from cds_hooks.audit.ledger.verification import LedgerVerifier, VerificationFailure

__all__ = ["LedgerSource", "export_source", "store_source"]


@dataclass(frozen=True, slots=True)
class LedgerSource:
    """A ledger, wherever it is.

    `total` is the size of all records with their line ends in bytes, `reader` reads nodes of the
    tree, `get` one record; `verified` are those that a verifier takes, `restores` those among which
    are all that begin an epoch. `end` is an export's statement of where it ends (empty when it has
    none), None for a store. `stored_digests` are
    those of stored consultations by id, `earlier_states` finds those in another state than the
    ledger says, `missing_data_key` one that nobody can decrypt, `database_damage` what the
    database itself finds damaged; an export has none of these.
    """

    name: str
    total: int
    records: Callable[[], Iterator[bytes]]
    notes: Callable[[], Iterable[str]]
    reader: Callable[[], merkle_tree.ReadNode]
    get: Callable[[int], bytes]
    verified: Callable[[LedgerVerifier], Iterator[bytes]]
    restores: Callable[[], Iterable[bytes]]
    end: str | None = None
    stored_digests: Callable[[], dict[str, str]] = dict
    earlier_states: Callable[[RecordIntegrity], tuple[EarlierState, ...]] = lambda _: ()
    missing_data_key: Callable[[], VerificationFailure | None] = lambda: None
    database_damage: Callable[[int], VerificationFailure | None] = lambda _: None


def export_source(folder: Path) -> LedgerSource:
    """The ledger in an export. Raises ExportUnreadable."""
    export = Export(folder)

    def get(seq: int) -> bytes:
        for number, line in enumerate(export.lines()):
            if number == seq:
                return line
        raise ProofInvalid("there is no such record", where=f"seq {seq}")

    def reader() -> merkle_tree.ReadNode:
        nodes: dict[tuple[int, int], bytes] = {}
        frontier = merkle_tree.Frontier()
        for number, line in enumerate(export.lines()):
            nodes[0, number] = leaf = merkle_tree.leaf_hash(line)
            nodes.update(((n.level, n.index), n.hash) for n in frontier.append(leaf))
        return lambda level, index: _node(nodes, level, index)

    return LedgerSource(
        str(folder),
        export.total_bytes,
        export.lines,
        export.notes,
        reader,
        get,
        lambda verifier: itertools.takewhile(verifier.add, export.lines()),
        export.lines,
        export.end(),
    )


def store_source(connection: Connection, name: str) -> LedgerSource:
    """The ledger in the store behind a connection, which may be written meanwhile."""

    def get(seq: int) -> bytes:
        found = next(storage.records(connection, seq), None) if seq >= 0 else None
        if found is None or found.seq != seq:
            raise ProofInvalid("there is no such record", where=f"seq {seq}")
        return _bytes(found.record)

    return LedgerSource(
        name,
        _total_bytes(connection),
        lambda: (_bytes(row.record) for row in storage.records(connection)),
        lambda: checkpoint_storage.notes(connection),
        lambda: storage.node_reader(connection),
        get,
        lambda verifier: stored_ledger.verified_records(connection, verifier),
        lambda: stored_ledger.restores(connection),
        None,
        lambda: stored_digests(connection),
        lambda integrity: integrity.earlier_states(connection),
        lambda: missing_data_key(connection),
        lambda seq: stored_ledger.database_damage(connection, seq),
    )


def _bytes(data: object) -> bytes:
    """SQLite keeps whatever type it is given in a column: text is no record, and stands as none."""
    return data if isinstance(data, bytes) else b""


def _total_bytes(connection: Connection) -> int:
    """For a progress bar only: a damaged file says nothing here, and is told later."""
    try:
        return checkpoint_storage.total_bytes(connection)
    except SQLAlchemyError:
        return 0


def _node(nodes: dict[tuple[int, int], bytes], level: int, index: int) -> bytes:
    if (level, index) not in nodes:
        raise ProofInvalid("the export has fewer records than were signed")
    return nodes[level, index]
