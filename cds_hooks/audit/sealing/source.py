"""What can wrap data keys: the site key in this process, or a device that never gives its key out.

Only the site key (`cds_hooks.audit.keys.SiteKey`) is a source that ships. A source for PKCS#11 or
for Vault's transit engine is a class with these three members, handed to `Sealer`; none ships.
"""

from __future__ import annotations

from typing import Protocol

__all__ = ["KeySource", "SealBroken"]


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
        """The key again. Raises SealBroken."""
        ...
