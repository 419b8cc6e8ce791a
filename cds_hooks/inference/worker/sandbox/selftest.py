"""Confine this process as the engine is, try natively what must be refused, print the results.

`python -m cds_hooks.inference.worker.sandbox.selftest` with a load order as JSON on standard input,
beside whose keys `secrets` lists files that the engine must not be able to read. Writes one JSON
object: `confinement` (what `Confinement.facts` says) and `tried`, each with its result.
"""

from __future__ import annotations

import ctypes
import errno
import json
import os
import platform
import socket
import struct
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from cds_hooks.inference.worker.sandbox.confinement import confine

__all__ = ["main"]

_NOBODYS = "192.0.2.1"  # RFC 5737
_PTRACE_SEIZE = 0x4206  # does not stop whom it traces
_IO_URING_SETUP = 425
_WRITE = os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC
_Attempt = Callable[[], int]


def main() -> int:
    """0 when everything was refused, 1 otherwise."""
    order = json.loads(sys.stdin.read())
    done = confine(order)
    tried = {name: _result(attempt) for name, attempt in _attempts(order)}
    sys.stdout.write(json.dumps({"confinement": done.facts(), "tried": tried}))
    return int(not done.holds or any(result == "open" for result in tried.values()))


def _result(attempt: _Attempt) -> str:
    """`refused (EPERM)`, or `open` where the kernel let it pass or failed for another reason."""
    if attempt() >= 0:
        return "open"
    number = ctypes.get_errno()
    refusals = {errno.EPERM, errno.EACCES, errno.EROFS}
    return f"refused ({errno.errorcode[number]})" if number in refusals else "open"


def _attempts(order: Mapping[str, Any]) -> Iterator[tuple[str, _Attempt]]:
    """System calls of the C library, not Python's functions: native code has no others."""
    libc = ctypes.CDLL(None, use_errno=True)
    parent = os.getppid()
    model = os.fsencode(order["model"])
    mode = Path(order["model"]).stat().st_mode & 0o7777

    def opened(path: bytes, flags: int) -> _Attempt:
        return lambda: _open(libc, path, flags)

    yield "connect by TCP to another machine", lambda: _connect(libc, socket.SOCK_STREAM)
    yield "send by UDP to another machine", lambda: _connect(libc, socket.SOCK_DGRAM)
    yield "open a local socket", lambda: int(libc.socket(socket.AF_UNIX, socket.SOCK_STREAM, 0))
    yield "set up io_uring", lambda: int(libc.syscall(_IO_URING_SETUP, 1, bytes(120)))
    yield "write a temporary file", opened(b"/tmp/chartside-selftest", _WRITE)
    yield "write the model's file", opened(model, os.O_WRONLY)
    yield "write beside the model", opened(model + b".chartside-selftest", _WRITE)
    yield "write into the program", opened(os.fsencode(Path(__file__)), os.O_WRONLY)
    yield "change the model's mode", lambda: int(libc.chmod(model, mode))
    yield "read the list of users", opened(b"/etc/passwd", os.O_RDONLY)
    for place, secret in enumerate(order.get("secrets", ())):
        yield f"read secret {place + 1}", opened(os.fsencode(secret), os.O_RDONLY)
    yield "start a program", lambda: _execute(libc)
    yield "signal the service", lambda: int(libc.kill(parent, 0))
    yield "trace the service", lambda: int(libc.ptrace(_PTRACE_SEIZE, parent, None, None))
    yield "read the service's memory", lambda: _peek(libc, parent)
    yield "leave its namespaces", lambda: int(libc.unshare(0x10000000))
    yield "make another process", lambda: _fork(libc)


def _open(libc: ctypes.CDLL, path: bytes, flags: int) -> int:
    """What was made is removed again."""
    place = int(libc.open(path, flags, 0o600))
    if place >= 0 and flags & os.O_CREAT:
        libc.unlink(path)
    return place


def _connect(libc: ctypes.CDLL, kind: int) -> int:
    sock = int(libc.socket(socket.AF_INET, kind, 0))
    if sock < 0:
        return sock
    packed = struct.pack("=H", socket.AF_INET) + struct.pack("!H", 9) + socket.inet_aton(_NOBODYS)
    libc.fcntl(sock, 4, os.O_NONBLOCK)
    return int(libc.connect(sock, packed + bytes(8), 16))


def _execute(libc: ctypes.CDLL) -> int:
    """A program that is not there: where this is not refused, it says so and nothing is lost."""
    nothing = (ctypes.c_char_p * 1)(None)
    return int(libc.execve(b"/nonexistent/chartside", nothing, nothing))


def _peek(libc: ctypes.CDLL, process: int) -> int:
    number = {"x86_64": 310, "aarch64": 270}.get(platform.machine(), 310)
    return int(libc.syscall(number, process, None, 0, None, 0, 0))


def _fork(libc: ctypes.CDLL) -> int:
    made = int(libc.fork())
    if made == 0:
        os._exit(0)
    return made


if __name__ == "__main__":
    sys.exit(main())
