"""What is refused whatever else the settings say, until the service can tell who calls."""

from __future__ import annotations

import ipaddress
import socket

from cds_hooks.settings.errors import BindNotLoopback, ProfileNotAvailable, SettingsError
from cds_hooks.settings.production import lacks
from cds_hooks.settings.sections import Settings

__all__ = ["require_loopback", "require_profile"]


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


def require_loopback(host: str) -> None:
    """Refuse a host unless every address it has is this machine's own."""
    try:
        found = {str(item[4][0]) for item in socket.getaddrinfo(host, None)}
    except (OSError, UnicodeError):
        raise SettingsError("the host has no address", where="server.host") from None
    if not found or not all(ipaddress.ip_address(address).is_loopback for address in found):
        raise BindNotLoopback(
            "the service binds to loopback only until client tokens exist",
            where="server.host",
            hint="Use 127.0.0.1 or ::1.",
        )
