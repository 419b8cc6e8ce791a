"""The ledgers that are verified, proved and searched: an export's folder, or a service's store."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection

from cds_hooks.audit.ledger import checkpoint_storage, merkle_tree, storage
from cds_hooks.audit.ledger.export import Export
from cds_hooks.audit.ledger.ledger_errors import ProofInvalid
from cds_hooks.audit.ledger.record_integrity import (
    EarlierState,
    RecordIntegrity,
    stored_digests,
)

__all__ = ["LedgerSource", "export_source", "store_source"]


@dataclass(frozen=True, slots=True)
class LedgerSource:
    """A ledger, wherever it is.

    `total` is the size of all records with their line ends in bytes, `reader` reads nodes of the
    tree, `get` one record, `root` the stored head's root, if any. `end` is an export's statement of
    where it ends (empty when it has none), None for a store. `stored_digests` are those of
    stored consultations by id, `earlier_states` finds consultations in another state than the
    ledger says; an export has neither.
    """

    name: str
    total: int
    records: Callable[[], Iterator[bytes]]
    notes: Callable[[], Iterable[str]]
    reader: Callable[[], merkle_tree.ReadNode]
    get: Callable[[int], bytes]
    root: Callable[[], bytes | None]
    end: str | None = None
    stored_digests: Callable[[], dict[str, str]] = dict
    earlier_states: Callable[[RecordIntegrity], tuple[EarlierState, ...]] = lambda _: ()


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
        lambda: None,
        export.end(),
    )


def store_source(connection: Connection, name: str) -> LedgerSource:
    """The ledger in the store behind a connection, which may be written meanwhile."""

    def get(seq: int) -> bytes:
        found = next(storage.records(connection, seq), None) if seq >= 0 else None
        if found is None or found.seq != seq:
            raise ProofInvalid("there is no such record", where=f"seq {seq}")
        return bytes(found.record)

    return LedgerSource(
        name,
        checkpoint_storage.total_bytes(connection),
        lambda: (bytes(row.record) for row in storage.records(connection)),
        lambda: checkpoint_storage.notes(connection),
        lambda: storage.node_reader(connection),
        get,
        lambda: storage.head(connection).root,
        None,
        lambda: stored_digests(connection),
        lambda integrity: integrity.earlier_states(connection),
    )


def _node(nodes: dict[tuple[int, int], bytes], level: int, index: int) -> bytes:
    if (level, index) not in nodes:
        raise ProofInvalid("the export has fewer records than were signed")
    return nodes[level, index]
