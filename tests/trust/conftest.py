"""The real edge with a real gate and store; only the answer behind it is made up, and counted."""

from __future__ import annotations

import base64
import json
import socket
import threading
import time
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import jwt
import orjson
import pytest
import uvicorn
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from starlette.responses import HTMLResponse

from cds_hooks.app import AppConfig, AppHandlers, Readiness, create_app
from cds_hooks.app.connections import ConnectionBounds, Connections
from cds_hooks.app.http_connection import connection_factory
from cds_hooks.app.tls import Certificates
from cds_hooks.audit import SiteKey, Store, StoreConfig
from cds_hooks.protocol.cards import Card, Response, Source
from cds_hooks.runtime.callers import Callers
from cds_hooks.settings import Settings

BASE = "https://cds.hospital.example"
PATH = "/cds-services/chartside-patient-view"
ISSUER = "https://ehr.hospital.example/fhir"
CARD = Card("Two diagnoses to consider", "info", Source("Chartside"), uuid="c-1")


def b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


class Signer:
    """A client's key: ES384 by default."""

    def __init__(self, algorithm: str = "ES384", kid: str = "k1", key: Any = None) -> None:
        curves = {"ES256": ec.SECP256R1(), "ES384": ec.SECP384R1(), "ES512": ec.SECP521R1()}
        self.algorithm, self.kid = algorithm, kid
        self.key = key or (
            ec.generate_private_key(curves[algorithm])
            if algorithm in curves
            else rsa.generate_private_key(65537, 2048)
        )

    def jwk(self, **changes: Any) -> dict[str, Any]:
        made = jwt.get_algorithm_by_name(self.algorithm).to_jwk(self.key.public_key(), as_dict=True)
        named = {"kid": self.kid, "alg": self.algorithm, "use": "sig"}
        return {key: v for key, v in {**made, **named, **changes}.items() if v is not ...}

    def sign(self, claims: dict[str, Any] | None = None, /, **header: Any) -> str:
        """A token; a member of header or claims that is `...` is left out."""
        named = {"typ": "JWT", "kid": self.kid, "alg": self.algorithm, **header}
        return self.raw(
            orjson.dumps({k: v for k, v in named.items() if v is not ...}),
            orjson.dumps(good_claims() if claims is None else claims),
        )

    def raw(self, header: bytes, claims: bytes) -> str:
        """A token whose parts are these bytes, signed by this key whatever they say."""
        told = f"{b64(header)}.{b64(claims)}"
        algorithm = jwt.get_algorithm_by_name(self.algorithm)
        return f"{told}.{b64(algorithm.sign(told.encode(), self.key))}"


def good_claims(**changes: Any) -> dict[str, Any]:
    now = int(time.time())
    claims = {
        "iss": ISSUER,
        "aud": f"{BASE}{PATH}",
        "iat": now,
        "exp": now + 300,
        "jti": str(uuid.uuid4()),
    }
    return {key: value for key, value in {**claims, **changes}.items() if value is not ...}


def key_set(*keys: dict[str, Any]) -> str:
    return json.dumps({"keys": list(keys)})


def client_entry(*signers: Signer, **changes: Any) -> dict[str, Any]:
    entry = {"name": "ehr", "issuer": ISSUER, "jwks": key_set(*(each.jwk() for each in signers))}
    return {**entry, **changes}


