"""The signed statement of who asks for a token: a JWT by ES384 or RS384.

Sources: HL7 SMART App Launch 2.2, "Client Authentication: Asymmetric (public key)"; RFC 7515 (JWS),
7518 (algorithms), 7517 and 7638 (keys and their thumbprints), 7523 (JWT client assertions).
"""

from __future__ import annotations

import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import jwt
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from cds_hooks.errors import ChartsideError
from cds_hooks.trust.published import thumbprint

__all__ = ["Algorithm", "KeyUnusable", "SigningKey", "assertion"]

Algorithm = Literal["ES384", "RS384"]
_LIFETIME_S = 240
"""Seconds; the specification allows five minutes, and clocks differ."""

_RSA_BITS = 2048
_MEMBERS = ("kty", "crv", "x", "y", "n", "e")


class KeyUnusable(ChartsideError):
    """The private key cannot be read, or is not of the algorithm, or others may read it."""

    code = "prewarm-key-unusable"
    status = 400


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private key, its algorithm, and the `kid` by which the server knows its public part."""

    algorithm: Algorithm
    kid: str
    private: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey = field(repr=False)

    @classmethod
    def load(cls, path: Path, algorithm: Algorithm, kid: str = "") -> SigningKey:
        """The key in a PEM file without a password; its thumbprint is the `kid` if none is given.

        Raises KeyUnusable, also when group or others may read the file.
        """
        try:
            private = load_pem_private_key(_read_private(path), password=None)
        except (ValueError, TypeError, UnsupportedAlgorithm):
            hint = "Give a PEM file (PKCS #8) without a password."
            raise KeyUnusable("the file holds no private key", where=str(path), hint=hint) from None
        return cls(algorithm, kid, _fitting(private, algorithm, path)).named()

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


def assertion(key: SigningKey, client_id: str, audience: str, *, now: float, jti: str) -> str:
    """The client assertion for a token endpoint; `now` is UTC seconds, `jti` used once."""
    claims = {"iss": client_id, "sub": client_id, "aud": audience, "jti": jti}
    return key.sign({**claims, "iat": int(now), "exp": int(now) + _LIFETIME_S})


def _public_members(private: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> dict[str, str]:
    if isinstance(private, rsa.RSAPrivateKey):
        found = RSAAlgorithm.to_jwk(private.public_key(), as_dict=True)
    else:
        found = ECAlgorithm.to_jwk(private.public_key(), as_dict=True)
    return {name: found[name] for name in _MEMBERS if name in found}


def _fitting(
    private: object, algorithm: Algorithm, path: Path
) -> ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey:
    """RS384 goes with RSA of 2048 bits or more, ES384 with the curve P-384 and no other."""
    match private:
        case rsa.RSAPrivateKey() if algorithm == "RS384" and private.key_size >= _RSA_BITS:
            return private
        case ec.EllipticCurvePrivateKey() if algorithm == "ES384" and _is_p384(private):
            return private
    hint = "ES384 needs an EC key on P-384, RS384 an RSA key of 2048 bits or more."
    raise KeyUnusable(f"the key does not fit {algorithm}", where=str(path), hint=hint)


def _is_p384(private: ec.EllipticCurvePrivateKey) -> bool:
    return isinstance(private.curve, ec.SECP384R1)


def _read_private(path: Path) -> bytes:
    try:
        status = path.stat()
        if stat.S_ISREG(status.st_mode) and not status.st_mode & 0o077:
            return path.read_bytes()
    except OSError:
        hint = "Set prewarm.key to a file that the command's user can read."
        raise KeyUnusable("the private key cannot be read", where=str(path), hint=hint) from None
    hint = "chmod 600 it, and think about who may have read it."
    raise KeyUnusable("group or others may read the private key", where=str(path), hint=hint)
