"""The keys that sign and verify checkpoints: Ed25519, named as C2SP signed notes name keys.

The signing key is another one than the site key. A reviewer needs only its public half, one line
`name+id+base64` (the verifier key of signed notes).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from cds_hooks.audit.ledger.ledger_errors import CheckpointInvalid, SigningKeyRefused
from cds_hooks.private_files import chmod_hint, create_private, read_private
from cds_hooks.trust import ed25519

__all__ = ["CheckpointVerifier", "CheckpointSigner", "decode_base64"]

_ALGORITHM = b"\x01"
_ID_BYTES = 4
_KEY_BYTES = 32
_MAX_BYTES = 4096
_NAME = re.compile(r"[^\s+\x00-\x1f\x7f]{1,200}")


@dataclass(frozen=True, slots=True)
class CheckpointVerifier:
    """What a reviewer verifies with. An empty `name` (of a PEM file) accepts any name."""

    key: Ed25519PublicKey
    name: str = ""

    @property
    def raw(self) -> bytes:
        return self.key.public_bytes_raw()

    def key_id(self, name: str) -> bytes:
        """The first bytes of a hash over name and key, as signed notes have them."""
        whole = name.encode() + b"\n" + _ALGORITHM + self.raw
        return hashlib.sha256(whole).digest()[:_ID_BYTES]

    def line(self) -> str:
        """The verifier key as one line."""
        coded = base64.b64encode(_ALGORITHM + self.raw).decode()
        return f"{self.name}+{self.key_id(self.name).hex()}+{coded}"

    def accepts(self, name: str, key_id: bytes, signature: bytes, text: bytes) -> bool:
        """Whether this key signed the text under this name."""
        if (self.name and name != self.name) or key_id != self.key_id(name):
            return False
        return ed25519.is_signed_by(self.key, signature, text)

    @classmethod
    def load(cls, path: Path) -> Self:
        """A key from a file: a verifier line or PEM. Raises SigningKeyRefused."""
        try:
            with path.open("rb") as file:
                return cls.parse(file.read(_MAX_BYTES))
        except OSError:
            hint = "Give the file with the public key that the service's operator published."
            raise SigningKeyRefused(
                "the public key cannot be read", where=str(path), hint=hint
            ) from None

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """A verifier line or PEM. Raises SigningKeyRefused."""
        try:
            if data.lstrip().startswith(b"-----"):
                return cls(ed25519.public_key(data))
            return cls._of_line(data.decode("utf-8").strip())
        except (ValueError, TypeError, UnicodeDecodeError):
            hint = "It is one line `name+id+base64`, or an Ed25519 key as PEM."
            raise SigningKeyRefused("the file is not a public key", hint=hint) from None

    @classmethod
    def _of_line(cls, line: str) -> Self:
        name, key_id, coded = line.split("+", 2)
        raw = base64.b64decode(coded, validate=True)
        if not _NAME.fullmatch(name) or raw[:1] != _ALGORITHM or len(raw) != _KEY_BYTES + 1:
            raise ValueError("malformed")
        found = cls(Ed25519PublicKey.from_public_bytes(raw[1:]), name)
        if found.key_id(name).hex() != key_id:
            raise ValueError("the id is of another key")
        return found


class CheckpointSigner:
    """Signs checkpoints under a name. The secret is never shown."""

    def __init__(self, key: Ed25519PrivateKey, name: str) -> None:
        if not _NAME.fullmatch(name):
            hint = "It is one word without spaces or a plus sign, such as the service's host name."
            raise SigningKeyRefused("the ledger's name cannot be signed under", hint=hint)
        self._key = key
        self.public = CheckpointVerifier(key.public_key(), name)

    def __repr__(self) -> str:
        return f"SigningKey(name={self.public.name!r})"

    @classmethod
    def load(cls, path: Path, name: str, *, create: bool = False) -> Self:
        """The key in a PEM file; with `create`, created when there is none.

        Raises SigningKeyRefused when it is missing, malformed, or readable by group or others.
        """
        if create and not path.exists():
            create_private(path, ed25519.private_pem(Ed25519PrivateKey.generate()))
        pem = read_private(
            path,
            what="the signing key",
            hint="Set ledger.signing_key to a file that the service's user can read.",
            error=SigningKeyRefused,
            if_open=f"{chmod_hint(path)} If somebody has, make a new one.",
        )
        try:
            return cls(ed25519.private_key(pem), name)
        except ValueError as error:
            hint = "Make one with `chartside audit keygen`."
            raise SigningKeyRefused(str(error), where=str(path), hint=hint) from None

    def sign(self, text: bytes) -> bytes:
        """The signature over a note's text."""
        return self._key.sign(text)


def decode_base64(data: str) -> bytes:
    """Strict base64. Raises CheckpointInvalid."""
    try:
        return base64.b64decode(data.encode("ascii"), validate=True)
    except (binascii.Error, UnicodeEncodeError, ValueError):
        raise CheckpointInvalid("a checkpoint's base64 is malformed") from None
