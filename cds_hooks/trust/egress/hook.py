"""The lock beneath everything that Python code does: an audit hook and a checked resolver.

An audit hook (PEP 578) sees each call before it is made and can only refuse it, for good: it is
never taken out again. It does not see an answer of the name server, so `socket.getaddrinfo` is
replaced by one that hands out only checked addresses; whoever kept the original may look up a
listed name, but cannot connect to what came. Native code (libpq, a GPU driver) is not seen here:
the ports that it may use are bounded by Landlock (`cds_hooks/runtime/egress.py`).
"""

from __future__ import annotations

import socket
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from cds_hooks.trust.egress.lock import EgressLock

__all__ = ["install", "installed", "scoped"]

_INET = (socket.AF_INET, socket.AF_INET6)
_real_getaddrinfo = socket.getaddrinfo


class _State:
    lock: EgressLock | None = None
    hooked = False


def install(lock: EgressLock) -> None:
    """Put the lock beneath this process, for as long as it lives."""
    if _State.lock is not None:
        raise RuntimeError("an egress lock is installed already")
    _hook_once()
    socket.getaddrinfo = _getaddrinfo
    _State.lock = lock


def installed() -> EgressLock | None:
    """The lock of this process, if it has one."""
    return _State.lock


@contextmanager
def scoped(lock: EgressLock) -> Iterator[EgressLock]:
    """The same for a while: for tests and for commands that end."""
    install(lock)
    try:
        yield lock
    finally:
        _State.lock = None
        socket.getaddrinfo = _real_getaddrinfo


def _hook_once() -> None:
    if not _State.hooked:
        sys.addaudithook(_audit)
        _State.hooked = True


def _audit(event: str, arguments: tuple[Any, ...]) -> None:
    if event in _CHECKS and (lock := _State.lock) is not None:
        _CHECKS[event](lock, arguments)


def _connect(lock: EgressLock, arguments: tuple[Any, ...]) -> None:
    sock, address = arguments[:2]
    if address is None:  # sendmsg on a connected socket: the connection was checked
        return
    if sock.family in _INET:
        datagram = sock.type != socket.SOCK_STREAM
        lock.connect(_text(address[0]), int(address[1]), datagram=datagram)
    elif sock.family == socket.AF_UNIX:
        lock.local(_text(address))
    else:
        lock.refuse("connect", "other")


def _bind(lock: EgressLock, arguments: tuple[Any, ...]) -> None:
    sock, address = arguments[:2]
    if sock.family in _INET:
        lock.listen(_text(address[0]), int(address[1]))
    else:
        lock.refuse("listen", "other")


def _lookup(lock: EgressLock, arguments: tuple[Any, ...]) -> None:
    host = arguments[0]
    if host is not None and _text(host):
        lock.lookup(_text(host))


def _reverse(lock: EgressLock, _: tuple[Any, ...]) -> None:
    lock.refuse("lookup", "other")


def _popen(lock: EgressLock, arguments: tuple[Any, ...]) -> None:
    executable, given = arguments[:2]
    words = [given] if isinstance(given, str | bytes) else list(given)
    lock.program(_text(executable if executable is not None else words[0]), words)


def _spawn(lock: EgressLock, arguments: tuple[Any, ...]) -> None:
    """From Python 3.13 on `subprocess` calls it beneath its own event: the same rule for both."""
    path, words = arguments[:2]
    lock.program(_text(path), list(words))


def _program(lock: EgressLock, arguments: tuple[Any, ...]) -> None:
    path = arguments[0] if arguments else ""
    lock.refuse("program", _text(path).rpartition("/")[2] or "other")


_CHECKS: Mapping[str, Callable[[EgressLock, tuple[Any, ...]], None]] = {
    "socket.connect": _connect,
    "socket.sendto": _connect,
    "socket.sendmsg": _connect,
    "socket.bind": _bind,
    "socket.getaddrinfo": _lookup,
    "socket.gethostbyname": _lookup,
    "socket.gethostbyaddr": _reverse,
    "socket.getnameinfo": _reverse,
    "subprocess.Popen": _popen,
    "os.exec": _program,
    "os.posix_spawn": _spawn,
    "os.spawn": _program,
    "os.system": _program,
    "os.startfile": _program,
    "pty.spawn": _program,
}


def _getaddrinfo(host: Any, port: Any, *args: Any, **kwargs: Any) -> Any:
    """`socket.getaddrinfo`, of whose answers only the checked addresses are handed out."""
    found = _real_getaddrinfo(host, port, *args, **kwargs)
    lock = _State.lock
    if lock is None or host is None or not _text(host):
        return found
    fit = lock.resolved(_text(host), [str(item[4][0]) for item in found])
    return [item for item in found if str(item[4][0]) in fit]


def _text(value: Any) -> str:
    if isinstance(value, bytes | bytearray):
        return bytes(value).decode("utf-8", "replace")
    return str(value)
