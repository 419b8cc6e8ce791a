"""The signed statement of who asks for a token: a JWT by ES384 or RS384.

Sources: HL7 SMART App Launch 2.2, "Client Authentication: Asymmetric (public key)"; RFC 7515 (JWS),
7518 (algorithms), 7517 and 7638 (keys and their thumbprints), 7523 (JWT client assertions).
"""

from __future__ import annotations

import base64
import hashlib
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import orjson
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA384
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from cds_hooks.errors import ChartsideError

__all__ = ["Algorithm", "KeyUnusable", "SigningKey", "assertion", "thumbprint"]

Algorithm = Literal["ES384", "RS384"]
_LIFETIME_S = 240
"""Seconds; the specification allows five minutes, and clocks differ."""

_P384_BYTES = 48
_RSA_BITS = 2048


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
        header = {"alg": self.algorithm, "kid": self.kid, "typ": "JWT"}
        signed = f"{_b64(orjson.dumps(header))}.{_b64(orjson.dumps(claims))}"
        return f"{signed}.{_b64(_signature(self.private, signed.encode('ascii')))}"


def assertion(key: SigningKey, client_id: str, audience: str, *, now: float, jti: str) -> str:
    """The client assertion for a token endpoint; `now` is UTC seconds, `jti` used once."""
    claims = {"iss": client_id, "sub": client_id, "aud": audience, "jti": jti}
    return key.sign({**claims, "iat": int(now), "exp": int(now) + _LIFETIME_S})


def thumbprint(members: Mapping[str, str]) -> str:
    """RFC 7638: SHA-256 of a public key's required members, in order of their names."""
    return _b64(hashlib.sha256(orjson.dumps(members, option=orjson.OPT_SORT_KEYS)).digest())


def _signature(private: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey, data: bytes) -> bytes:
    if isinstance(private, rsa.RSAPrivateKey):
        return private.sign(data, padding.PKCS1v15(), SHA384())
    # RFC 7518, section 3.4: the two numbers side by side, not in DER.
    r, s = decode_dss_signature(private.sign(data, ec.ECDSA(SHA384())))
    return r.to_bytes(_P384_BYTES, "big") + s.to_bytes(_P384_BYTES, "big")


def _public_members(private: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> dict[str, str]:
    if isinstance(private, rsa.RSAPrivateKey):
        rsa_numbers = private.public_key().public_numbers()
        return {"kty": "RSA", "n": _number(rsa_numbers.n), "e": _number(rsa_numbers.e)}
    numbers = private.public_key().public_numbers()
    x, y = (value.to_bytes(_P384_BYTES, "big") for value in (numbers.x, numbers.y))
    return {"kty": "EC", "crv": "P-384", "x": _b64(x), "y": _b64(y)}


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


def _number(value: int) -> str:
    return _b64(value.to_bytes((value.bit_length() + 7) // 8, "big"))


def _b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")
