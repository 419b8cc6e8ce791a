"""Wraps data keys with a key provider: few requests, and faults told apart from damaged keys.

Recently unwrapped data keys are cached for some minutes, so that a hook does not wait for a device
or a network each time. A data key is looked up in the database before it is unwrapped here: an
erased one is not found there, cached or not.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from cds_hooks.audit.encryption.aead import encode_associated_data
from cds_hooks.audit.encryption.key_wrapping import DecryptionFailed
from cds_hooks.audit.store_errors import KeyRefused, StoreUnavailable

__all__ = ["ExternalKeyWrapper", "KeyCheck", "KeyProvider"]

_CACHE_SIZE = 512
_CACHE_S = 300.0
_CHECK_INTERVAL_S = 60.0
# A failed provider is left alone for so long: hooks would wait for it, one by one.
_BACKOFF_S = 2.0


class KeyProvider(Protocol):
    """A device or a server that has a key and encrypts with it. Safe for many threads."""

    kind: str
    reason: str
    """Why the store is unavailable while this cannot be used: a key of `store_errors.HINTS`."""

    def encrypt(self, plain: bytes, associated_data: bytes) -> bytes:
        """The ciphertext, which decrypts with the same associated data only.

        Raises KeyRefused when a person must act, StoreUnavailable.
        """
        ...

    def decrypt(self, ciphertext: bytes, associated_data: bytes) -> bytes:
        """The plaintext. Raises DecryptionFailed, also where it cannot tell that from a fault."""
        ...


@dataclass(frozen=True, slots=True)
class KeyCheck:
    """A ciphertext that is known to decrypt: tells a damaged data key from a failed provider."""

    ciphertext: bytes
    associated: tuple[str, ...]


class ExternalKeyWrapper:
    """Wraps with a provider's key (`encryption.KeyWrapper`); `key_id` is bound into the result."""

    def __init__(
        self, key_id: str, provider: KeyProvider, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.key_id = key_id
        self._provider = provider
        self._clock = clock
        self._key_check: KeyCheck | None = None
        self._last_answer = 0.0
        self._blocked_until = float("-inf")
        self._lock = threading.Lock()
        self._cache: OrderedDict[tuple[bytes, tuple[str, ...]], tuple[float, bytes]] = OrderedDict()

    def __repr__(self) -> str:
        return f"ExternalKeyWrapper(key_id={self.key_id!r}, provider={self._provider.kind!r})"

    def check(self, key_check: KeyCheck) -> bytes:
        """The plaintext of a ciphertext that must decrypt; it is kept to check the provider later.

        Raises KeyRefused, StoreUnavailable, DecryptionFailed.
        """
        plain = self._decrypt(key_check.ciphertext, key_check.associated)
        self._key_check, self._last_answer = key_check, self._clock()
        return plain

    def wrap(self, key: bytes, *associated: str) -> bytes:
        """The key, encrypted. Raises StoreUnavailable; before the first `check`, KeyRefused."""
        data = self._associated_data(associated)
        wrapped = self._request(lambda: self._provider.encrypt(key, data))
        self._remember((wrapped, associated), key)
        return wrapped

    def unwrap(self, wrapped: bytes, *associated: str) -> bytes:
        """The key, decrypted. Raises DecryptionFailed, StoreUnavailable."""
        if (cached := self._cached((wrapped, associated))) is not None:
            return cached
        try:
            key = self._request(lambda: self._decrypt(wrapped, associated))
        except DecryptionFailed:
            self._require_provider()
            raise
        self._remember((wrapped, associated), key)
        return key

    def require(self) -> None:
        """Raise StoreUnavailable while the provider cannot be used; asks it once a minute."""
        if self._clock() - self._last_answer > _CHECK_INTERVAL_S:
            self._require_provider()

    def _require_provider(self) -> None:
        """A provider that fails to decrypt what it decrypted at the start is out of order."""
        if (known := self._key_check) is None:
            return
        try:
            self._request(lambda: self._decrypt(known.ciphertext, known.associated))
        except DecryptionFailed:
            self._last_answer = float("-inf")
            raise StoreUnavailable(self._provider.reason) from None

    def _request(self, ask: Callable[[], bytes]) -> bytes:
        """The provider's answer. After the start a refusal is an outage: hooks get a 503."""
        if self._clock() < self._blocked_until:
            raise StoreUnavailable(self._provider.reason)
        try:
            answer = ask()
        except (KeyRefused, StoreUnavailable):
            if self._key_check is None:
                raise
            self._last_answer, self._blocked_until = float("-inf"), self._clock() + _BACKOFF_S
            raise StoreUnavailable(self._provider.reason) from None
        self._last_answer = self._clock()
        return answer

    def _decrypt(self, ciphertext: bytes, associated: tuple[str, ...]) -> bytes:
        return self._provider.decrypt(ciphertext, self._associated_data(associated))

    def _associated_data(self, associated: tuple[str, ...]) -> bytes:
        return encode_associated_data((self.key_id, *associated))

    def _cached(self, name: tuple[bytes, tuple[str, ...]]) -> bytes | None:
        with self._lock:
            at, key = self._cache.get(name, (float("-inf"), b""))
            if self._clock() - at > _CACHE_S:
                self._cache.pop(name, None)
                return None
            self._cache.move_to_end(name)
            return key

    def _remember(self, name: tuple[bytes, tuple[str, ...]], key: bytes) -> None:
        with self._lock:
            self._cache[name] = (self._clock(), key)
            self._cache.move_to_end(name)
            while len(self._cache) > _CACHE_SIZE:
                self._cache.popitem(last=False)
