"""Signed checkpoints: the number of records and the Merkle root over them.

The format is that of transparency logs (C2SP tlog-checkpoint in a C2SP signed-note): origin, size,
root in base64, extension lines, an empty line, then signatures, each after an em dash. One of the
extension lines is `epoch N`, from the second epoch on. Parsing trusts nothing: a note may come from
anybody.
"""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass
from datetime import datetime

from cds_hooks.audit.ledger.checkpoint_keys import (
    CheckpointSigner,
    CheckpointVerifier,
    decode_base64,
)
from cds_hooks.audit.ledger.ledger_errors import CheckpointInvalid
from cds_hooks.audit.ledger.merkle_tree import HASH_BYTES

__all__ = ["MAX_EPOCH", "Checkpoint", "epoch_of", "parse", "sign", "time_of", "verify"]

MAX_EPOCH = 999_999

_MAX_BYTES = 16 * 1024
_MAX_SIGNATURES = 16
_SIGNATURE_BYTES = 68
_SIZE = re.compile(r"0|[1-9][0-9]{0,15}", re.ASCII)
_EPOCH = re.compile(r"[1-9][0-9]{0,5}", re.ASCII)
_TIME_PREFIX = "recorded "
_EPOCH_PREFIX = "epoch "
_SIGNATURE_PREFIX = "\N{EM DASH} "


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """`origin` names the ledger, `signed_at` (UTC, RFC 3339) is when it was signed, `epoch` counts
    from 1; see `epochs`.

    `extensions` are further lines that are signed with it; none is empty.
    """

    origin: str
    size: int
    root: bytes
    signed_at: str = ""
    extensions: tuple[str, ...] = ()
    epoch: int = 1

    @property
    def order(self) -> tuple[int, int]:
        """Epoch and size: a checkpoint that is signed later has a larger one."""
        return self.epoch, self.size

    def text(self) -> str:
        """The text that is signed."""
        lines = [self.origin, str(self.size), base64.b64encode(self.root).decode()]
        if self.signed_at:
            lines.append(_TIME_PREFIX + self.signed_at)
        if self.epoch > 1:
            lines.append(f"{_EPOCH_PREFIX}{self.epoch}")
        return "".join(f"{line}\n" for line in (*lines, *self.extensions))


def sign(checkpoint: Checkpoint, key: CheckpointSigner) -> str:
    """The signed note: the checkpoint's text and a signature of it."""
    text = checkpoint.text()
    signature = key.public.key_id(key.public.name) + key.sign(text.encode())
    coded = base64.b64encode(signature).decode()
    return f"{text}\n{_SIGNATURE_PREFIX}{key.public.name} {coded}\n"


def parse(note: str | bytes) -> Checkpoint:
    """The checkpoint in a note, whoever signed it. Raises CheckpointInvalid."""
    return _read(_text(note))[0]


def verify(note: str | bytes, *keys: CheckpointVerifier) -> Checkpoint:
    """The checkpoint in a note that one of these keys signed. Raises CheckpointInvalid."""
    checkpoint, text, signatures = _read(_text(note))
    signed = text.encode()
    if not any(key.accepts(*each, signed) for key in keys for each in signatures):
        hint = "Compare the public key with the one that the site gave you before."
        raise CheckpointInvalid(
            "the checkpoint is not signed by this key", where=f"size {checkpoint.size}", hint=hint
        )
    return checkpoint


def epoch_of(note: str) -> int:
    """The epoch in a note of our own, to file it by; 1 when it is no note."""
    try:
        return parse(note).epoch
    except CheckpointInvalid:
        return 1


def time_of(text: str) -> datetime | None:
    """The time in a note or a record; None when it is none, or of no zone."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo else None


def _text(note: str | bytes) -> str:
    try:
        raw = note.encode() if isinstance(note, str) else note
        if len(raw) > _MAX_BYTES:
            raise CheckpointInvalid("the checkpoint is too long")
        return raw.decode()
    except UnicodeError:
        raise CheckpointInvalid("the checkpoint is not UTF-8") from None


def _read(note: str) -> tuple[Checkpoint, str, list[tuple[str, bytes, bytes]]]:
    """The checkpoint, the text that is signed, and the signatures: name, key id, signature."""
    text, empty, rest = note.rpartition("\n\n")
    if not empty or not rest.endswith("\n"):
        raise CheckpointInvalid("the checkpoint has no signature, or not its form")
    signatures = [_signature(line) for line in rest.removesuffix("\n").split("\n")]
    if len(signatures) > _MAX_SIGNATURES:
        raise CheckpointInvalid("the checkpoint has too many signatures")
    return _checkpoint(text.split("\n")), f"{text}\n", signatures


def _signature(line: str) -> tuple[str, bytes, bytes]:
    name, _, coded = line.removeprefix(_SIGNATURE_PREFIX).partition(" ")
    raw = decode_base64(coded)
    if not line.startswith(_SIGNATURE_PREFIX) or not name or len(raw) != _SIGNATURE_BYTES:
        raise CheckpointInvalid("a line is no Ed25519 signature")
    return name, raw[:4], raw[4:]


def _checkpoint(lines: list[str]) -> Checkpoint:
    if len(lines) < 3 or not all(lines) or any(not line.isprintable() for line in lines):
        raise CheckpointInvalid("the checkpoint lacks origin, size or root")
    origin, size, coded, *more = lines
    if not _SIZE.fullmatch(size):
        raise CheckpointInvalid("the size is not a number")
    root = decode_base64(coded)
    if len(root) != HASH_BYTES:
        raise CheckpointInvalid("the root is not a SHA-256 hash", where=f"size {size}")
    time = next((line for line in more if line.startswith(_TIME_PREFIX)), "")
    if time:
        more.remove(time)
    epoch = _epoch([line for line in more if line.startswith(_EPOCH_PREFIX)])
    rest = tuple(line for line in more if not line.startswith(_EPOCH_PREFIX))
    return Checkpoint(origin, int(size), root, time.removeprefix(_TIME_PREFIX), rest, epoch)


def _epoch(lines: list[str]) -> int:
    """The epoch that a note names: 1 where no line does, since no note of the first has one."""
    if not lines:
        return 1
    number = lines[0].removeprefix(_EPOCH_PREFIX)
    if len(lines) > 1 or not _EPOCH.fullmatch(number) or int(number) < 2:
        raise CheckpointInvalid("the epoch is not one number from 2 on")
    return int(number)
