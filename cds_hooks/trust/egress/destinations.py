"""The allow-list: destinations as settings write them, and how one is recognised."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from cds_hooks.addresses import is_loopback
from cds_hooks.trust.egress.addresses import IPAddress, Network, as_address, never, unfit
from cds_hooks.trust.egress.egress_errors import DestinationInvalid

__all__ = ["AllowList", "Destination", "parse"]

_PORTS = {"http": 80, "https": 443, "postgresql": 5432, "tcp": 0, "udp": 0}
_LONGEST = 2048
_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_NAME = re.compile(rf"(?=.{{1,253}}\Z){_LABEL}(?:\.{_LABEL})*")
# What the C library reads as a number and thus as an IPv4 address (127.1, 0x7f000001).
_NUMBER = re.compile(r"(?:[0-9]+|0x[0-9a-f]*)")
_URL = re.compile(
    r"(?:(?P<scheme>[a-z][a-z0-9]*)(?:\+[a-z0-9]+)?://)?"
    r"(?:[^\s/?#@:\[\]\\]+@)?"
    r"(?P<host>\[[0-9a-f:.]+\]|[^\s/?#@:\[\]\\]+)"
    r"(?::(?P<port>[0-9]{1,5}))?"
    r"(?:/[^\s#\\]*)?"
)
_UNIX = re.compile(r"unix:(/[^\x00]{1,107})")


@dataclass(frozen=True, slots=True)
class Destination:
    """Whom the service may speak to, and the setting that says so.

    `scheme` is http, https, postgresql, tcp or udp with a lower-case `host` and a `port`; or unix
    with the socket's path as `host`.
    """

    scheme: str
    host: str
    port: int
    setting: str = field(default="", compare=False)

    def __str__(self) -> str:
        if self.scheme == "unix":
            return f"unix:{self.host}"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}"

    @property
    def address(self) -> IPAddress | None:
        """The address, where the host is one and not a name."""
        return as_address(self.host)

    @property
    def here(self) -> bool:
        """Whether it names this machine: `localhost` (RFC 6761) or a loopback address."""
        address = self.address
        return self.host == "localhost" if address is None else is_loopback(address)


def parse(text: str, setting: str = "") -> Destination:
    """The destination of a URL, of `host:port` (TCP), or of `unix:/path`.

    A user's name and a path are passed over: they decide nothing about where bytes go. Raises
    DestinationInvalid, whose text names the setting and never the URL.
    """
    if len(text) > _LONGEST:
        raise _invalid("is too long", setting)
    if local := _UNIX.fullmatch(text):
        return Destination("unix", local[1], 0, setting)
    match = _URL.fullmatch(text.lower()) if text.isascii() else None
    if match is None or (scheme := match["scheme"] or "tcp") not in _PORTS:
        raise _invalid("is no URL of http, https, postgresql, tcp or udp", setting)
    port = int(match["port"]) if match["port"] else _PORTS[scheme]
    if not 0 < port < 65536:
        raise _invalid("names no port", setting)
    return Destination(scheme, _host(match["host"], setting), port, setting)


def _host(text: str, setting: str) -> str:
    address = as_address(text.strip("[]"))
    if address is not None:
        if why := never(address):
            raise _invalid(f"is an address that is never spoken to ({why})", setting)
        return str(address)
    name = text.removesuffix(".")
    if not _NAME.fullmatch(name) or _NUMBER.fullmatch(name.rpartition(".")[2]):
        raise _invalid("names no host", setting)
    return name


def _invalid(what: str, setting: str) -> DestinationInvalid:
    hint = "Write https://host:port, host:port or unix:/path."
    return DestinationInvalid(f"the destination {what}", where=setting, hint=hint)


class AllowList:
    """All destinations of a service; `networks` bound where names may lead (none: anywhere fit).

    Raises DestinationInvalid for a network that is none.
    """

    def __init__(self, destinations: Iterable[Destination], networks: Iterable[str] = ()) -> None:
        self.destinations = tuple(dict.fromkeys(destinations))
        try:
            self.networks: tuple[Network, ...] = tuple(map(ipaddress.ip_network, networks))
        except ValueError:
            raise _invalid("range is no network", "egress.networks") from None
        self._by_host: dict[str, list[Destination]] = {}
        for item in self.destinations:
            self._by_host.setdefault(item.host, []).append(item)

    def names(self, host: str) -> tuple[Destination, ...]:
        """The destinations of a host, which may be written in any case and as any address."""
        address = as_address(host)
        key = host.lower().removesuffix(".") if address is None else str(address)
        return tuple(self._by_host.get(key, ()))

    def url(self, scheme: str, host: str, port: int) -> bool:
        """Whether a request may go there: a destination of https is not spoken to in clear."""
        return any(
            item.port == port and item.scheme in {scheme, "tcp"} for item in self.names(host)
        )

    def unix(self, path: str) -> bool:
        """Whether a local socket is listed."""
        return any(item.scheme == "unix" for item in self._by_host.get(path, ()))

    def unfit(self, item: Destination, address: IPAddress) -> str:
        """Why a listed destination's name may not lead to this address; empty when it may.

        An address of this machine that is listed itself, with the port, may have names as well.
        """
        itself = self.names(str(address)) if is_loopback(address) else ()
        here = item.here or any(each.port == item.port for each in itself)
        return unfit(address, loopback=here, networks=self.networks)

    @property
    def ports(self) -> frozenset[int]:
        """TCP ports that are spoken to; with names on the list also that of DNS."""
        found = {d.port for d in self.destinations if d.scheme not in {"udp", "unix"}}
        named = any(d.scheme != "unix" and d.address is None for d in self.destinations)
        return frozenset(found | ({53} if named else set()))
