"""Ledgers made in memory, by the code that appends to a real one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from cds_hooks.audit.ledger import canonical_json, checkpoint, merkle_tree
from cds_hooks.audit.ledger.checkpoint import Checkpoint
from cds_hooks.audit.ledger.checkpoint_keys import CheckpointSigner, CheckpointVerifier
from cds_hooks.audit.ledger.record import Entry
from cds_hooks.audit.ledger.storage import prepare
from cds_hooks.audit.ledger.verification import (
    LedgerVerifier,
    VerificationReport,
    verify_checkpoints,
)

__all__ = ["KEY", "OTHER_KEY", "Made", "made", "rechained", "signed", "verified"]

KEY = CheckpointSigner(Ed25519PrivateKey.from_private_bytes(bytes(31) + b"\1"), "cds.example")
OTHER_KEY = CheckpointSigner(Ed25519PrivateKey.from_private_bytes(bytes(31) + b"\2"), "cds.example")


@dataclass(frozen=True, slots=True)
class Made:
    """Records as lines, and the notes signed over them at `sizes`."""

    lines: list[bytes]
    notes: list[str]


def made(count: int, sizes: Sequence[int]) -> Made:
    """A ledger of hook answers."""
    bodies = [
        prepare(
            Entry(
                type="hook-answered",
                recorded=f"2026-11-22T10:00:00.{number % 1000:03}Z",
                event_id=f"event-{number}",
                patient_pseudonym=f"p1:{number:064x}",
                outcome="answered",
                latency={"total": number},
            )
        ).members
        for number in range(count)
    ]
    lines = _chained(bodies)
    return Made(lines, signed(lines, sizes, KEY))


def signed(lines: Sequence[bytes], sizes: Sequence[int], key: CheckpointSigner) -> list[str]:
    """Notes over the first so many of these lines."""
    frontier, roots = merkle_tree.Frontier(), {0: merkle_tree.EMPTY_ROOT}
    for line in lines:
        frontier.append(merkle_tree.leaf_hash(line))
        if frontier.size in sizes:
            roots[frontier.size] = frontier.root()
    return [
        checkpoint.sign(Checkpoint(key.public.name, size, roots[size], "2026-11-22T10:00Z"), key)
        for size in sizes
    ]


def rechained(lines: Sequence[bytes]) -> list[bytes]:
    """The same records numbered and chained again, as somebody would who covers a change up."""
    bodies: list[tuple[canonical_json.Member, ...]] = []
    for line in lines:
        fields: dict[str, Any] = orjson.loads(line)
        own = {name: value for name, value in fields.items() if name not in ("seq", "prev_hash")}
        bodies.append(canonical_json.members(own))
    return _chained(bodies)


def verified(
    lines: Sequence[bytes], notes: Sequence[str], key: CheckpointVerifier = KEY.public
) -> VerificationReport:
    """What a reviewer with this key sees."""
    verifier = LedgerVerifier(*verify_checkpoints(notes, [key]))
    for line in lines:
        if not verifier.add(line):
            break
    return verifier.report()


def _chained(bodies: Sequence[tuple[canonical_json.Member, ...]]) -> list[bytes]:
    lines: list[bytes] = []
    last = ""
    for seq, body in enumerate(bodies):
        place = (canonical_json.member("seq", seq), canonical_json.member("prev_hash", last))
        lines.append(canonical_json.join((*body, *place)))
        last = merkle_tree.leaf_hash(lines[-1]).hex()
    return lines