class Edge:
    """An application with clients; `asked` are the calls that reached what answers."""

    def __init__(self, settings: Settings, key: SiteKey, store: Store) -> None:
        self.asked: list[Any] = []
        self.fed_back: list[Any] = []
        self.refused: list[Any] = []
        self.exchanges: list[Any] = []
        self.callers = Callers(settings, key, store, base_url=BASE, refused=self.refused.append)
        handlers = AppHandlers(
            answer=self._answer,
            record_feedback=self._feedback,
            ready=lambda: Readiness(True),
            metrics=lambda: (b"", "text/plain"),
            basis=lambda: HTMLResponse("<p>basis</p>"),
            version={"version": "1"},
            observe=self.exchanges.append,
            identify=self.callers.identify if self.callers.known else None,
        )
        self.settings = settings
        config = AppConfig(settings.server, settings.proxy)
        self.app = create_app(handlers, config)

    async def _answer(self, *args: Any) -> Response:
        self.asked.append(args)
        return Response((CARD,))

    async def _feedback(self, *args: Any) -> None:
        self.fed_back.append(args)

    async def call(
        self,
        *authorizations: str,
        path: str = PATH,
        method: str = "POST",
        body: Any = None,
        headers: list[tuple[str, str]] | None = None,
        peer: str = "127.0.0.1",
    ) -> httpx.Response:
        sent = [("content-type", "application/json"), *(headers or [])]
        sent += [("authorization", each) for each in authorizations]
        raw = [(name.encode(), value.encode("utf-8")) for name, value in sent]
        transport = httpx.ASGITransport(self.app, client=(peer, 4711))
        content = orjson.dumps(hook() if body is None else body) if method == "POST" else None
        async with httpx.AsyncClient(transport=transport, base_url="http://inner.test") as http:
            return await http.request(method, path, content=content, headers=raw)


def hook(**changes: Any) -> dict[str, Any]:
    return {
        "hook": "patient-view",
        "hookInstance": str(uuid.uuid4()),
        "context": {"userId": "Practitioner/p1", "patientId": "1"},
        "prefetch": {"patient": {"resourceType": "Patient", "id": "1"}},
    } | changes


@pytest.fixture(scope="session")
def signer() -> Signer:
    return Signer()


@pytest.fixture(scope="session")
def rsa_signer() -> Signer:
    return Signer("RS384", "r1")


@pytest.fixture
def site_key(tmp_path: Path) -> SiteKey:
    return SiteKey.load(tmp_path / "site.key", create=True)


@pytest.fixture
async def store(tmp_path: Path, site_key: SiteKey) -> AsyncIterator[Store]:
    store = Store(StoreConfig(tmp_path / "store" / "records.sqlite"), site_key)
    await store.open()
    yield store
    await store.close()


@pytest.fixture
def make_edge(site_key: SiteKey, store: Store) -> Callable[..., Any]:
    """An open edge for client entries; further settings by keyword."""

    @asynccontextmanager
    async def make(*entries: dict[str, Any], **settings: Any) -> AsyncIterator[Edge]:
        edge = Edge(Settings.model_validate({"clients": entries, **settings}), site_key, store)
        async with edge.callers.opened():
            yield edge

    return make


@pytest.fixture
async def edge(make_edge: Any, signer: Signer, rsa_signer: Signer) -> AsyncIterator[Edge]:
    async with make_edge(client_entry(signer, rsa_signer)) as edge:
        yield edge


class KeyHost:
    """A client's host: serves its key set, counts, and can be told to fail."""

    def __init__(self) -> None:
        self.document = b"{}"
        self.status = 200
        self.delay_s = 0.0
        self.location = ""
        self.asked = 0
        host = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                host.asked += 1
                time.sleep(host.delay_s)
                self.send_response(host.status)
                if host.location:
                    self.send_header("Location", host.location)
                self.send_header("Content-Length", str(len(host.document)))
                self.end_headers()
                self.wfile.write(host.document)

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/jwks.json"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def serve(self, *signers: Signer) -> None:
        self.document = key_set(*(each.jwk() for each in signers)).encode()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def key_host() -> Iterator[KeyHost]:
    host = KeyHost()
    yield host
    host.stop()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port: int = listening.getsockname()[1]
        return port


@pytest.fixture
def serve() -> Iterator[Callable[..., str]]:
    """uvicorn in a thread with these certificates and options; its address."""
    stops: list[Callable[[], None]] = []

    def start(app: Any, certificates: Certificates, **options: Any) -> str:
        listening = socket.create_server(("127.0.0.1", 0))
        config = uvicorn.Config(
            app,
            log_config=None,
            lifespan="off",
            proxy_headers=False,
            http=connection_factory(
                Connections(ConnectionBounds(), clock=time.monotonic), certificates.context
            ),
            **options,
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
        thread.start()

        def stop() -> None:
            server.should_exit = True
            thread.join(10)
            listening.close()

        stops.append(stop)
        return f"https://127.0.0.1:{listening.getsockname()[1]}"

    yield start
    for stop in stops:
        stop()
