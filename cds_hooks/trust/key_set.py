"""Public keys of CDS clients: a JWK Set (RFC 7517) read strictly, each key pinned to an algorithm.

A key that is symmetric, private, too small, for encryption, or of another curve is passed over:
what is not in the set can verify nothing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from cds_hooks.trust.caller_errors import KeysUnusable
from cds_hooks.trust.published import is_published
from cds_hooks.trust.strict_json import NotStrictJson, read_strict

__all__ = ["ALGORITHMS", "KeySet", "VerificationKey", "parse_key_set"]

_CURVES = {"ES256": ("P-256", 256), "ES384": ("P-384", 384), "ES512": ("P-521", 521)}
_RSA = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512")

ALGORITHMS = (*_CURVES, *_RSA)
"""What a site may choose from: asymmetric, and never `none`."""

MAX_BYTES = 256 * 1024
_MOST_KEYS = 64
_RSA_BITS = range(2048, 8193)
_PRIVATE = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
_KEY_ID = re.compile(r"[!-~]{1,256}")

Key = ec.EllipticCurvePublicKey | rsa.RSAPublicKey


@dataclass(frozen=True, slots=True)
class VerificationKey:
    """One key and the algorithms that it may verify."""

    key_id: str
    algorithms: frozenset[str]
    key: Key


@dataclass(frozen=True, slots=True)
class KeySet:
    """Keys by their id, and the ids that were passed over with why."""

    keys: Mapping[str, VerificationKey] = field(default_factory=lambda: MappingProxyType({}))
    passed_over: tuple[tuple[str, str], ...] = ()


def parse_key_set(
    document: bytes, algorithms: frozenset[str], *, published: bool = False
) -> KeySet:
    """The usable keys of a JWK Set for these algorithms; with `published`, also test tools'.

    An id that stands twice names no key. Raises KeysUnusable for what is no JWK Set, is larger
    than 256 KiB, has more than 64 keys, or has none that is usable.
    """
    if len(document) > MAX_BYTES:
        raise KeysUnusable("the key set is larger than 256 KiB")
    try:
        raw = read_strict(document).get("keys")
    except NotStrictJson:
        raise KeysUnusable("the key set is not JSON, or names a member twice") from None
    if not isinstance(raw, list) or len(raw) > _MOST_KEYS:
        raise KeysUnusable(f"the key set has no list of at most {_MOST_KEYS} keys")
    return _key_set(raw, algorithms, published)


def _key_set(raw: list[Any], algorithms: frozenset[str], published: bool) -> KeySet:
    keys: dict[str, VerificationKey] = {}
    passed_over: list[tuple[str, str]] = []
    ids = [item.get("kid") if isinstance(item, dict) else None for item in raw]
    for place, item in enumerate(raw):
        found = _public_key(item, algorithms, published)
        if isinstance(found, str):
            passed_over.append((f"keys[{place}]", found))
        elif ids.count(found.key_id) > 1:
            passed_over.append((f"keys[{place}]", "its id stands twice"))
        else:
            keys[found.key_id] = found
    if not keys:
        first = f": {': '.join(passed_over[0])}" if passed_over else ""
        raise KeysUnusable(f"the key set has no key that may be used{first}")
    return KeySet(MappingProxyType(keys), tuple(passed_over))


def _public_key(item: Any, algorithms: frozenset[str], published: bool) -> VerificationKey | str:
    """The key, or why it is passed over."""
    if not isinstance(item, dict):
        return "it is no object"
    key_id = item.get("kid")
    if not isinstance(key_id, str) or not _KEY_ID.fullmatch(key_id):
        return "it has no usable kid"
    if _PRIVATE & item.keys():
        return "it holds a private or symmetric key"
    if item.get("use", "sig") != "sig" or not _may_verify(item.get("key_ops")):
        return "it is not for signatures"
    if not published and is_published(item):
        return "its private key is published"
    fitting = _fitting(item) & algorithms
    if not fitting:
        return "it is of no algorithm that this client may use"
    key = _load(item)
    return (
        VerificationKey(key_id, frozenset(fitting), key) if key is not None else "it is malformed"
    )


def _may_verify(operations: Any) -> bool:
    return operations is None or (isinstance(operations, list) and "verify" in operations)


def _fitting(item: Mapping[str, Any]) -> set[str]:
    """The algorithms of a key's type and curve, narrowed by its own `alg`."""
    if item.get("kty") == "EC":
        of_type = {name for name, (curve, _) in _CURVES.items() if curve == item.get("crv")}
    else:
        of_type = set(_RSA) if item.get("kty") == "RSA" else set()
    named = item.get("alg")
    return of_type if named is None else of_type & {str(named)}


def _load(item: Mapping[str, Any]) -> Key | None:
    try:
        key = jwt.PyJWK({**item, "alg": min(_fitting(item))}).key
    except (jwt.PyJWTError, ValueError, TypeError, OverflowError):
        return None
    if isinstance(key, rsa.RSAPublicKey):
        sound = key.key_size in _RSA_BITS and key.public_numbers().e >= 65537
        return key if sound else None
    return key if isinstance(key, ec.EllipticCurvePublicKey) else None
