"""AES-256-GCM with a random nonce; the associated data says what the plaintext is.

The form is nonce (12 bytes), ciphertext, tag (16 bytes). With random nonces one key is good for
2**32 messages (NIST SP 800-38D, 8.3): a data key serves one patient, and does not come near.
"""

from __future__ import annotations

import secrets

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from cds_hooks.audit.encryption.key_wrapping import DecryptionFailed

__all__ = ["KEY_BYTES", "NONCE_BYTES", "encode_associated_data", "open_sealed", "seal"]

KEY_BYTES = 32
NONCE_BYTES = 12
_NAME = b"chartside/seal/1"


def seal(key: bytes, plain: bytes, *associated: str) -> bytes:
    """Nonce, ciphertext and tag of `plain`, bound to the associated texts."""
    nonce = secrets.token_bytes(NONCE_BYTES)
    return nonce + AESGCM(key).encrypt(nonce, plain, encode_associated_data(associated))


def open_sealed(key: bytes, sealed: bytes, *associated: str) -> bytes:
    """The plaintext. Raises DecryptionFailed for another key, other bytes or other texts."""
    nonce, ciphertext = sealed[:NONCE_BYTES], sealed[NONCE_BYTES:]
    try:
        return AESGCM(key).decrypt(nonce, ciphertext, encode_associated_data(associated))
    except (InvalidTag, ValueError):  # ValueError: too short to contain a nonce
        raise DecryptionFailed from None


def encode_associated_data(texts: tuple[str, ...]) -> bytes:
    """The texts with their lengths: no two lists give the same bytes."""
    parts = [_NAME]
    for text in texts:
        raw = text.encode("utf-8", "surrogatepass")
        parts += [len(raw).to_bytes(8, "big"), raw]
    return b"".join(parts)
