"""Encryption at rest: a data key per patient encrypts payloads, the site key wraps data keys."""

from cds_hooks.audit.encryption.key_wrapping import DecryptionFailed, KeyWrapper
from cds_hooks.audit.encryption.payloads import (
    ERASED,
    EncryptedPayload,
    PayloadCipher,
    PayloadContext,
)

__all__ = [
    "ERASED",
    "DecryptionFailed",
    "EncryptedPayload",
    "KeyWrapper",
    "PayloadCipher",
    "PayloadContext",
]
