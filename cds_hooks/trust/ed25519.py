"""Ed25519 keys (RFC 8032) in PEM files: what signs checkpoints and admissions of models."""

from __future__ import annotations

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
    load_pem_public_key,
)

__all__ = ["is_signed_by", "private_key", "private_pem", "public_key"]


def private_pem(key: Ed25519PrivateKey) -> str:
    """The key as PEM (PKCS #8) without a password."""
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode("ascii")


def private_key(pem: bytes) -> Ed25519PrivateKey:
    """The key in a PEM file without a password. Raises ValueError that says what it is not."""
    try:
        found = load_pem_private_key(pem, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise ValueError("not a private key in PEM") from None
    if not isinstance(found, Ed25519PrivateKey):
        raise ValueError("not an Ed25519 key")
    return found


def public_key(pem: bytes) -> Ed25519PublicKey:
    """The public key in a PEM file. Raises ValueError that says what it is not."""
    try:
        found = load_pem_public_key(pem)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise ValueError("not a public key in PEM") from None
    if not isinstance(found, Ed25519PublicKey):
        raise ValueError("not an Ed25519 key")
    return found


def is_signed_by(key: Ed25519PublicKey, signature: bytes, text: bytes) -> bool:
    """Whether the key signed this text."""
    try:
        key.verify(signature, text)
    except InvalidSignature:
        return False
    return True
