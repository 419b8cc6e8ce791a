"""Lock this process as the service is locked, try ways out, tell what came of each.

`python -m cds_hooks.runtime.egress_selftest [SETTINGS]` writes one JSON object of attempts. No
packet leaves: what is tried goes to addresses that are nobody's (RFC 5737, RFC 3849), and where a
lock were missing, a connection that does not block is begun and closed at once.
"""

from __future__ import annotations

import ctypes
import errno
import json
import os
import socket
import struct
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from cds_hooks.runtime.egress import lock_egress
from cds_hooks.settings import load_settings
from cds_hooks.trust.egress.egress_errors import EgressRefused
from cds_hooks.trust.egress.lock import EgressLock

__all__ = ["main"]

_NOBODYS, _NOBODYS_6 = "192.0.2.1", "2001:db8::1"
_METADATA = "169.254.169.254"
_NAME = "chartside-selftest.invalid"  # RFC 2606
_PORT = 9


def main() -> int:
    """0 when everything was refused, 1 otherwise, 2 when the settings leave the lock off."""
    settings = load_settings(Path(sys.argv[1]) if len(sys.argv) > 1 else None)
    lock = lock_egress(settings, settings.server.port)
    if lock is None:
        sys.stdout.write(json.dumps({"lock": "off"}))
        return 2
    tried = {name: _result(attempt) for name, attempt in _attempts(lock)}
    sys.stdout.write(json.dumps(tried))
    return int("open" in tried.values())


def _result(attempt: Callable[[], object]) -> str:
    try:
        attempt()
    except EgressRefused as refused:
        return f"refused ({refused.code})"
    except PermissionError as refused:
        return f"refused ({errno.errorcode[refused.errno or errno.EPERM]} by the kernel)"
    except OSError:
        return "open"
    return "open"


def _attempts(lock: EgressLock) -> Iterator[tuple[str, Callable[[], object]]]:
    yield "connect to another machine", lambda: _connect(_NOBODYS)
    yield "connect to another machine by IPv6", lambda: _connect(_NOBODYS_6)
    yield "connect to the metadata service", lambda: _connect(_METADATA, 80)
    yield "connect to another service of this machine", lambda: _connect("127.0.0.1", 1)
    yield "send by UDP to another machine", _send
    yield "look another name up", lambda: socket.getaddrinfo(_NAME, 443)
    yield "listen on another port", lambda: socket.socket().bind(("127.0.0.1", 0))
    yield "start a program", lambda: subprocess.run(["/bin/true"], check=False)
    yield "start a shell", lambda: os.system("true")  # noqa: S605, S607
    for item in lock.allowed.destinations:
        if item.scheme != "unix" and item.address is None:
            name = f"follow {item.host} to the metadata service"
            yield name, lambda host=item.host: lock.resolved(host, [_METADATA])  # type: ignore[misc]
    if _PORT not in lock.allowed.ports:
        yield "connect from native code to a port that is not listed", _connect_natively


def _connect(host: str, port: int = _PORT) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as sock:
        sock.setblocking(False)
        sock.connect((host, port))


def _send() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.connect((_NOBODYS, _PORT))


def _connect_natively() -> None:
    """As libpq would: the audit hook sees nothing of it, Landlock does."""
    libc = ctypes.CDLL(None, use_errno=True)
    port, address = struct.pack("!H", _PORT), socket.inet_aton(_NOBODYS)
    place = struct.pack("=H", socket.AF_INET) + port + address + bytes(8)
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as sock:
        sock.setblocking(False)
        if libc.connect(sock.fileno(), place, len(place)) < 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))


if __name__ == "__main__":
    sys.exit(main())
