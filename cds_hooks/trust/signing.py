"""A private key of ours, and what it signs: JWTs by ES384 or RS384.

Sources: RFC 7515 (JWS), 7517 (JWK), 7518 (algorithms), 7638 (thumbprints), 7519 (JWT); CDS Hooks
2.0.1, "Trusting CDS Clients".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import jwt
import orjson
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from cds_hooks.errors import ChartsideError
from cds_hooks.private_files import read_private
from cds_hooks.trust.published import thumbprint
from cds_hooks.trust.strict_json import NotStrictJson, read_strict

__all__ = ["LIFETIME_S", "Algorithm", "KeyUnusable", "SigningKey", "call_token", "client_assertion"]

Algorithm = Literal["ES384", "RS384"]
LIFETIME_S = 240
"""Seconds; specifications allow five minutes, and clocks differ."""

_RSA_BITS = 2048
_MEMBERS = ("kty", "crv", "x", "y", "n", "e")
_READERS: Mapping[str, Callable[[str], object]] = {
    "EC": ECAlgorithm.from_jwk,
    "RSA": RSAAlgorithm.from_jwk,
}

_Private = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


class KeyUnusable(ChartsideError):
    """The private key cannot be read, or is not of the algorithm, or others may read it."""

    code = "private-key-unusable"
    status = 400


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private key, its algorithm, and the `kid` by which the server knows its public part."""

    algorithm: Algorithm
    kid: str
    private: _Private = field(repr=False)

    @classmethod
    def load(
        cls, path: Path, algorithm: Algorithm | None = None, kid: str = "", *, setting: str = ""
    ) -> SigningKey:
        """The key in a file: PEM without a password, a JWK, or a JWK Set of one private key.

        Without `algorithm` it is the key's own. `kid` is as given, else the JWK's, else the
        thumbprint. `setting` is the key of the settings that named the file, for who has to put it
        right. Raises KeyUnusable, also when group or others may read the file.
        """
        asked = f"Set {setting} to a file" if setting else "Give a file"
        hint = f"{asked} that the command's user can read."
        raw = read_private(path, what="the private key", hint=hint, error=KeyUnusable)
        private, own_kid = (
            _from_jwk(raw, path) if raw.lstrip()[:1] == b"{" else _from_pem(raw, path)
        )
        fits: tuple[Algorithm, ...] = (algorithm,) if algorithm else ("ES384", "RS384")
        found = next((each for each in fits if _fits(private, each)), None)
        if found is None or not isinstance(private, _Private):
            hint = "ES384 needs an EC key on P-384, RS384 an RSA key of 2048 bits or more."
            wanted = algorithm or "ES384 or RS384"
            raise KeyUnusable(f"the key does not fit {wanted}", where=str(path), hint=hint)
        return cls(found, kid or own_kid, private).named()

    def named(self) -> SigningKey:
        """The same with its thumbprint for a `kid` when it has none."""
        kid = self.kid or thumbprint(_public_members(self.private))
        return SigningKey(self.algorithm, kid, self.private)

    def public_jwk(self) -> dict[str, str]:
        """The public key as the server's administrator registers it."""
        members = _public_members(self.private)
        return {**members, "kid": self.kid, "alg": self.algorithm, "use": "sig"}

    def sign(self, claims: Mapping[str, Any]) -> str:
        """A JWS of the claims in compact form."""
        named = {"kid": self.kid}
        return jwt.encode(dict(claims), self.private, algorithm=self.algorithm, headers=named)


def call_token(key: SigningKey, issuer: str, audience: str, *, now: float, jti: str) -> str:
    """The token of a CDS client for one call of the endpoint `audience`; `now` is UTC seconds."""
    claims = {"iss": issuer, "aud": audience, "jti": jti}
    return key.sign({**claims, "iat": int(now), "exp": int(now) + LIFETIME_S})


def client_assertion(
    key: SigningKey, client_id: str, audience: str, *, now: float, jti: str
) -> str:
    """The client assertion for a token endpoint; `now` is UTC seconds, `jti` used once.

    Sources: HL7 SMART App Launch 2.2, "Client Authentication: Asymmetric (public key)"; RFC 7523.
    """
    claims = {"iss": client_id, "sub": client_id, "aud": audience, "jti": jti}
    return key.sign({**claims, "iat": int(now), "exp": int(now) + LIFETIME_S})


def _public_members(private: _Private) -> dict[str, str]:
    if isinstance(private, rsa.RSAPrivateKey):
        found = RSAAlgorithm.to_jwk(private.public_key(), as_dict=True)
    else:
        found = ECAlgorithm.to_jwk(private.public_key(), as_dict=True)
    return {name: found[name] for name in _MEMBERS if name in found}


def _fits(private: object, algorithm: str) -> bool:
    """RS384 goes with RSA of 2048 bits or more, ES384 with the curve P-384 and no other."""
    match private:
        case rsa.RSAPrivateKey():
            return algorithm == "RS384" and private.key_size >= _RSA_BITS
        case ec.EllipticCurvePrivateKey():
            return algorithm == "ES384" and isinstance(private.curve, ec.SECP384R1)
    return False


def _from_pem(raw: bytes, path: Path) -> tuple[object, str]:
    try:
        return load_pem_private_key(raw, password=None), ""
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise _no_key(path) from None


def _from_jwk(raw: bytes, path: Path) -> tuple[object, str]:
    """The key and its `kid`, if it has one."""
    try:
        jwk = _private_jwk(read_strict(raw))
        reader = _READERS[str(jwk.get("kty"))]
        kid = jwk.get("kid", "")
        return reader(orjson.dumps(jwk).decode()), kid if isinstance(kid, str) else ""
    except (NotStrictJson, jwt.InvalidKeyError, LookupError, ValueError, TypeError):
        raise _no_key(path) from None


def _private_jwk(document: Mapping[str, Any]) -> Mapping[str, Any]:
    """The document itself, or the one private key of a set. Raises LookupError."""
    listed = document.get("keys", [document])
    keys = listed if isinstance(listed, list) else []
    [found] = [key for key in keys if isinstance(key, dict) and "d" in key] or [{}]
    return found


def _no_key(path: Path) -> KeyUnusable:
    hint = "Give a PEM file (PKCS #8) without a password, or a JWK with its private part."
    return KeyUnusable("the file holds no private key", where=str(path), hint=hint)
