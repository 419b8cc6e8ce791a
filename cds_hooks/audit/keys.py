"""The site key: one secret of this site. It makes every keyed hash and wraps every data key.

A bare SHA-256 of patient content can be guessed by trying; an HMAC with a secret cannot.
Each purpose gets a key of its own by HKDF (RFC 5869), so that one never stands in for another.

Pseudonyms must stay the same when the site key is rotated, or nothing would be found again. So
what makes them (the identity) is carried over: the new key's file holds it on a second line,
sealed with the new key. A key that was never rotated derives its identity from its secret.
"""

from __future__ import annotations

import hmac
import os
import secrets
import stat
from pathlib import Path

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from cds_hooks.audit.sealing.aead import open_sealed, seal
from cds_hooks.audit.sealing.source import SealBroken
from cds_hooks.errors import ChartsideError

__all__ = ["KeyRefused", "SiteKey"]

_BYTES = 32
_IDENTITY = "identity/1"
_MOST_TEXT = 1024


class KeyRefused(ChartsideError):
    """The site key's file is missing, readable by others, or not a key."""

    code = "site-key-refused"


class SiteKey:
    """Keyed hashes of this site. The secret is never shown: not by repr, not in an error.

    `identity` is what an earlier site key made pseudonyms with, 64 bytes. It is also the source
    (`sealing.KeySource`) that wraps data keys.
    """

    def __init__(self, secret: bytes, identity: bytes | None = None) -> None:
        if len(secret) != _BYTES or (identity is not None and len(identity) != 2 * _BYTES):
            raise KeyRefused(f"a site key has {_BYTES} bytes", hint="Restore it from its backup.")
        own = _derive(secret, b"patient-key") + _derive(secret, b"record-digest")
        identity = identity or own
        self._patient, self._digest = identity[:_BYTES], identity[_BYTES:]
        self._wrapping = _derive(secret, b"wrap-data-keys")
        self.is_rotated = identity != own
        self.key_id = _derive(secret, b"key-id").hex()[:16]

    def __repr__(self) -> str:
        return f"SiteKey(key_id={self.key_id!r})"

    @classmethod
    def load(cls, path: Path, *, create: bool = False) -> SiteKey:
        """The key in a file of 64 hexadecimal digits; with `create`, made when there is none.

        Raises KeyRefused when it is missing, malformed, or readable by group or others.
        """
        if create and not path.exists():
            _create(path)
        return cls.parse(_read_private(path), where=str(path))

    @classmethod
    def parse(cls, text: str, *, where: str) -> SiteKey:
        """The key in a file's text. Raises KeyRefused, which tells `where` and never the text."""
        first, _, second = text.strip().partition("\n")
        try:
            secret = bytes.fromhex(first.strip())
            return cls(secret, _identity_in(second, secret) if second.strip() else None)
        except (ValueError, SealBroken):
            hint = "Restore it from its backup; a new key breaks the link to what is stored."
            raise KeyRefused("the file holds no site key", where=where, hint=hint) from None

    def text_of_successor(self, secret: bytes) -> str:
        """The file's text of a new key (32 random bytes) that keeps this one's pseudonyms."""
        identity = seal(_derive(secret, b"wrap-identity"), self._patient + self._digest, _IDENTITY)
        return f"{secret.hex()}\n{_IDENTITY} {identity.hex()}\n"

    def has_identity_of(self, other: SiteKey) -> bool:
        """Whether both keys make the same pseudonyms and keyed hashes."""
        ours, theirs = self._patient + self._digest, other._patient + other._digest
        return hmac.compare_digest(ours, theirs)

    def wrap(self, key: bytes, *about: str) -> bytes:
        """A data key as it may be stored."""
        return seal(self._wrapping, key, *about)

    def unwrap(self, wrapped: bytes, *about: str) -> bytes:
        """A data key again. Raises SealBroken."""
        return open_sealed(self._wrapping, wrapped, *about)

    def patient_key(self, patient_id: str, *, fhir_server: str = "") -> str:
        """The pseudonym of a patient: the same id on the same server gives the same key.

        `p1:` names this way of making it. Ids are unique within one FHIR server only.
        """
        return f"p1:{_hmac(self._patient, fhir_server.rstrip('/'), patient_id)}"

    def digest(self, purpose: str, *parts: str) -> str:
        """A keyed hash of texts, `h1:` and 64 hexadecimal digits; no two part lists collide."""
        return f"h1:{_hmac(self._digest, purpose, *parts)}"


def _identity_in(line: str, secret: bytes) -> bytes:
    """Raises ValueError, SealBroken."""
    name, _, sealed = line.strip().partition(" ")
    if name != _IDENTITY:
        raise ValueError("not an identity")
    return open_sealed(_derive(secret, b"wrap-identity"), bytes.fromhex(sealed), _IDENTITY)


def _derive(secret: bytes, purpose: bytes) -> bytes:
    kdf = HKDF(algorithm=SHA256(), length=_BYTES, salt=None, info=b"chartside/1/" + purpose)
    return kdf.derive(secret)


def _hmac(key: bytes, *parts: str) -> str:
    mac = hmac.new(key, digestmod="sha256")
    for part in parts:
        raw = part.encode("utf-8", "surrogatepass")
        mac.update(len(raw).to_bytes(8, "big") + raw)
    return mac.hexdigest()


def _create(path: Path) -> None:
    """Write a new key, durable before it is used: losing it would orphan what it made."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return
    with os.fdopen(descriptor, "w") as file:
        file.write(secrets.token_hex(_BYTES) + "\n")
        file.flush()
        os.fsync(file.fileno())


def _read_private(path: Path) -> str:
    try:
        with path.open(encoding="ascii", errors="replace") as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode) or status.st_mode & 0o077:
                hint = "chmod 600 it, and think about who may have read it."
                raise KeyRefused(
                    "group or others may read the site key", where=str(path), hint=hint
                )
            return file.read(_MOST_TEXT)
    except OSError:
        hint = "Set store.site_key to a file that the service's user can read."
        raise KeyRefused("the site key cannot be read", where=str(path), hint=hint) from None
