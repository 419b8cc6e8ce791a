"""The site key: one secret of this site. It makes every keyed hash and wraps every data key.

A bare SHA-256 of patient content can be guessed by trying; an HMAC with a secret cannot.
Each purpose gets a key of its own by HKDF (RFC 5869), so that one never stands in for another.

Pseudonyms must stay the same when the site key is rotated, or nothing would be found again. So
what makes them (the identity) is carried over: the new key's file holds it on a second line,
sealed with the new key. A key that was never rotated derives its identity from its secret.

A key that is held elsewhere (`cds_hooks.audit.held`) has no secret here: what holds it wraps data
keys, and has unsealed the identity once.
"""

from __future__ import annotations

import hmac
import os
import secrets
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from cds_hooks.audit.errors import KeyRefused
from cds_hooks.audit.private import read_private
from cds_hooks.audit.sealing.aead import open_sealed, seal
from cds_hooks.audit.sealing.source import HELD, KeySource, SealBroken
from cds_hooks.trust.files import make_folder

__all__ = ["IDENTITY", "IDENTITY_BYTES", "KeyRefused", "SiteKey"]

_BYTES = 32
IDENTITY = "identity/1"
IDENTITY_BYTES = 2 * _BYTES


@dataclass(frozen=True, slots=True)
class _Own:
    """The source that wraps with a key derived from the secret of a file."""

    key_id: str
    _key: bytes = field(repr=False)

    def wrap(self, key: bytes, *about: str) -> bytes:
        return seal(self._key, key, *about)

    def unwrap(self, wrapped: bytes, *about: str) -> bytes:
        return open_sealed(self._key, wrapped, *about)

    def require(self) -> None:
        return


class SiteKey:
    """Keyed hashes of this site. The secret is never shown: not by repr, not in an error.

    `identity` is what an earlier site key made pseudonyms with, 64 bytes. It is also the source
    (`sealing.KeySource`) that wraps data keys.
    """

    def __init__(self, secret: bytes, identity: bytes | None = None) -> None:
        if len(secret) != _BYTES or (identity is not None and len(identity) != IDENTITY_BYTES):
            raise KeyRefused(f"a site key has {_BYTES} bytes", hint="Restore it from its backup.")
        own = _derive(secret, b"patient-key") + _derive(secret, b"record-digest")
        key_id = _derive(secret, b"key-id").hex()[:16]
        self._take(_Own(key_id, _derive(secret, b"wrap-data-keys")), identity or own)

    def __repr__(self) -> str:
        return f"SiteKey(key_id={self.key_id!r})"

    def _take(self, source: KeySource, identity: bytes) -> None:
        self._source = source
        self._patient, self._digest = identity[:_BYTES], identity[_BYTES:]

    @classmethod
    def held(cls, source: KeySource, identity: bytes) -> SiteKey:
        """A key whose secret is not in this process: `source` wraps, `identity` is 64 bytes."""
        key = cls.__new__(cls)
        key._take(source, identity)
        return key

    @property
    def key_id(self) -> str:
        """Names the key; not secret."""
        return self._source.key_id

    @classmethod
    def load(cls, path: Path, *, create: bool = False) -> SiteKey:
        """The key in a file of 64 hexadecimal digits; with `create`, made when there is none.

        Raises KeyRefused when it is missing, malformed, or readable by group or others.
        """
        if create and not path.exists():
            _create(path)
        hint = "Set store.site_key to a file that the service's user can read."
        return cls.parse(read_private(path, what="the site key", hint=hint), where=str(path))

    @classmethod
    def parse(cls, text: str, *, where: str) -> SiteKey:
        """The key in a file's text. Raises KeyRefused, which tells `where` and never the text."""
        if text.startswith(HELD):
            hint = "Say where the key is held: key_device or key_vault in the settings."
            raise KeyRefused("the site key is not in this file", where=where, hint=hint)
        first, _, second = text.strip().partition("\n")
        try:
            secret = bytes.fromhex(first.strip())
            return cls(secret, _identity_in(second, secret) if second.strip() else None)
        except (ValueError, SealBroken):
            hint = "Restore it from its backup; a new key breaks the link to what is stored."
            raise KeyRefused("the file holds no site key", where=where, hint=hint) from None

    def text_of_successor(self, secret: bytes) -> str:
        """The file's text of a new key (32 random bytes) that keeps this one's pseudonyms."""
        identity = seal(_derive(secret, b"wrap-identity"), self._identity, IDENTITY)
        return f"{secret.hex()}\n{IDENTITY} {identity.hex()}\n"

    def identity_sealed_by(self, source: KeySource) -> bytes:
        """What makes this key's pseudonyms, wrapped by what holds its successor."""
        return source.wrap(self._identity, IDENTITY)

    def has_identity_of(self, other: SiteKey) -> bool:
        """Whether both keys make the same pseudonyms and keyed hashes."""
        return hmac.compare_digest(self._identity, other._identity)

    @property
    def _identity(self) -> bytes:
        return self._patient + self._digest

    def wrap(self, key: bytes, *about: str) -> bytes:
        """A data key as it may be stored."""
        return self._source.wrap(key, *about)

    def unwrap(self, wrapped: bytes, *about: str) -> bytes:
        """A data key again. Raises SealBroken, StoreUnavailable when its holder is away."""
        return self._source.unwrap(wrapped, *about)

    def require(self) -> None:
        """Raise StoreUnavailable while what holds the key cannot be used."""
        self._source.require()

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
    if name != IDENTITY:
        raise ValueError("not an identity")
    return open_sealed(_derive(secret, b"wrap-identity"), bytes.fromhex(sealed), IDENTITY)


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
    make_folder(path.parent)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return
    with os.fdopen(descriptor, "w") as file:
        file.write(secrets.token_hex(_BYTES) + "\n")
        file.flush()
        os.fsync(file.fileno())
