"""Whatever Python code tries: only what is listed is spoken to, looked up, bound or started."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest

from cds_hooks.trust.egress import (
    AllowList,
    EgressLock,
    EgressRefused,
    Program,
    RefusedAccess,
    parse,
    scoped,
)

pytestmark = pytest.mark.enable_socket
NOBODYS = "192.0.2.7"  # RFC 5737: no packet would arrive, and none is sent


@pytest.fixture
def listening() -> Iterator[int]:
    """A port of loopback on which somebody listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def _lock(*listed: str, told: Callable[[RefusedAccess], None] = lambda _: None) -> EgressLock:
    allowed = AllowList(parse(text, "egress.allow") for text in listed)
    program = Program(sys.executable, "cds_hooks.inference.worker")
    return EgressLock(allowed, listeners=[("127.0.0.1", 0)], programs=[program], tell=told)


def test_a_listed_address_is_spoken_to_and_its_neighbour_is_not(listening: int) -> None:
    other = socket.create_server(("127.0.0.1", 0))
    with other, scoped(_lock(f"127.0.0.1:{listening}")) as lock:
        socket.create_connection(("127.0.0.1", listening), 2).close()
        with pytest.raises(EgressRefused):
            socket.create_connection(("127.0.0.1", other.getsockname()[1]), 2)
    assert lock.counts == {"connect": 1}


def test_an_ipv4_address_in_ipv6_clothes_is_the_same_address(listening: int) -> None:
    with scoped(_lock(f"127.0.0.1:{listening}")), socket.socket(socket.AF_INET6) as sock:
        with pytest.raises(EgressRefused):
            sock.connect(("::ffff:169.254.169.254", 80))
        with pytest.raises(EgressRefused):
            sock.connect((f"::ffff:{NOBODYS}", listening))


_FORBIDDEN: dict[str, tuple[str, Callable[[], object]]] = {
    "connect": ("connect", lambda: _sock().connect((NOBODYS, 443))),
    "connect_ex": ("connect", lambda: _sock().connect_ex((NOBODYS, 443))),
    "a name that C would resolve": ("connect", lambda: _sock().connect(("localhost", 80))),
    "metadata": ("connect", lambda: _sock().connect(("169.254.169.254", 80))),
    "sendto": ("send", lambda: _udp().sendto(b"x", (NOBODYS, 53))),
    "sendmsg": ("send", lambda: _udp().sendmsg([b"x"], [], 0, (NOBODYS, 53))),
    "udp connect": ("send", lambda: _udp().connect((NOBODYS, 53))),
    "lookup": ("lookup", lambda: socket.getaddrinfo("chart.example.org", 443)),
    "gethostbyname": ("lookup", lambda: socket.gethostbyname("chart.example.org")),
    "gethostbyaddr": ("lookup", lambda: socket.gethostbyaddr(NOBODYS)),
    "getnameinfo": ("lookup", lambda: socket.getnameinfo((NOBODYS, 80), 0)),
    "bind": ("listen", lambda: _sock().bind(("0.0.0.0", 0))),
    "a local socket": (
        "connect",
        lambda: _sock(socket.AF_UNIX).connect("/run/docker.sock"),
    ),
    "a local server": ("listen", lambda: _sock(socket.AF_UNIX).bind("/tmp/chartside-x")),
    "subprocess": ("program", lambda: subprocess.run(["/bin/true"], check=False)),
    "a shell": ("program", lambda: subprocess.run("true", shell=True, check=False)),
    "python with code": (
        "program",
        lambda: subprocess.run([sys.executable, "-c", ""], check=False),
    ),
    "the engine's words with code before": (
        "program",
        lambda: subprocess.run(
            [sys.executable, "-c", "", "-m", "cds_hooks.inference.worker"], check=False
        ),
    ),
    "os.system": ("program", lambda: os.system("true")),
    "posix_spawn": ("program", lambda: os.posix_spawn("/bin/true", ["true"], {})),
    "posix_spawn of python with code": (
        "program",
        lambda: os.posix_spawn(sys.executable, [sys.executable, "-c", ""], {}),
    ),
    "exec": ("program", lambda: os.execv("/nonexistent", ["x"])),
}


_made: list[socket.socket] = []


def _sock(family: int = socket.AF_INET, kind: int = socket.SOCK_STREAM) -> socket.socket:
    _made.append(socket.socket(family, kind))
    return _made[-1]


def _udp() -> socket.socket:
    return _sock(kind=socket.SOCK_DGRAM)


@pytest.mark.parametrize("name", _FORBIDDEN)
def test_every_other_way_out_is_refused_counted_and_told(name: str) -> None:
    way, attempt = _FORBIDDEN[name]
    told: list[RefusedAccess] = []
    with scoped(_lock(told=told.append)) as lock, pytest.raises(EgressRefused) as refused:
        attempt()
    while _made:
        _made.pop().close()
    assert refused.value.code == "egress-refused"
    assert isinstance(refused.value, OSError)
    assert lock.counts == {way: 1}
    assert [refusal.way for refusal in told] == [way]


async def test_asyncio_is_held_as_well(listening: int) -> None:
    with scoped(_lock(f"127.0.0.1:{listening}")):
        _, writer = await asyncio.open_connection("127.0.0.1", listening)
        writer.close()
        with pytest.raises(EgressRefused):
            await asyncio.open_connection(NOBODYS, 443)
        with pytest.raises(EgressRefused):
            await asyncio.open_connection("chart.example.org", 443)


async def test_the_engine_process_can_be_started() -> None:
    with scoped(_lock()) as lock:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-P", "-s", "-m", "cds_hooks.inference.worker", "0",
            stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        await process.wait()
    assert lock.counts == {}


def test_a_refusal_names_no_more_than_a_host_and_a_port() -> None:
    told: list[RefusedAccess] = []
    with scoped(_lock(told=told.append)):
        for host in ("mrn 1234 smith", ".".join(["x" * 50] * 6), "jane\nsmith", "plain.example"):
            with pytest.raises(EgressRefused) as refused:
                socket.getaddrinfo(host, 443)
            assert host not in refused.value.diagnostics()
    assert {refusal.host for refusal in told} == {"other", "plain.example"}


def test_the_same_refusal_is_told_once_a_minute_and_counted_each_time() -> None:
    now, told = [0.0], list[RefusedAccess]()
    lock = EgressLock(AllowList(()), tell=told.append, clock=lambda: now[0])
    for at in (0.0, 1.0, 59.0, 61.0):
        now[0] = at
        with pytest.raises(EgressRefused):
            lock.connect(NOBODYS, 443)
    assert len(told) == 2
    assert lock.counts == {"connect": 4}


def test_whoever_is_told_may_itself_be_refused() -> None:
    def tell(_: RefusedAccess) -> None:
        with pytest.raises(EgressRefused):
            lock.connect(NOBODYS, 514)

    lock = EgressLock(AllowList(()), tell=tell)
    with pytest.raises(EgressRefused):
        lock.connect(NOBODYS, 443)
    assert lock.counts == {"connect": 2}


def test_a_second_lock_does_not_take_the_first_ones_place() -> None:
    with scoped(_lock()), pytest.raises(RuntimeError), scoped(_lock("127.0.0.1:1")):
        pass
