"""TLS by certificate files, read again while the service runs.

New connections get what was read last; those that are open keep what they began with. Sessions are
not resumed by ticket: one could otherwise outlive the authority that let its caller in.
"""

from __future__ import annotations

import asyncio
import ssl
import stat
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from cds_hooks.errors import ChartsideError
from cds_hooks.private_files import chmod_hint

__all__ = ["Certificates", "TlsFiles", "TlsUnusable"]

_LEAST = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}


class TlsUnusable(ChartsideError):
    """Certificate, key or authority cannot be used."""

    code = "tls-files-unusable"
    status = 400


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """PEM files. With `client_authority` every caller must show a certificate of it."""

    certificate: Path
    key: Path
    client_authority: Path | None = None
    least: str = "1.2"

    @property
    def paths(self) -> tuple[Path, ...]:
        """All that is read."""
        more = (self.client_authority,) if self.client_authority else ()
        return (self.certificate, self.key, *more)


class Certificates:
    """`context` is for the server and stays the same; `reload` changes what it hands out.

    Raises TlsUnusable at construction; later the files in force stay in force when new ones fail.
    """

    def __init__(self, files: TlsFiles) -> None:
        self._files = files
        self._seen = _stamp(files)
        self._current = _context(files)
        self.context = _context(files)
        self.context.sni_callback = self._choose

    def reload(self) -> None:
        """Read the files now. Raises TlsUnusable, and then nothing has changed."""
        seen = _stamp(self._files)
        self._seen = seen
        self._current = _context(self._files)

    async def watch(self, every_s: float, told: Callable[[str], None]) -> None:
        """Take up changed files, for ever; `told` hears "" or the code of what is wrong."""
        while True:
            await asyncio.sleep(every_s)
            if _stamp(self._files) != self._seen:
                told(self.try_reload())

    def try_reload(self) -> str:
        """`reload`, with an error's code instead of the error."""
        try:
            self.reload()
        except TlsUnusable as error:
            return error.code
        return ""

    def _choose(self, connection: ssl.SSLObject, _name: str | None, _: ssl.SSLContext) -> None:
        """Called for each handshake, also of a client that names no server."""
        connection.context = self._current


def _context(files: TlsFiles) -> ssl.SSLContext:
    _require_private(files.key)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = _LEAST[files.least]
    context.options |= ssl.OP_NO_TICKET | ssl.OP_NO_COMPRESSION | ssl.OP_CIPHER_SERVER_PREFERENCE
    context.num_tickets = 0
    context.set_alpn_protocols(["http/1.1"])
    try:
        context.load_cert_chain(files.certificate, files.key, password=_no_password)
        if files.client_authority is not None:
            context.load_verify_locations(files.client_authority)
            context.verify_mode = ssl.CERT_REQUIRED
    except (OSError, ValueError) as error:
        why = getattr(error, "reason", None) or getattr(error, "strerror", None) or "not PEM"
        hint = (
            "tls.certificate, tls.key and tls.client_authority name PEM files that belong "
            "together, the key without a password."
        )
        where = str(files.certificate)
        raise TlsUnusable(f"TLS files cannot be used ({why})", where=where, hint=hint) from None
    return context


def _no_password() -> str:
    raise ValueError("the key has a password")


def _require_private(key: Path) -> None:
    try:
        mode = key.stat().st_mode
    except OSError as error:
        hint = "Set tls.key to a file that the service's user can read."
        raise TlsUnusable(f"no TLS key ({error.strerror})", where=str(key), hint=hint) from None
    if not stat.S_ISREG(mode) or mode & 0o027:
        message = "others may read or change the TLS key"
        raise TlsUnusable(message, where=str(key), hint=chmod_hint(key))


def _stamp(files: TlsFiles) -> tuple[tuple[int, int, int], ...]:
    """What changes with a file; a file that is gone is a change too."""
    return tuple(_file_stamp(path) for path in files.paths)


def _file_stamp(path: Path) -> tuple[int, int, int]:
    try:
        found = path.stat()
    except OSError:
        return (0, 0, 0)
    return (found.st_mtime_ns, found.st_size, found.st_ino)
