"""The ledger: appends of a hundred writers at once with group commit, verification, proofs."""

from __future__ import annotations

import asyncio
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cds_hooks.audit import RecordedCall, SiteKey, Store, StoreConfig
from cds_hooks.audit.ledger import merkle_tree, storage
from cds_hooks.audit.ledger.proof import prove
from cds_hooks.audit.ledger.verification import LedgerVerifier, verify_checkpoints
from cds_hooks.consultation import CheckedConsultation, Outcome
from cds_hooks.protocol.cards import Card, Source
from fhir_mapping.chart import Chart, PatientFacts
from tests.ledger.ledgers import KEY, made

WRITERS = 100
HOOKS = 3000
ROUNDS = 3
RECORDS = 100_000
PLAIN = 500


def rows() -> list[dict[str, Any]]:
    """Rows for `make bench`."""
    with tempfile.TemporaryDirectory(dir=".") as folder:
        found = [
            (asyncio.run(_hooks(Path(folder) / f"{n}")), _plain(Path(folder) / f"p{n}"))
            for n in range(ROUNDS)
        ]
    hooks = [HOOKS / ours for ours, _ in found]
    ratio = [(HOOKS / ours) * theirs for ours, theirs in found]
    plain = statistics.median(1 / theirs for _, theirs in found)
    verified = [_verify() for _ in range(ROUNDS)]
    return [
        _row(f"hooks recorded by {WRITERS} writers", hooks, "1/s", HOOKS * ROUNDS),
        _row(
            "the same, over a plain insert and commit",
            ratio,
            "times",
            HOOKS * ROUNDS,
            f"one SQLite insert and synced commit after another, {plain:.0f} a second",
        ),
        _row(f"{RECORDS} records verified", verified, "s", RECORDS * ROUNDS),
        *_proofs(),
    ]


async def _hooks(folder: Path) -> float:
    """Seconds for all hooks: each records its cards and who sees them, durable when it goes on."""
    store = Store(StoreConfig(folder / "s.sqlite"), SiteKey(bytes(32)))
    await store.open()
    answer = CheckedConsultation(
        "c",
        "k",
        "chartside-patient-view",
        time.time(),
        "p1:" + 64 * "0",
        Chart(PatientFacts(), ()),
        outcome=Outcome.ANSWERED,
    )
    await store.save_consultation(answer)

    async def write(first: int) -> None:
        for number in range(first, HOOKS, WRITERS):
            card = Card("Differential for this chart", "info", Source("Chartside"), f"u{number}")
            call = RecordedCall("patient-view", f"i{number}", user_id="Practitioner/1")
            assert await store.save_cards(answer, [card], call)

    began = time.perf_counter()
    await asyncio.gather(*(write(first) for first in range(WRITERS)))
    took = time.perf_counter() - began
    head = await store._transactions.read(storage.head)
    assert head.size == HOOKS + 1
    await store.close()
    return took


def _plain(folder: Path) -> float:
    """Seconds of one insert of a record's size with a commit that is on the disk."""
    folder.mkdir()
    with sqlite3.connect(folder / "s.sqlite", isolation_level=None) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, record BLOB)")
        began = time.perf_counter()
        for _ in range(PLAIN):
            connection.execute("INSERT INTO t (record) VALUES (?)", (bytes(700),))
        took = (time.perf_counter() - began) / PLAIN
    connection.close()
    return took


_LEDGER: list[Any] = []


def _ledger() -> Any:
    if not _LEDGER:
        _LEDGER.append(made(RECORDS, [*range(1000, RECORDS, 1000), RECORDS]))
    return _LEDGER[0]


def _verify() -> float:
    ledger = _ledger()
    began = time.perf_counter()
    verifier = LedgerVerifier(*verify_checkpoints(ledger.notes, [KEY.public]))
    for line in ledger.lines:
        verifier.add(line)
    assert verifier.report().is_whole
    return time.perf_counter() - began


def _proofs() -> list[dict[str, Any]]:
    """Nodes read for a proof, in a ledger of a thousand records and of a hundred thousand."""
    ledger = _ledger()
    nodes = {(0, n): merkle_tree.leaf_hash(line) for n, line in enumerate(ledger.lines)}
    frontier = merkle_tree.Frontier()
    for index in range(RECORDS):
        made_here = frontier.append(nodes[0, index])
        nodes.update(((node.level, node.index), node.hash) for node in made_here)
    found = []
    for size, note in ((1000, ledger.notes[0]), (RECORDS, ledger.notes[-1])):
        counts = [_reads(seq, ledger.lines[seq], note, nodes) for seq in range(0, size, size // 50)]
        found.append(_row(f"hashes read for a proof in {size} records", counts, "hashes", 50))
    return found


def _reads(seq: int, line: bytes, note: str, nodes: dict[tuple[int, int], bytes]) -> float:
    count = 0

    def read(level: int, index: int) -> bytes:
        nonlocal count
        count += 1
        return nodes[level, index]

    reader: Callable[[int, int], bytes] = read
    prove(seq, line, note, reader).verify(KEY.public)
    return float(count)


def _row(name: str, values: list[float], unit: str, n: int, against: str = "") -> dict[str, Any]:
    row = {
        "name": name,
        "value": statistics.median(values),
        "unit": unit,
        "n": n,
        "minimum": min(values),
        "maximum": max(values),
    }
    return {**row, "against": against} if against else row
