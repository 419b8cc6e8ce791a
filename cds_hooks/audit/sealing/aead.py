"""AES-256-GCM with a random nonce; what the sealed bytes are about is authenticated with them.

The form is nonce (12 bytes), ciphertext, tag (16 bytes). With random nonces one key is good for
2**32 messages (NIST SP 800-38D, 8.3): a data key serves one patient, and does not come near.
"""

from __future__ import annotations

import secrets

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from cds_hooks.audit.sealing.source import SealBroken

__all__ = ["KEY_BYTES", "NONCE_BYTES", "bound", "open_sealed", "seal"]

KEY_BYTES = 32

NONCE_BYTES = 12
_NAME = b"chartside/seal/1"


def seal(key: bytes, plain: bytes, *about: str) -> bytes:
    """The sealed form of bytes, bound to the texts that say what they are."""
    nonce = secrets.token_bytes(NONCE_BYTES)
    return nonce + AESGCM(key).encrypt(nonce, plain, bound(about))


def open_sealed(key: bytes, sealed: bytes, *about: str) -> bytes:
    """What was sealed. Raises SealBroken for another key, other bytes, or another thing."""
    try:
        return AESGCM(key).decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], bound(about))
    except (InvalidTag, ValueError):  # ValueError: too short to hold a nonce
        raise SealBroken from None


def bound(about: tuple[str, ...]) -> bytes:
    """The texts with their lengths: no two lists give the same bytes."""
    parts = [_NAME]
    for text in about:
        raw = text.encode("utf-8", "surrogatepass")
        parts += [len(raw).to_bytes(8, "big"), raw]
    return b"".join(parts)
