"""Where audit commands read a ledger: an export's folder, or the store of a service."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection

from cds_hooks.audit.ledger import append, keeping, tree
from cds_hooks.audit.ledger.errors import ProofInvalid
from cds_hooks.audit.ledger.export import Export
from cds_hooks.audit.ledger.signing import PublicKey
from cds_hooks.audit.ledger.vouched import Earlier, Vouching, stored_digests
from cds_hooks.audit.store import database
from cds_hooks.runtime.configs import store_config
from cds_hooks.runtime.ledger import signing_key
from cds_hooks.runtime.records import site_key
from cds_hooks.settings import Settings, load_settings

__all__ = ["Source", "exported", "opened", "public_keys", "stored"]


@dataclass(frozen=True, slots=True)
class Source:
    """`total` are the bytes of all records with their line ends, for progress; `reader` gives the
    tree's nodes; `get` one record; `root` the stored head's root, if any. `stored` are the digests
    of consultations by id, and `earlier` those that are not in the state the ledger says: an
    export has none.
    """

    name: str
    total: int
    records: Callable[[], Iterator[bytes]]
    notes: Callable[[], Iterable[str]]
    reader: Callable[[], tree.ReadNode]
    get: Callable[[int], bytes]
    root: Callable[[], bytes | None]
    stored: Callable[[], dict[str, str]] = dict
    earlier: Callable[[Vouching], tuple[Earlier, ...]] = lambda _: ()


@contextlib.contextmanager
def opened(folder: Path | None, config: Path | None) -> Iterator[Source]:
    """The export in this folder, or without one the store of the settings."""
    if folder is not None:
        yield exported(folder)
        return
    with stored(load_settings(config)) as source:
        yield source


def exported(folder: Path) -> Source:
    """A ledger in an export. Raises ExportUnreadable."""
    export = Export(folder)

    def get(seq: int) -> bytes:
        for number, line in enumerate(export.lines()):
            if number == seq:
                return line
        raise ProofInvalid("there is no such record", where=f"seq {seq}")

    def reader() -> tree.ReadNode:
        nodes: dict[tuple[int, int], bytes] = {}
        frontier = tree.Frontier()
        for number, line in enumerate(export.lines()):
            nodes[0, number] = leaf = tree.leaf_hash(line)
            nodes.update(((n.level, n.index), n.hash) for n in frontier.append(leaf))
        return lambda level, index: _node(nodes, level, index)

    return Source(
        str(folder), export.total_bytes, export.lines, export.notes, reader, get, lambda: None
    )


@contextlib.contextmanager
def stored(settings: Settings) -> Iterator[Source]:
    """A ledger in the store of a service, which may be running."""
    key = site_key(settings)
    place = database(store_config(settings), key, time.time)
    try:
        with place.read() as connection:
            yield _of(connection, settings.store.path)
    finally:
        place.close()


def public_keys(given: list[Path], settings: Settings | None) -> tuple[PublicKey, ...]:
    """The keys to verify with: those that are given, else the settings' own."""
    if given or settings is None:
        return tuple(PublicKey.load(path) for path in given)
    earlier = (PublicKey.parse(line.encode()) for line in settings.ledger.earlier_keys)
    return (signing_key(settings).public, *earlier)


def _of(connection: Connection, name: str) -> Source:
    def get(seq: int) -> bytes:
        found = next(append.records(connection, seq), None) if seq >= 0 else None
        if found is None or found.seq != seq:
            raise ProofInvalid("there is no such record", where=f"seq {seq}")
        return bytes(found.record)

    return Source(
        name,
        keeping.total_bytes(connection),
        lambda: (bytes(row.record) for row in append.records(connection)),
        lambda: keeping.notes(connection),
        lambda: append.node_reader(connection),
        get,
        lambda: append.head(connection).root,
        lambda: stored_digests(connection),
        lambda vouching: vouching.earlier(connection),
    )


def _node(nodes: dict[tuple[int, int], bytes], level: int, index: int) -> bytes:
    if (level, index) not in nodes:
        raise ProofInvalid("the export holds fewer records than were signed")
    return nodes[level, index]
