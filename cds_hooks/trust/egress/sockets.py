"""The sockets of a process, as the kernel tells of them (`/proc/PID/net`, `/proc/PID/fd`).

Source of the format: the kernel's `Documentation/networking/proc_net_tcp.rst`.
"""

from __future__ import annotations

import ipaddress
import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Socket", "children", "is_listened_on", "listener", "read_table", "sockets_of"]

_PROC = Path("/proc")
_LISTEN, _ESTABLISHED = 0x0A, 0x01
_ROW = re.compile(
    r"\s*\d+: (?P<local>[0-9A-F]{8,32}):(?P<port>[0-9A-F]{4}) "
    r"(?P<remote>[0-9A-F]{8,32}):(?P<there>[0-9A-F]{4}) (?P<state>[0-9A-F]{2}) "
    r"\S+ \S+ \S+\s+\d+\s+\d+ (?P<inode>\d+)\b"
)


@dataclass(frozen=True, slots=True)
class Socket:
    """`kind` is tcp or udp; `state` is listening, connected or other; the remote may be empty."""

    kind: str
    state: str
    local: tuple[str, int]
    remote: tuple[str, int]
    inode: int


def read_table(kind: str, text: str) -> Iterator[Socket]:
    """The sockets of one of the kernel's tables; a line that is none of its rows is passed over."""
    for line in text.splitlines():
        if match := _ROW.match(line):
            local, remote = _host(match["local"]), _host(match["remote"])
            state = int(match["state"], 16)
            words = {_LISTEN: "listening", _ESTABLISHED: "connected"}
            # A UDP socket that is not connected has the state that TCP calls "closed".
            word = "listening" if kind == "udp" and state == 7 else words.get(state, "other")
            there = int(match["there"], 16)
            ours = (local, int(match["port"], 16))
            yield Socket(kind, word, ours, (remote, there), int(match["inode"]))


def sockets_of(process: int | str) -> list[Socket]:
    """The TCP and UDP sockets that a process holds; none where it may not be looked at."""
    own = _inodes(process)
    tables = (("tcp", "tcp"), ("tcp", "tcp6"), ("udp", "udp"), ("udp", "udp6"))
    found: list[Socket] = []
    for kind, name in tables:
        found += read_table(kind, _text(_PROC / str(process) / "net" / name))
    return [each for each in found if each.inode in own]


def listener(port: int) -> int | None:
    """The process of ours that listens on a TCP port, if there is one that may be looked at."""
    for process in _processes():
        held = sockets_of(process) if _inodes(process) else []
        wanted = (each for each in held if each.kind == "tcp" and each.state == "listening")
        if any(each.local[1] == port for each in wanted):
            return process
    return None


def is_listened_on(port: int) -> bool:
    """Whether anybody listens on a TCP port, also a process that may not be looked at."""
    tables = (_text(_PROC / "self" / "net" / name) for name in ("tcp", "tcp6"))
    listed = (each for table in tables for each in read_table("tcp", table))
    return any(each.state == "listening" and each.local[1] == port for each in listed)


def children(process: int) -> list[int]:
    """The processes that a process began."""
    return [each for each in _processes() if _parent(each) == process]


def _processes() -> Iterable[int]:
    return sorted(int(each.name) for each in _PROC.iterdir() if each.name.isdecimal())


def _parent(process: int) -> int:
    match = re.search(r"^PPid:\s+(\d+)", _text(_PROC / str(process) / "status"), re.MULTILINE)
    return int(match[1]) if match else 0


def _inodes(process: int | str) -> set[int]:
    found = set()
    try:
        for place in (_PROC / str(process) / "fd").iterdir():
            match = re.fullmatch(r"socket:\[(\d+)\]", _link(place))
            found |= {int(match[1])} if match else set()
    except OSError:
        return set()
    return found


def _link(place: Path) -> str:
    try:
        return os.readlink(place)  # noqa: PTH115 - a Path would make something else of it
    except OSError:
        return ""


def _text(path: Path) -> str:
    try:
        return path.read_text("ascii", "replace")
    except OSError:
        return ""


def _host(digits: str) -> str:
    """Words of four bytes in the machine's order, which is little-endian where this runs."""
    raw = bytes.fromhex(digits[: len(digits) - len(digits) % 8])
    turned = b"".join(raw[at : at + 4][::-1] for at in range(0, len(raw), 4))
    if len(turned) not in {4, 16}:
        return ""
    address = ipaddress.ip_address(turned)
    mapped = getattr(address, "ipv4_mapped", None)
    return str(mapped or address)
