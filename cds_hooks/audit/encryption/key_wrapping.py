"""Key wrapping (NIST SP 800-57): what encrypts data keys, here or in an external key provider.

The site key in a file (`cds_hooks.audit.encryption.site_key.SiteKey`) wraps in this process. A key
in a PKCS#11 device or in Vault wraps there and never leaves it (`cds_hooks.audit.external_keys`).
"""

from __future__ import annotations

from typing import Protocol

__all__ = ["EXTERNAL_KEY", "DecryptionFailed", "KeyWrapper"]

EXTERNAL_KEY = "external-key/1 "
"""The beginning of the file of a site key that is in an external key provider."""


class DecryptionFailed(Exception):
    """The ciphertext or its associated data is not what was encrypted with this key."""


class KeyWrapper(Protocol):
    """Wraps the data keys that payloads are encrypted with."""

    @property
    def key_id(self) -> str:
        """Names the wrapping key; not secret."""
        ...

    def wrap(self, key: bytes, *associated: str) -> bytes:
        """The key encrypted, bound to the texts that say whose it is."""
        ...

    def unwrap(self, wrapped: bytes, *associated: str) -> bytes:
        """The key decrypted. Raises DecryptionFailed, StoreUnavailable."""
        ...

    def require(self) -> None:
        """Raise StoreUnavailable while it cannot wrap."""
        ...
