"""What the store and the ledger compute with, on the inputs of published test vectors."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Mapping
from typing import Any

__all__ = ["COMPUTED_BY", "hex_of"]

Row = Mapping[str, Any]


def hex_of(row: Row, name: str) -> bytes:
    """A field of a row that is written in hexadecimal digits."""
    return bytes.fromhex(row[name])


def _aes_gcm(row: Row) -> bytes:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    nonce, plain, about = (hex_of(row, name) for name in ("nonce", "plain", "about"))
    cipher = AESGCM(hex_of(row, "key"))
    sealed = cipher.encrypt(nonce, plain, about)
    return sealed if cipher.decrypt(nonce, sealed, about) == plain else b""


def _hkdf(row: Row) -> bytes:
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF

    length = len(hex_of(row, "expected"))
    kdf = HKDF(
        algorithm=SHA256(), length=length, salt=hex_of(row, "salt"), info=hex_of(row, "about")
    )
    return kdf.derive(hex_of(row, "key"))


def _hmac(row: Row) -> bytes:
    return hmac.digest(hex_of(row, "key"), hex_of(row, "plain"), "sha256")


def _ed25519(row: Row) -> bytes:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    from cds_hooks.audit.ledger.checkpoint_keys import CheckpointSigner

    text = hex_of(row, "plain")
    key = CheckpointSigner(Ed25519PrivateKey.from_private_bytes(hex_of(row, "key")), "self-check")
    signature, named = key.sign(text), key.public.key_id("self-check")
    accepted = key.public.accepts("self-check", named, signature, text)
    other = key.public.accepts("self-check", named, signature, text + b"x")
    return signature if accepted and not other else b""


def _merkle_tree(row: Row) -> bytes:
    from cds_hooks.audit.ledger.merkle_tree import leaf_hash, root_of

    return root_of([leaf_hash(bytes.fromhex(leaf)) for leaf in row["leaves"]])


COMPUTED_BY: Mapping[str, Callable[[Row], bytes]] = {
    "AES-256-GCM": _aes_gcm,
    "HKDF-SHA256": _hkdf,
    "HMAC-SHA256": _hmac,
    "Ed25519": _ed25519,
    "Merkle tree": _merkle_tree,
}
"""By the name of a row of `known_values.toml`: its result."""
