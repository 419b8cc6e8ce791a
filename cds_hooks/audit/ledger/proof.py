"""Inclusion proofs: one record, verified with the public key alone (RFC 6962)."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from typing import Any, Self

import orjson

from cds_hooks.audit.ledger import checkpoint, merkle_tree
from cds_hooks.audit.ledger.checkpoint import Checkpoint
from cds_hooks.audit.ledger.checkpoint_keys import CheckpointVerifier
from cds_hooks.audit.ledger.export import parse_record
from cds_hooks.audit.ledger.ledger_errors import ProofInvalid
from cds_hooks.audit.ledger.record import Record

__all__ = ["FORMAT", "RecordProof", "prove"]

FORMAT = "chartside-ledger-proof/1"
_MAX_BYTES = 8 * 1024 * 1024
_MAX_STEPS = 64


@dataclass(frozen=True, slots=True)
class RecordProof:
    """A record's bytes, a signed note, and the path between them.

    With an `earlier` note, `earlier_path` proves that the signed ledger continues it.
    """

    record: bytes
    note: str
    path: tuple[bytes, ...]
    earlier: str = ""
    earlier_path: tuple[bytes, ...] = ()

    def verify(self, *keys: CheckpointVerifier) -> tuple[Record, Checkpoint]:
        """The record and the checkpoint that covers it.

        Raises ProofInvalid, CheckpointInvalid.
        """
        signed = checkpoint.verify(self.note, *keys)
        record = parse_record(self.record)
        if record is None:
            raise ProofInvalid("the record is not in canonical form")
        leaf = merkle_tree.leaf_hash(self.record)
        merkle_tree.verify_inclusion(leaf, record.seq, signed.size, self.path, signed.root)
        if self.earlier:
            before = checkpoint.verify(self.earlier, *keys)
            sizes, roots = (before.size, signed.size), (before.root, signed.root)
            merkle_tree.verify_consistency(*sizes, self.earlier_path, *roots)
        return record, signed

    def to_json(self) -> bytes:
        """The proof as it is written to a file."""
        whole: dict[str, Any] = {
            "format": FORMAT,
            "record": self.record.decode(),
            "checkpoint": self.note,
            "path": [_text(step) for step in self.path],
        }
        if self.earlier:
            whole["earlier_checkpoint"] = self.earlier
            whole["earlier_path"] = [_text(step) for step in self.earlier_path]
        return orjson.dumps(whole, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """The proof in a file with any content. Raises ProofInvalid."""
        if len(data) > _MAX_BYTES:
            raise ProofInvalid("the proof is too long")
        try:
            found = orjson.loads(data)
        except orjson.JSONDecodeError:
            raise ProofInvalid("the proof is not JSON") from None
        if not isinstance(found, dict) or found.get("format") != FORMAT:
            raise ProofInvalid(f"the file is not a proof of the format {FORMAT}")
        texts = [found.get(name) for name in ("record", "checkpoint")]
        earlier = found.get("earlier_checkpoint", "")
        if not all(isinstance(each, str) for each in (*texts, earlier)):
            raise ProofInvalid("the proof lacks its record or its checkpoint")
        paths = _path(found.get("path")), _path(found.get("earlier_path", []))
        return cls(str(texts[0]).encode(), str(texts[1]), paths[0], str(earlier), paths[1])


def prove(
    seq: int, data: bytes, note: str, read: merkle_tree.ReadNode, earlier: str = ""
) -> RecordProof:
    """The proof of a record under a checkpoint. Raises ProofInvalid, CheckpointInvalid."""
    signed = checkpoint.parse(note)
    if seq >= signed.size:
        hint = "It is signed at the next interval, or when the service stops."
        raise ProofInvalid("no checkpoint covers the record yet", where=f"seq {seq}", hint=hint)
    path = tuple(merkle_tree.inclusion_proof(seq, signed.size, read))
    if not earlier:
        return RecordProof(data, note, path)
    before = checkpoint.parse(earlier)
    return RecordProof(
        data,
        note,
        path,
        earlier,
        tuple(merkle_tree.consistency_proof(before.size, signed.size, read)),
    )


def _text(step: bytes) -> str:
    return base64.b64encode(step).decode()


def _path(given: object) -> tuple[bytes, ...]:
    if not isinstance(given, list) or len(given) > _MAX_STEPS:
        raise ProofInvalid("the path is no list of hashes")
    try:
        steps = tuple(base64.b64decode(str(step).encode("ascii"), validate=True) for step in given)
    except (binascii.Error, ValueError):
        raise ProofInvalid("the path is no list of hashes") from None
    if any(len(step) != merkle_tree.HASH_BYTES for step in steps):
        raise ProofInvalid("the path is no list of hashes")
    return steps
