"""Redirects across hosts: not followed by any client, whatever it is told about redirects."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer

import httpx
import pytest

from cds_hooks.gather import GatherConfig, open_http
from cds_hooks.gather.fhir_client import FhirClient, ReadError
from cds_hooks.gather.server_base import ServerBase
from cds_hooks.inference.remote.address import ServerAddress
from cds_hooks.inference.remote.http_exchange import ConnectionBounds, ServerConnection
from cds_hooks.inference.remote.server_faults import ServerFault
from cds_hooks.trust.egress import AllowList, EgressLock, parse, scoped
from cds_hooks.trust.egress.transport import LockedTransport

pytestmark = pytest.mark.enable_socket


@dataclass
class Place:
    """An HTTP server that sends everybody to `to`, and remembers what came."""

    port: int = 0
    to: str = ""
    status: int = 302
    seen: list[tuple[str, str | None]] = field(default_factory=list)

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@pytest.fixture
def places() -> Iterator[tuple[Place, Place]]:
    """Two of them."""
    made, servers = (Place(), Place()), list[HTTPServer]()
    for place in made:
        server = HTTPServer(("127.0.0.1", 0), _handler(place))
        place.port = server.server_address[1]
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        servers.append(server)
    yield made
    for server in servers:
        server.shutdown()
        server.server_close()


def _handler(place: Place) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            place.seen.append((self.path, self.headers.get("Authorization")))
            self.send_response(place.status if place.to else 200)
            if place.to:
                self.send_header("Location", place.to)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *_: object) -> None:
            return

    return Handler


def _lock(*places: Place) -> EgressLock:
    return EgressLock(AllowList(parse(place.base) for place in places))


def _locked(lock: EgressLock) -> LockedTransport:
    return LockedTransport(httpx.AsyncHTTPTransport(trust_env=False), lock)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_client_that_follows_redirects_does_not_follow_one_to_another_host(
    places: tuple[Place, Place], status: int
) -> None:
    """Even when both are listed: the token that the first was sent is none of the second's."""
    first, second = places
    first.to, first.status = f"{second.base}/elsewhere", status
    lock = _lock(first, second)
    with scoped(lock):
        async with httpx.AsyncClient(transport=_locked(lock), follow_redirects=True) as client:
            answer = await client.get(first.base, headers={"Authorization": "Bearer secret"})
    assert answer.status_code == status
    assert "location" not in answer.headers
    assert second.seen == []
    assert lock.counts == {"redirect": 1}


async def test_a_redirect_within_a_host_is_left_to_the_client(
    places: tuple[Place, Place],
) -> None:
    first, _ = places
    first.to = "/again"
    lock = _lock(first)
    with scoped(lock):
        async with httpx.AsyncClient(transport=_locked(lock)) as client:
            answer = await client.get(first.base)
    assert answer.headers["location"] == "/again"
    assert lock.counts == {}


@pytest.mark.parametrize("to", ["http://[::1", "//other.example/x", "ftp://x/", "https://{base}"])
async def test_odd_locations_are_no_way_out(places: tuple[Place, Place], to: str) -> None:
    first, second = places
    first.to = to.format(base=first.base.removeprefix("http://"))
    lock = _lock(first, second)
    with scoped(lock):
        async with httpx.AsyncClient(transport=_locked(lock), follow_redirects=True) as client:
            answer = await client.get(first.base)
    assert answer.status_code == 302
    assert lock.counts == {"redirect": 1}


async def test_the_fhir_client_reads_nothing_where_it_is_sent(
    places: tuple[Place, Place],
) -> None:
    first, second = places
    first.to = f"{second.base}/Patient/1"
    lock, base = _lock(first, second), ServerBase.parse(f"http://127.0.0.1:{first.port}")
    assert base is not None
    config = GatherConfig(allowed_bases=(first.base,))
    with scoped(lock):
        async with open_http(config, transport=_locked(lock)) as pool:
            client = FhirClient(pool, base, "secret", config, ends=float("inf"))
            with pytest.raises(ReadError) as failed:
                await client.read("Patient/1")
    assert failed.value.code.value == "redirected"
    assert [token for _, token in first.seen] == ["Bearer secret"]
    assert second.seen == []


async def test_the_fhir_client_reads_nothing_from_a_server_that_the_lock_does_not_know(
    places: tuple[Place, Place],
) -> None:
    """Below `gather`'s own check of redirects, as if that had a hole."""
    first, second = places
    lock, base = _lock(second), ServerBase.parse(first.base)
    assert base is not None
    config = GatherConfig(allowed_bases=(first.base,))
    with scoped(lock):
        async with open_http(config, transport=_locked(lock)) as pool:
            client = FhirClient(pool, base, "secret", config, ends=float("inf"))
            with pytest.raises(ReadError) as failed:
                await client.read("Patient/1")
    assert failed.value.code.value == "unreachable"
    assert first.seen == []
    assert lock.counts == {"request": 1}


async def test_a_model_server_cannot_send_a_chart_on(places: tuple[Place, Place]) -> None:
    first, second = places
    first.to = f"{second.base}/v1/models"
    lock = _lock(first, second)
    with scoped(lock):
        exchange = ServerConnection(
            ServerAddress.parse(first.base),
            ConnectionBounds(),
            guard=lambda t: LockedTransport(t, lock),
        )
        with pytest.raises(ServerFault):
            await exchange.json("/v1/models", within_s=5)
        await exchange.close()
    assert first.seen
    assert second.seen == []
    assert lock.counts == {"redirect": 1}


async def test_the_socket_is_held_also_where_a_client_has_no_such_transport(
    places: tuple[Place, Place],
) -> None:
    first, second = places
    with scoped(_lock(first)) as lock:
        async with httpx.AsyncClient(trust_env=False) as client:
            assert (await client.get(first.base)).status_code == 200
            with pytest.raises(httpx.ConnectError):
                await client.get(second.base)
    assert second.seen == []
    assert lock.counts == {"connect": 1}
