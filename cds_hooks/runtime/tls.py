"""The service's own TLS, from settings, and its renewal without a restart."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator

from cds_hooks.app.tls import Certificates, TlsFiles
from cds_hooks.operation import get_logger
from cds_hooks.settings import Settings

__all__ = ["certificates_of", "kept_fresh"]


def certificates_of(settings: Settings) -> Certificates | None:
    """What the settings name; None where there is no TLS in the service. Raises TlsUnusable."""
    tls = settings.tls
    if tls.certificate is None or tls.key is None:
        return None
    return Certificates(TlsFiles(tls.certificate, tls.key, tls.client_authority, tls.least))


@contextlib.asynccontextmanager
async def kept_fresh(certificates: Certificates | None, every_s: float) -> AsyncIterator[None]:
    """Take up changed files while the block runs, and at once on SIGHUP."""
    loop = asyncio.get_running_loop()
    if certificates is None:
        yield
        return
    loop.add_signal_handler(signal.SIGHUP, lambda: _told(certificates.try_reload()))
    watching = asyncio.create_task(certificates.watch(every_s, _told), name="tls-files")
    try:
        yield
    finally:
        watching.cancel()
        loop.remove_signal_handler(signal.SIGHUP)


def _told(code: str) -> None:
    if code:
        get_logger().error("tls-files-not-taken-up", code=code)
    else:
        get_logger().info("tls-files-taken-up")
