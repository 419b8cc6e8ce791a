"""Edges of what may be spoken to and started: on and beyond each."""

from __future__ import annotations

import pytest

from cds_hooks.trust.egress.destinations import DestinationInvalid, parse
from cds_hooks.trust.egress.lock import Program
from cds_hooks.trust.egress.sockets import read_table

PYTHON = "/usr/bin/python3"
PROGRAM = Program(PYTHON, "cds_hooks.inference.worker")
MODULE = ["-m", "cds_hooks.inference.worker"]


@pytest.mark.parametrize(
    ("executable", "arguments", "runs"),
    [
        (PYTHON, ["python3", *MODULE], True),
        (PYTHON, ["python3", "-P", "-s", *MODULE, "5", "more"], True),
        (PYTHON, ["python3", "-s", *MODULE, "-c", "x"], True),  # arguments of the module's own
        ("/usr/bin/other", ["python3", *MODULE], False),
        (PYTHON, ["python3", "-c", "x", *MODULE], False),
        (PYTHON, ["python3", "-i", *MODULE], False),
        (PYTHON, ["python3", "-m", "http.server"], False),
        (PYTHON, ["python3", "-m"], False),
        (PYTHON, ["python3", "script.py"], False),
        (PYTHON, [], False),
    ],
)
def test_which_arguments_run_the_program(executable: str, arguments: list[str], runs: bool) -> None:
    assert PROGRAM.is_run_by(executable, arguments) is runs


@pytest.mark.parametrize(("length", "good"), [(2047, True), (2048, True), (2049, False)])
def test_the_longest_destination(length: int, good: bool) -> None:
    start = "https://ehr.hospital.example/"
    text = start + "x" * (length - len(start))
    if good:
        assert parse(text).host == "ehr.hospital.example"
    else:
        with pytest.raises(DestinationInvalid, match="too long"):
            parse(text)


@pytest.mark.parametrize(
    ("port", "good"), [("0", False), ("1", True), ("65535", True), ("65536", False)]
)
def test_the_ports_of_a_destination(port: str, good: bool) -> None:
    if good:
        assert parse(f"ehr.hospital.example:{port}").port == int(port)
    else:
        with pytest.raises(DestinationInvalid, match="names no port"):
            parse(f"https://ehr.hospital.example:{port}")


ROW = (
    "   0: 0100007F:1F4A 00000000:0000 {:02X} 00000000:00000000 00:00000000 00000000     0"
    "        0 4711 2 0000000000000000 0"
)


@pytest.mark.parametrize(
    ("kind", "state", "word"),
    [
        # The kernel's states (include/net/tcp_states.h): 1 established, 7 closed, 10 listening.
        ("tcp", 1, "connected"),
        ("tcp", 10, "listening"),
        ("tcp", 7, "other"),
        ("tcp", 8, "other"),
        ("tcp", 6, "other"),
        ("udp", 7, "listening"),
        ("udp", 8, "other"),
        ("udp", 6, "other"),
        ("udp", 1, "connected"),
    ],
)
def test_the_states_of_sockets(kind: str, state: int, word: str) -> None:
    (found,) = read_table(kind, f"  sl  local_address ...\n{ROW.format(state)}")
    assert (found.kind, found.state, found.inode) == (kind, word, 4711)
    assert found.local == ("127.0.0.1", 8010)
