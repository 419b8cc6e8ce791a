"""The site key: the secret of one site. It makes every keyed hash and wraps every data key.

A plain SHA-256 of patient content can be found by guessing; an HMAC with a secret cannot. Each
purpose has a key of its own, derived by HKDF (RFC 5869).

Pseudonyms stay the same when the site key is rotated, or nothing would be found again. So the key
material that makes them (the identity) is carried over: the new key's file has it on a second line,
encrypted with the new key. A key that was never rotated derives its identity from its secret.

A key in an external key provider (`cds_hooks.audit.external_keys`) has no secret here: the provider
wraps data keys, and has decrypted the identity once.
"""

from __future__ import annotations

import hmac
import secrets
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from cds_hooks.audit.encryption.aead import open_sealed, seal
from cds_hooks.audit.encryption.key_wrapping import EXTERNAL_KEY, DecryptionFailed, KeyWrapper
from cds_hooks.audit.store_errors import KeyRefused
from cds_hooks.private_files import create_private, read_private

__all__ = ["IDENTITY", "IDENTITY_BYTES", "KeyRefused", "SiteKey"]

_BYTES = 32
IDENTITY = "identity/1"
IDENTITY_BYTES = 2 * _BYTES


@dataclass(frozen=True, slots=True)
class _LocalKeyWrapper:
    """Wraps with a key derived from a secret in this process."""

    key_id: str
    _key: bytes = field(repr=False)

    def wrap(self, key: bytes, *associated: str) -> bytes:
        return seal(self._key, key, *associated)

    def unwrap(self, wrapped: bytes, *associated: str) -> bytes:
        return open_sealed(self._key, wrapped, *associated)

    def require(self) -> None:
        return


class SiteKey:
    """Makes keyed hashes and wraps data keys. The secret is in no repr and in no error.

    `secret` is 32 bytes; `identity` is the 64 bytes that an earlier site key made pseudonyms with.
    """

    def __init__(self, secret: bytes, identity: bytes | None = None) -> None:
        if len(secret) != _BYTES or (identity is not None and len(identity) != IDENTITY_BYTES):
            raise KeyRefused(f"a site key has {_BYTES} bytes", hint="Restore it from its backup.")
        own = _derive(secret, b"patient-key") + _derive(secret, b"record-digest")
        key_id = _derive(secret, b"key-id").hex()[:16]
        self._set(_LocalKeyWrapper(key_id, _derive(secret, b"wrap-data-keys")), identity or own)

    def __repr__(self) -> str:
        return f"SiteKey(key_id={self.key_id!r})"

    def _set(self, wrapper: KeyWrapper, identity: bytes) -> None:
        self._wrapper = wrapper
        self._patient, self._digest = identity[:_BYTES], identity[_BYTES:]

    @classmethod
    def external(cls, wrapper: KeyWrapper, identity: bytes) -> SiteKey:
        """A key whose secret is not in this process: `wrapper` wraps, `identity` is 64 bytes."""
        key = cls.__new__(cls)
        key._set(wrapper, identity)
        return key

    @property
    def key_id(self) -> str:
        """Names the key; not secret."""
        return self._wrapper.key_id

    @classmethod
    def load(cls, path: Path, *, create: bool = False) -> SiteKey:
        """The key in a file of 64 hexadecimal digits; with `create`, created when there is none.

        Raises KeyRefused when it is missing, malformed, or readable by group or others.
        """
        if create and not path.exists():
            create_private(path, secrets.token_hex(_BYTES) + "\n")
        hint = "Set store.site_key to a file that the service's user can read."
        text = read_private(path, what="the site key", hint=hint, error=KeyRefused).decode(
            "ascii", "replace"
        )
        return cls.parse(text, where=str(path))

    @classmethod
    def parse(cls, text: str, *, where: str) -> SiteKey:
        """The key in a file's text. Raises KeyRefused, which names `where` and never the text."""
        if text.startswith(EXTERNAL_KEY):
            hint = "Name its key provider in the settings: key_device or key_vault."
            raise KeyRefused("the site key is not in this file", where=where, hint=hint)
        first, _, second = text.strip().partition("\n")
        try:
            secret = bytes.fromhex(first.strip())
            return cls(secret, _identity_in(second, secret) if second.strip() else None)
        except (ValueError, DecryptionFailed):
            hint = "Restore it from its backup; a new key breaks the link to what is stored."
            raise KeyRefused("the file contains no site key", where=where, hint=hint) from None

    def text_of_successor(self, secret: bytes) -> str:
        """The file's text for a new key (32 random bytes) that makes the same pseudonyms."""
        identity = seal(_derive(secret, b"wrap-identity"), self._identity, IDENTITY)
        return f"{secret.hex()}\n{IDENTITY} {identity.hex()}\n"

    def wrap_identity(self, wrapper: KeyWrapper) -> bytes:
        """The identity, wrapped by the external provider of the next key."""
        return wrapper.wrap(self._identity, IDENTITY)

    def has_identity_of(self, other: SiteKey) -> bool:
        """Whether both keys make the same pseudonyms and keyed hashes."""
        return hmac.compare_digest(self._identity, other._identity)

    @property
    def _identity(self) -> bytes:
        return self._patient + self._digest

    def wrap(self, key: bytes, *associated: str) -> bytes:
        """A data key, encrypted."""
        return self._wrapper.wrap(key, *associated)

    def unwrap(self, wrapped: bytes, *associated: str) -> bytes:
        """A data key, decrypted. Raises DecryptionFailed, StoreUnavailable."""
        return self._wrapper.unwrap(wrapped, *associated)

    def require(self) -> None:
        """Raise StoreUnavailable while the key cannot be used."""
        self._wrapper.require()

    def patient_key(self, patient_id: str, *, fhir_server: str = "") -> str:
        """The pseudonym of a patient: the same id on the same server gives the same key.

        `p1:` names the algorithm. Ids are unique within one FHIR server only.
        """
        return f"p1:{_hmac(self._patient, fhir_server.rstrip('/'), patient_id)}"

    def digest(self, purpose: str, *parts: str) -> str:
        """A keyed hash of texts, `h1:` and 64 hexadecimal digits; no two part lists collide."""
        return f"h1:{_hmac(self._digest, purpose, *parts)}"


def _identity_in(line: str, secret: bytes) -> bytes:
    """Raises ValueError, DecryptionFailed."""
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
