"""Whether an address is this machine's own, by one rule on every Python."""

from __future__ import annotations

import ipaddress

__all__ = ["is_loopback"]


def is_loopback(address: str | ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    """Whether it lies in 127.0.0.0/8 (RFC 1122, 3.2.1.3) or is ::1 (RFC 4291, 2.5.3).

    An IPv4 address written as IPv6 (::ffff:127.0.0.1) is none: from Python 3.13 on `ipaddress`
    judges it by what is inside, before it did not, and a proxy may read it in either way. Who
    wants the address inside takes it out first. Raises ValueError for a text that is no address.
    """
    found = ipaddress.ip_address(address)
    mapped = isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped is not None
    return found.is_loopback and not mapped
