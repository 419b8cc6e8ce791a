"""What is refused whatever else the settings say."""

from __future__ import annotations

import socket

from cds_hooks.addresses import is_loopback
from cds_hooks.settings.client_requirements import secured
from cds_hooks.settings.errors import BindNotLoopback, ProfileNotAvailable, SettingsError
from cds_hooks.settings.production_requirements import lacks
from cds_hooks.settings.schema import Settings

__all__ = ["require_profile", "require_reachable"]


def require_profile(settings: Settings) -> None:
    """Refuse a profile that promises what is not there. Raises ProfileNotAvailable."""
    missing = lacks(settings) if settings.profile == "production" else ()
    if missing:
        told = "; ".join(f"{lack.code} at {lack.key}: {lack.todo}" for lack in missing)
        raise ProfileNotAvailable(
            f"the production profile does not start: {told}",
            where="profile",
            hint="Set what is missing, or use the demo profile on loopback.",
        )


def require_reachable(settings: Settings) -> None:
    """Refuse a host beyond loopback unless callers are known and the way to it is encrypted."""
    host = settings.server.host
    try:
        found = {str(item[4][0]) for item in socket.getaddrinfo(host, None)}
    except (OSError, UnicodeError):
        raise SettingsError("the host has no address", where="server.host") from None
    loopback = all(is_loopback(address) for address in found)
    if not found or not (loopback or secured(settings)):
        raise BindNotLoopback(
            "the service binds to loopback only, unless it has clients and TLS or a proxy",
            where="server.host",
            hint="Use 127.0.0.1 or ::1, or set [[clients]] and [tls] or [proxy].",
        )
