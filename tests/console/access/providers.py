"""Identity providers: a real small one in a process of its own, and one for every fault."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm

__all__ = ["FaultyProvider", "faulty_provider", "real_provider", "sign_in_there"]

_PATIENCE_S = 30.0


@contextlib.contextmanager
def real_provider(*people: dict[str, Any]) -> Iterator[str]:
    """oidc-provider-mock in its own process, which knows these people; its issuer."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    known = [part for person in people for part in ("--user-claims", json.dumps(person))]
    command = [sys.executable, "-W", "ignore", "-m", "oidc_provider_mock", "--port", str(port)]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    process = subprocess.Popen([*command, "--require-nonce", "true", *known], **quiet)
    issuer = f"http://127.0.0.1:{port}"
    try:
        _until_it_answers(process, issuer)
        yield issuer
    finally:
        process.terminate()
        process.wait(10)


def _until_it_answers(process: subprocess.Popen[bytes], issuer: str) -> None:
    ends = time.monotonic() + _PATIENCE_S
    while time.monotonic() < ends:
        assert process.poll() is None, "the provider ended"
        with contextlib.suppress(httpx.TransportError):
            httpx.get(f"{issuer}/.well-known/openid-configuration", timeout=5)
            return
        time.sleep(0.05)
    raise AssertionError("the provider does not answer")


def sign_in_there(url: str, subject: str, *, deny: bool = False) -> str:
    """Do at the provider's page what a person does; where the browser is sent then."""
    form = {"action": "deny"} if deny else {"sub": subject}
    answer = httpx.post(url, data=form, timeout=10)
    assert answer.status_code in (302, 303), answer.text
    return answer.headers["location"]


@dataclass
class FaultyProvider:
    """What it says, and what went wrong in it: each test changes what it is about."""

    issuer: str = ""
    key: Any = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    kid: str = "first"
    claims: dict[str, Any] = field(default_factory=dict)
    metadata: dict[str, Any] = field(default_factory=dict)
    token_answer: tuple[int, bytes] | None = None
    nonce: str = ""
    challenge: str = ""
    asked: list[str] = field(default_factory=list)
    forms: list[dict[str, str]] = field(default_factory=list)
    credentials: list[str] = field(default_factory=list)
    down: bool = False

    def document(self) -> dict[str, Any]:
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/jwks",
            **self.metadata,
        }

    def key_set(self) -> dict[str, Any]:
        public = ECAlgorithm.to_jwk(self.key.public_key(), as_dict=True)
        return {"keys": [{**public, "kid": self.kid, "use": "sig", "alg": "ES256"}]}

    def authorize(self, url: str) -> str:
        """Take the browser in, and send it back with a code."""
        query = {name: value for name, [value] in parse_qs(urlsplit(url).query).items()}
        self.nonce, self.challenge = query["nonce"], query["code_challenge"]
        return f"{query['redirect_uri']}?code=good&state={query['state']}"

    def token(self, form: dict[str, str]) -> tuple[int, bytes]:
        """An ID token for a good code and the verifier of its challenge (RFC 7636, 4.6)."""
        self.forms.append(form)
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        shown = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        if form.get("code") != "good" or shown != self.challenge:
            return 400, b'{"error": "invalid_grant"}'
        now = int(time.time())
        claims = {"iss": self.issuer, "aud": "chartside", "sub": "ann", "roles": ["reviewers"]}
        said = {**claims, "nonce": self.nonce, "iat": now, "exp": now + 60, **self.claims}
        text = jwt.encode(said, self.key, algorithm="ES256", headers={"kid": self.kid})
        return 200, json.dumps({"token_type": "Bearer", "id_token": text}).encode()


@contextlib.contextmanager
def faulty_provider() -> Iterator[FaultyProvider]:
    """One on a free port, for as long as the block runs."""
    provider = FaultyProvider()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            provider.asked.append(self.path)
            documents = {
                "/.well-known/openid-configuration": provider.document,
                "/jwks": provider.key_set,
            }
            if provider.down or self.path not in documents:
                return self._answer(500, b"<html>down</html>")
            return self._answer(200, json.dumps(documents[self.path]()).encode())

        def do_POST(self) -> None:
            provider.asked.append(self.path)
            body = self.rfile.read(int(self.headers["content-length"])).decode()
            provider.credentials.append(self.headers.get("authorization", ""))
            form = {name: value for name, [value] in parse_qs(body).items()}
            self._answer(*(provider.token_answer or provider.token(form)))

        def _answer(self, status: int, body: bytes) -> None:
            self.send_response(status)
            if 300 <= status < 400:
                self.send_header("Location", f"{provider.issuer}/elsewhere")
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    provider.issuer = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield provider
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)
