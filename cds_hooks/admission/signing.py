"""Signing an admission record, and reading one that was signed (Ed25519, RFC 8032).

The signature covers the record as JSON with sorted keys. Who may admit models is who holds the
key: the service trusts the public keys it is given and no key that a record names itself.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import orjson
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
)
from pydantic import ValidationError

from cds_hooks.admission.record import AdmissionError, AdmissionRecord
from cds_hooks.private_files import create_private, read_private
from cds_hooks.trust import ed25519

__all__ = [
    "create_key",
    "key_id",
    "load_public_key",
    "load_signing_key",
    "sign",
    "verify",
]

_ALGORITHM = "Ed25519"
_MEMBERS = frozenset({"record", "algorithm", "key_id", "signature"})
_MAX_BYTES = 1 << 20


def sign(record: AdmissionRecord, key: Ed25519PrivateKey) -> bytes:
    """The record, which now names the key, with its signature, as a file's content."""
    named = key_id(key.public_key())
    body = record.model_copy(update={"key_id": named}).model_dump(mode="json")
    document = {
        "record": body,
        "algorithm": _ALGORITHM,
        "key_id": named,
        "signature": base64.b64encode(key.sign(_canonical(body))).decode(),
    }
    return orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS) + b"\n"


def verify(document: bytes, trusted: Iterable[Ed25519PublicKey]) -> AdmissionRecord:
    """The record, if one of the trusted keys signed exactly this.

    Raises AdmissionError otherwise; an empty `trusted` trusts nobody.
    """
    body, named, signature = _parts(document)
    keys = [key for key in trusted if key_id(key) == named]
    if not keys:
        raise AdmissionError("signed with a key that is not trusted here", where=named)
    if not any(ed25519.is_signed_by(key, signature, _canonical(body)) for key in keys):
        raise AdmissionError("the signature does not fit the record: it was altered")
    try:
        return AdmissionRecord.model_validate(body)
    except ValidationError:
        raise AdmissionError("signed, but not a record of this release") from None


def key_id(key: Ed25519PublicKey) -> str:
    """The first 16 hexadecimal digits of the SHA-256 of the raw public key."""
    raw = key.public_bytes(Encoding.Raw, PublicFormat.Raw)
    return hashlib.sha256(raw).hexdigest()[:16]


def create_key(path: Path) -> Ed25519PrivateKey:
    """A new key in a file that its owner alone can read, and its public half beside it (`.pub`).

    Raises AdmissionError when there is a file already.
    """
    key = Ed25519PrivateKey.generate()
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    private = ed25519.private_pem(key)
    create_private(path, private)
    if _read(path) != private.encode():
        raise AdmissionError("there is a key already", where=str(path))
    path.with_name(f"{path.name}.pub").write_bytes(public)
    return key


def load_signing_key(path: Path) -> Ed25519PrivateKey:
    """The key in a PEM file. Raises AdmissionError when it is missing, readable by others, or not
    an Ed25519 key."""
    hint = "Name a file that this user can read."
    raw = read_private(path, what="the signing key", hint=hint, error=AdmissionError)
    try:
        return ed25519.private_key(raw)
    except ValueError as error:
        raise AdmissionError(str(error), where=str(path)) from None


def load_public_key(path: Path) -> Ed25519PublicKey:
    """The public key in a PEM file. Raises AdmissionError."""
    try:
        return ed25519.public_key(_read(path))
    except ValueError as error:
        raise AdmissionError(str(error), where=str(path)) from None


def _parts(document: bytes) -> tuple[dict[str, Any], str, bytes]:
    if len(document) > _MAX_BYTES:
        raise AdmissionError("larger than an admission record can be")
    try:
        whole = orjson.loads(document)
    except orjson.JSONDecodeError:
        raise AdmissionError("not JSON") from None
    if not isinstance(whole, dict) or whole.keys() != _MEMBERS:
        raise AdmissionError("not a signed admission record")
    body, named, written = whole["record"], whole["key_id"], whole["signature"]
    if whole["algorithm"] != _ALGORITHM or not isinstance(body, dict):
        raise AdmissionError("not a signed admission record")
    if not isinstance(named, str) or not isinstance(written, str):
        raise AdmissionError("not a signed admission record")
    try:
        return body, named, base64.b64decode(written, validate=True)
    except (binascii.Error, ValueError):
        raise AdmissionError("the signature is not base64") from None


def _canonical(body: dict[str, Any]) -> bytes:
    return orjson.dumps(body, option=orjson.OPT_SORT_KEYS)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise AdmissionError("cannot be read", where=str(path)) from error
