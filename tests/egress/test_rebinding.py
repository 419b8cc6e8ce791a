"""A listed name leads only to addresses that were checked, whatever its name server says."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from cds_hooks.trust.egress import AllowList, EgressLock, EgressRefused, hook, parse, scoped
from cds_hooks.trust.egress.transport import LockedTransport

pytestmark = pytest.mark.enable_socket
NAME = "fhir.hospital.example"


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[str]]:
    """`answers(["10.0.0.5"], ["127.0.0.1"])`: a name server that says another thing each time."""
    asked: list[str] = []
    # The lock puts back what it takes for the real one, which here is the made one.
    monkeypatch.setattr(socket, "getaddrinfo", socket.getaddrinfo)

    def make(*turns: list[str]) -> list[str]:
        said = iter(turns)

        def resolve(host: Any, port: Any, *_: Any, **__: Any) -> list[Any]:
            asked.append(host)
            found = next(said)
            return [
                (socket.AF_INET6 if ":" in ip else socket.AF_INET, 1, 6, "", (ip, port))
                for ip in found
            ]

        monkeypatch.setattr(hook, "_real_getaddrinfo", resolve)
        return asked

    yield_: Callable[..., list[str]] = make
    return yield_


def _lock(*listed: str, networks: tuple[str, ...] = ()) -> EgressLock:
    return EgressLock(AllowList((parse(text) for text in listed), networks))


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "127.8.8.8", "::1", "0.0.0.0", "::", "169.254.169.254", "169.254.0.7",
        "fe80::1", "fd00:ec2::254", "100.100.100.200", "168.63.129.16", "224.0.0.1", "ff02::1",
        "255.255.255.255", "240.0.0.1", "::ffff:127.0.0.1", "::ffff:169.254.169.254",
        "64:ff9b::a9fe:a9fe", "2002:7f00:1::1", "2002:a9fe:a9fe::",
    ],
)  # fmt: skip
def test_no_name_leads_to_this_machine_or_a_metadata_service(
    answers: Callable[..., list[str]], address: str
) -> None:
    answers([address])
    with scoped(_lock(f"https://{NAME}")) as lock:
        with pytest.raises(EgressRefused):
            socket.getaddrinfo(NAME, 443)
        assert lock.counts == {"address": 1}


def test_of_several_addresses_only_the_fit_ones_are_handed_out(
    answers: Callable[..., list[str]],
) -> None:
    answers(["169.254.169.254", "10.0.0.5", "127.0.0.1"])
    with scoped(_lock(f"https://{NAME}")):
        found = socket.getaddrinfo(NAME, 443)
    assert [item[4][0] for item in found] == ["10.0.0.5"]


def test_only_the_address_that_was_checked_is_connected_to(
    answers: Callable[..., list[str]],
) -> None:
    """The second answer of a rebinding server never was checked for anybody."""
    answers(["10.0.0.5"])
    lock = _lock(f"https://{NAME}")
    with scoped(lock):
        socket.getaddrinfo(NAME, 443)
    lock.connect("10.0.0.5", 443)
    for host, port in (("10.0.0.6", 443), ("10.0.0.5", 80), ("127.0.0.1", 443)):
        with pytest.raises(EgressRefused):
            lock.connect(host, port)


def test_a_checked_address_is_good_for_a_while_only() -> None:
    now = [0.0]
    lock = EgressLock(AllowList([parse(f"https://{NAME}")]), clock=lambda: now[0])
    assert lock.resolved(NAME, ["10.0.0.5"]) == {"10.0.0.5"}
    lock.connect("10.0.0.5", 443)
    now[0] = 61.0
    with pytest.raises(EgressRefused):
        lock.connect("10.0.0.5", 443)


def test_an_original_resolver_that_somebody_kept_gives_no_way_to_connect(
    answers: Callable[..., list[str]],
) -> None:
    answers(["127.0.0.1"])
    lock = _lock(f"https://{NAME}")
    with scoped(lock):
        [kept] = hook._real_getaddrinfo(NAME, 443)
        with pytest.raises(EgressRefused), socket.socket() as sock:
            sock.connect(kept[4])


def test_names_must_lie_in_the_listed_networks() -> None:
    lock = _lock(f"https://{NAME}", networks=("10.0.0.0/8", "fd12::/16"))
    assert lock.resolved(NAME, ["10.1.2.3", "192.168.1.1", "fd12::1"]) == {"10.1.2.3", "fd12::1"}
    with pytest.raises(EgressRefused):
        lock.resolved(NAME, ["203.0.113.9"])


def test_loopback_is_for_names_of_this_machine_and_for_what_lists_it() -> None:
    assert _lock("http://localhost:8443").resolved("localhost", ["127.0.0.1"])
    assert _lock(f"https://{NAME}:8443", "127.0.0.1:8443").resolved(NAME, ["127.0.0.1"])
    with pytest.raises(EgressRefused):
        _lock(f"https://{NAME}:443", "127.0.0.1:8443").resolved(NAME, ["127.0.0.1"])


@pytest.fixture
def served() -> Iterator[int]:
    """A server that counts as reached when somebody connects."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.2)
        yield server.getsockname()[1]
        with pytest.raises(TimeoutError):
            server.accept()


async def test_an_http_client_is_not_led_to_loopback_by_the_second_answer(
    answers: Callable[..., list[str]], served: int
) -> None:
    """The whole way: httpx, asyncio, the resolver, the socket; nobody connects to `served`."""
    asked = answers(["127.0.0.1"], ["127.0.0.1"])
    lock = _lock(f"http://{NAME}:{served}")
    with scoped(lock):
        transport = LockedTransport(httpx.AsyncHTTPTransport(trust_env=False), lock)
        async with httpx.AsyncClient(transport=transport) as client:
            with pytest.raises(httpx.ConnectError):
                await client.get(f"http://{NAME}:{served}/metadata")
    assert asked
    assert lock.counts["address"] == 1
