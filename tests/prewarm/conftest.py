"""Keys, an authorization server that checks signatures for real, servers in threads."""

from __future__ import annotations

import asyncio
import base64
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
import uvicorn
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA384
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from cds_hooks.prewarm import SigningKey

Private = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


def write_key(private: Private, path: Path) -> Path:
    path.write_bytes(private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    path.chmod(0o600)
    return path


@pytest.fixture(scope="session")
def ec_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP384R1())


@pytest.fixture(scope="session")
def rsa_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


@pytest.fixture
def key_file(ec_key: ec.EllipticCurvePrivateKey, tmp_path: Path) -> Path:
    return write_key(ec_key, tmp_path / "client.pem")


@pytest.fixture
def signing_key(key_file: Path) -> SigningKey:
    return SigningKey.load(key_file, "ES384")


def unb64(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def number(text: str) -> int:
    return int.from_bytes(unb64(text), "big")


def check_jws(token: str, jwk: dict[str, str]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Header and claims, verified with a public JWK alone. Raises InvalidSignature."""
    head, body, signature = token.split(".")
    signed, raw = f"{head}.{body}".encode(), unb64(signature)
    if jwk["kty"] == "RSA":
        rsa_public = rsa.RSAPublicNumbers(number(jwk["e"]), number(jwk["n"])).public_key()
        rsa_public.verify(raw, signed, padding.PKCS1v15(), SHA384())
    else:
        assert len(raw) == 96
        numbers = ec.EllipticCurvePublicNumbers(number(jwk["x"]), number(jwk["y"]), ec.SECP384R1())
        halves = (int.from_bytes(half, "big") for half in (raw[:48], raw[48:]))
        numbers.public_key().verify(encode_dss_signature(*halves), signed, ec.ECDSA(SHA384()))
    return json.loads(unb64(head)), json.loads(unb64(body))


@pytest.fixture(scope="session")
def verify() -> Callable[[str, dict[str, str]], tuple[dict[str, Any], dict[str, Any]]]:
    """Header and claims of a compact JWS, verified with a public JWK alone."""
    return check_jws


@pytest.fixture(scope="session")
def write() -> Callable[[Private, Path], Path]:
    """Write a private key as PEM that only its owner may read."""
    return write_key


class Served:
    """uvicorn in a thread, on a free loopback port."""

    def __init__(self, app: Any) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._server = uvicorn.Server(
            uvicorn.Config(app, log_config=None, access_log=False, lifespan="off")
        )
        self._thread = threading.Thread(
            target=self._server.run, kwargs={"sockets": [self._socket]}, daemon=True
        )
        self._thread.start()

    def stop(self) -> None:
        self._server.should_exit = True
        self._thread.join(10)
        self._socket.close()


@pytest.fixture
def serve() -> Iterator[Callable[[Any], Served]]:
    """Start a server around an application; all are stopped at the end of the test."""
    started: list[Served] = []

    def start(app: Any) -> Served:
        started.append(Served(app))
        return started[-1]

    yield start
    for served in started:
        served.stop()


@dataclass
class Authorization:
    """A token endpoint of SMART Backend Services: it verifies every assertion for real."""

    jwk: dict[str, str]
    client_id: str
    grants: Callable[[], str]
    url: str = ""
    lifetime: int = 300
    asked: list[dict[str, str]] = field(default_factory=list)
    seen: set[str] = field(default_factory=set)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        body = b""
        while True:
            message = await receive()
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        form = {name: values[0] for name, values in parse_qs(body.decode()).items()}
        self.asked.append(form)
        problem = self._problem(form)
        granted = {"access_token": self.grants(), "token_type": "bearer", "scope": form["scope"]}
        answer = {"error": problem} if problem else {**granted, "expires_in": self.lifetime}
        headers = [(b"content-type", b"application/json")]
        status = 400 if problem else 200
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": json.dumps(answer).encode()})

    def _problem(self, form: dict[str, str]) -> str:
        if form["grant_type"] != "client_credentials":
            return "unsupported_grant_type"
        try:
            header, claims = check_jws(form["client_assertion"], self.jwk)
        except InvalidSignature:
            return "invalid_client"
        fresh = claims["jti"] not in self.seen
        self.seen.add(claims["jti"])
        good = (
            header == {"alg": "ES384", "kid": self.jwk["kid"], "typ": "JWT"},
            claims["iss"] == claims["sub"] == self.client_id,
            claims["aud"] == self.url,
            time.time() < claims["exp"] <= time.time() + 300,
            form["client_assertion_type"].endswith(":jwt-bearer"),
            fresh,
        )
        return "" if all(good) else "invalid_client"


@pytest.fixture
def authorization(
    serve: Callable[[Any], Served], signing_key: SigningKey
) -> Callable[..., Authorization]:
    """Start a token endpoint that knows the public key; it gives what `grants` returns."""

    def start(grants: Callable[[], str], client_id: str = "chartside") -> Authorization:
        made = Authorization(signing_key.public_jwk(), client_id, grants)
        made.url = f"{serve(made).url}/token"
        return made

    return start


@dataclass
class Clock:
    """Time that passes only while somebody sleeps."""

    now: float = 1_800_000_000.0
    slept: list[float] = field(default_factory=list)

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(round(seconds, 3))
        self.now += seconds
        await asyncio.sleep(0)


@pytest.fixture
def clock() -> Clock:
    return Clock()
