"""Where an export ends: a signed statement of its last checkpoint, its checkpoints and its time.

The statement is that checkpoint's note, signed again with two extension lines. It attests to
nothing about records that was not signed before, and lets a verifier tell an export that was cut
or extended from one that is older than the witness's newest checkpoint.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from cds_hooks.audit.ledger import canonical_json, checkpoint
from cds_hooks.audit.ledger.checkpoint import Checkpoint, time_of
from cds_hooks.audit.ledger.checkpoint_keys import CheckpointSigner, CheckpointVerifier
from cds_hooks.audit.ledger.ledger_errors import CheckpointInvalid

__all__ = ["ExportEnd", "last_checkpoint", "read_end", "sign_end"]

# A checkpoint is signed some moments before it is stored: an export between the two has it not.
_SIGNED_TO_STORED = timedelta(minutes=10)
_TIME, _NOTES = "exported ", "checkpoints sha256 "


@dataclass(frozen=True, slots=True)
class ExportEnd:
    """The last checkpoint of an export, when the export was taken (UTC, RFC 3339), and the SHA-256
    (hexadecimal) of its checkpoints."""

    last: Checkpoint
    exported_at: str
    notes_sha256: str

    def has(self, notes: Iterable[str]) -> bool:
        """Whether these are the checkpoints that the export was taken with."""
        return _digest(notes) == self.notes_sha256

    def is_later(self, other: Checkpoint) -> bool:
        """Whether a checkpoint of a witness was made after the export was taken.

        One that is larger, but that the export could have had, is not: the store had lost it. Of a
        later epoch any is larger.
        """
        if other.order <= self.last.order:
            return False
        ends, taken, signed = map(time_of, (self.last.signed_at, self.exported_at, other.signed_at))
        if ends is None or taken is None or signed is None:
            return False
        return not ends <= signed < taken - _SIGNED_TO_STORED


def last_checkpoint(notes: Sequence[str], keys: Sequence[CheckpointVerifier]) -> Checkpoint | None:
    """The checkpoint of the largest size; None without any.

    Raises CheckpointInvalid when one cannot be read or none of `keys` signed that one.
    """
    if not notes:
        return None
    return checkpoint.verify(max(notes, key=lambda note: checkpoint.parse(note).size), *keys)


def sign_end(
    last: Checkpoint, notes: Iterable[str], exported_at: str, key: CheckpointSigner
) -> str:
    """The statement of an export with these checkpoints, of which `last` is the largest."""
    lines = (f"{_TIME}{exported_at}", f"{_NOTES}{_digest(notes)}")
    return checkpoint.sign(replace(last, extensions=lines), key)


def read_end(statement: str, keys: Sequence[CheckpointVerifier]) -> ExportEnd:
    """The end that a statement tells. Raises CheckpointInvalid."""
    signed = checkpoint.verify(statement, *keys)
    time, notes = (_line(signed, prefix) for prefix in (_TIME, _NOTES))
    return ExportEnd(replace(signed, extensions=()), time, notes)


def _line(signed: Checkpoint, prefix: str) -> str:
    found = [line for line in signed.extensions if line.startswith(prefix)]
    if len(found) != 1:
        raise CheckpointInvalid("the export's end is not stated in its form")
    return found[0].removeprefix(prefix)


def _digest(notes: Iterable[str]) -> str:
    digest = hashlib.sha256()
    for note in notes:
        digest.update(canonical_json.encode({"note": note}) + b"\n")
    return digest.hexdigest()
