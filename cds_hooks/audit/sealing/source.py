"""What can wrap data keys: the site key in this process, or what never gives its key out.

The site key of a file (`cds_hooks.audit.keys.SiteKey`) wraps by itself; one that is held by a
PKCS#11 device or by Vault's transit engine wraps there (`cds_hooks.audit.held`).
"""

from __future__ import annotations

from typing import Protocol

__all__ = ["HELD", "KeySource", "SealBroken"]

HELD = "held/1 "
"""What the file of a key begins with that is held elsewhere."""


class SealBroken(Exception):
    """The bytes, or what they claim to be, are not what was sealed with this key."""


class KeySource(Protocol):
    """Wraps the keys that records are sealed with."""

    @property
    def key_id(self) -> str:
        """Names the wrapping key; not secret."""
        ...

    def wrap(self, key: bytes, *about: str) -> bytes:
        """The key as it may be stored, bound to the texts that say whose it is."""
        ...

    def unwrap(self, wrapped: bytes, *about: str) -> bytes:
        """The key again. Raises SealBroken, StoreUnavailable."""
        ...

    def require(self) -> None:
        """Raise StoreUnavailable while it cannot wrap."""
        ...
