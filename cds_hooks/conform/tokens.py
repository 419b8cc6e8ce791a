"""The tokens of a CDS client, good ones and those that a service has to refuse."""

from __future__ import annotations

import base64
import hmac
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import orjson
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from cds_hooks.trust.signing import LIFETIME_S, SigningKey

__all__ = ["Caller"]

_HOUR_S = 3600


@dataclass(frozen=True, slots=True)
class Caller:
    """A client that the service knows by `issuer` and verifies by the key's public part.

    `now` gives UTC seconds. Each token has a `jti` of its own.
    """

    key: SigningKey
    issuer: str
    now: Callable[[], float] = time.time
    new_id: Callable[[], str] = field(default=lambda: str(uuid.uuid4()))

    def good(self, audience: str) -> str:
        """A token that the service should accept, once."""
        return self.key.sign(self._claims(audience))

    def expired(self, audience: str) -> str:
        """A token of an hour ago."""
        claims = self._claims(audience)
        past = {name: claims[name] - _HOUR_S - LIFETIME_S for name in ("iat", "exp")}
        return self.key.sign({**claims, **past})

    def of_other_issuer(self, audience: str) -> str:
        """A token whose issuer nobody registered."""
        return self.key.sign({**self._claims(audience), "iss": "https://conform.invalid"})

    def of_other_key(self, audience: str) -> str:
        """A token that a new key signed under this client's `kid`."""
        private: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
        if self.key.algorithm == "ES384":
            private = ec.generate_private_key(ec.SECP384R1())
        else:
            private = rsa.generate_private_key(65537, 2048)
        return replace(self.key, private=private).sign(self._claims(audience))

    def unsigned(self, audience: str) -> str:
        """A token with `alg` none (RFC 7518, 3.6)."""
        return f"{self._told('none', audience)}."

    def symmetric(self, audience: str) -> str:
        """A token with HS256 and the public key as the secret (RFC 8725, 2.1)."""
        told = self._told("HS256", audience)
        public = self.key.private.public_key()
        secret = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        return f"{told}.{_b64(hmac.digest(secret, told.encode(), 'sha256'))}"

    def _told(self, algorithm: str, audience: str) -> str:
        header = {"alg": algorithm, "typ": "JWT", "kid": self.key.kid}
        return f"{_part(header)}.{_part(self._claims(audience))}"

    def _claims(self, audience: str) -> dict[str, Any]:
        now = int(self.now())
        times = {"iat": now, "exp": now + LIFETIME_S}
        return {"iss": self.issuer, "aud": audience, "jti": self.new_id(), **times}


def _part(value: Mapping[str, Any]) -> str:
    return _b64(orjson.dumps(value))


def _b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
