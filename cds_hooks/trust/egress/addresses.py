"""Which addresses a listed name may lead to: none of this host's own, none that is nobody's.

A name's owner decides where it points, so a name on the list is no licence for any address: one
that turns to a metadata service or to a port of this machine (DNS rebinding) is refused.
"""

from __future__ import annotations

import ipaddress
import tomllib
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from cds_hooks.addresses import is_loopback

__all__ = ["IPAddress", "as_address", "never", "unfit"]

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")  # RFC 6052


def as_address(text: str) -> IPAddress | None:
    """The address that a text is, an IPv4 address in IPv6 clothes as the former; else None."""
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address):
        return _inner(address) or address
    return address


def never(address: IPAddress) -> str:
    """Why an address may not be spoken to even when it is listed; empty when it may."""
    if address in _listed():
        return _listed()[address]
    if address.is_unspecified or address.is_multicast or address.is_link_local:
        return "unspecified, multicast or link-local"
    # ipaddress counts ::1 among the reserved ones.
    return "reserved" if address.is_reserved and not is_loopback(address) else ""


def unfit(address: IPAddress, *, loopback: bool, networks: Iterable[Network] = ()) -> str:
    """Why a name may not lead to this address; empty when it may.

    `loopback` is for names that mean this machine; with `networks` it must lie in one of them.
    """
    if why := never(address):
        return why
    if is_loopback(address):
        return "" if loopback else "loopback"
    listed = tuple(networks)
    inside = any(address.version == net.version and address in net for net in listed)
    return "" if inside or not listed else "outside of the listed networks"


def _inner(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour


@cache
def _listed() -> dict[IPAddress, str]:
    table = tomllib.loads(Path(__file__).with_name("addresses.toml").read_text("utf-8"))
    return {ipaddress.ip_address(row["address"]): row["reason"] for row in table["never"]}
