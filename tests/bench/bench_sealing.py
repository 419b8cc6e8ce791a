"""What sealing a record costs: the cipher, with its data key, and beside a store that does not."""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from cds_hooks.audit import SiteKey, StoreConfig
from cds_hooks.audit.encryption import EncryptedPayload, PayloadCipher, PayloadContext, data_keys
from cds_hooks.audit.encryption.aead import open_sealed, seal
from cds_hooks.audit.key_operations import KeyOperations

ROUNDS = 400
SIZES = (2_000, 30_000, 300_000)
Row = dict[str, Any]


def rows() -> list[Row]:
    """Microseconds a record, for payloads as they are stored (compressed)."""
    key = bytes(range(32))
    found: list[Row] = []
    for size in SIZES:
        plain = bytes(range(256)) * (size // 256)
        sealed = seal(key, plain, "consultation", "id")
        found += [
            _row(
                f"AES-256-GCM, seal {size // 1000} kB",
                partial(seal, key, plain, "consultation", "id"),
            ),
            _row(
                f"AES-256-GCM, open {size // 1000} kB",
                partial(open_sealed, key, sealed, "consultation", "id"),
            ),
        ]
    with tempfile.TemporaryDirectory() as folder:
        return [*found, *_in_a_store(Path(folder))]


def _in_a_store(folder: Path) -> list[Row]:
    """With the data key looked up and unwrapped each time, among 1,000 patients."""
    site = SiteKey(bytes(range(1, 33)))
    with (
        KeyOperations(StoreConfig(folder / "store" / "records.sqlite"), site) as key_operations,
        key_operations._database.write() as connection,
    ):
        for n in range(1000):
            data_keys.get_or_create(connection, f"p{n}", site)
        return _with_keys(connection, PayloadCipher(site), bytes(range(256)) * 117)


def _with_keys(connection: Connection, cipher: PayloadCipher, plain: bytes) -> list[Row]:
    context = PayloadContext("consultation", "id", "consultation/1+zlib")
    one: EncryptedPayload = cipher.seal(connection, context, plain, owner="p7")
    new = iter(range(10**6))
    return [
        _row(
            "a record of 30 kB sealed, key looked up",
            lambda: cipher.seal(connection, context, plain, owner="p7"),
        ),
        _row(
            "the same for a patient who is new",
            lambda: cipher.seal(connection, context, plain, owner=f"new{next(new)}"),
        ),
        _row(
            "a record of 30 kB opened, key looked up",
            lambda: cipher.open(connection, context, one),
        ),
    ]


def _row(name: str, work: Callable[[], object]) -> Row:
    took = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        work()
        took.append(1e6 * (time.perf_counter() - began))
    return {
        "name": name,
        "value": statistics.median(took),
        "unit": "us",
        "n": ROUNDS,
        "minimum": min(took),
        "maximum": max(took),
    }
