"""The kernel's tables of sockets, real ones and any text."""

from __future__ import annotations

import os
import socket
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds_hooks.trust.egress.sockets import Socket, is_listened_on, listener, read_table, sockets_of

linux = pytest.mark.skipif(sys.platform != "linux", reason="the tables are Linux's")


@linux
@pytest.mark.enable_socket
@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_a_process_s_own_sockets_are_found(host: str) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.create_server((host, 0), family=family) as server:
        place = (host, server.getsockname()[1])
        with socket.create_connection(place) as client:
            held = sockets_of(os.getpid())
            assert ("listening", place) in [(each.state, each.local) for each in held]
            ours = [each for each in held if each.local == client.getsockname()[:2]]
            assert [(each.state, each.remote) for each in ours] == [("connected", place)]
            assert listener(place[1]) == os.getpid()
            assert is_listened_on(place[1])


@given(st.text(alphabet="0123456789ABCDEF: \n", max_size=300))
def test_any_table_gives_sockets_or_nothing(text: str) -> None:
    assert all(isinstance(each, Socket) for each in read_table("tcp", text))


@given(st.binary(min_size=4, max_size=16), st.integers(0, 65535), st.integers(0, 2**31))
def test_a_row_gives_its_numbers(address: bytes, port: int, inode: int) -> None:
    digits = address.hex().upper()
    row = f"  0: {digits}:{port:04X} 00000000:0000 0A 0:0 0:0 0 0 0 {inode} 1 x"
    found = list(read_table("tcp", row))
    assert [(each.local[1], each.inode) for each in found] in ([], [(port, inode)])
    assert found
