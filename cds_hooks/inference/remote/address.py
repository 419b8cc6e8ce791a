"""Which model server may be spoken to: deny by default, https unless it is this machine."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass

import httpx

from cds_hooks.addresses import is_loopback
from cds_hooks.inference.engine import EngineError

__all__ = ["ServerAddress", "ServerNotAllowed", "allowed_server"]

_PORTS = {"http": 80, "https": 443}
_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[A-Za-z0-9.\-_:\[\]]+(/[A-Za-z0-9._/-]*)?")
_NAME = re.compile(r"[a-z0-9._-]+")
_LONGEST = 2048


class ServerNotAllowed(EngineError):
    """A base URL that must not be connected to; `where` names the setting, not the URL."""

    code = "server-not-allowed"
    status = 500


@dataclass(frozen=True, slots=True)
class ServerAddress:
    """Scheme, host, port and path prefix (no slash at its end, no `/v1`) of a model server."""

    scheme: str
    host: str
    port: int
    path: str

    @classmethod
    def parse(cls, text: str, *, where: str = "base_url") -> ServerAddress:
        """The address that a base URL names, as the client library reads it.

        Raises ServerNotAllowed unless it is plain: http or https, a host, no user, query,
        fragment or dot segment.
        """
        url = _url(text)
        if url is None:
            raise ServerNotAllowed(
                "Not a plain http or https URL", where=where, hint="Write https://host:port."
            )
        port = url.port or _PORTS[url.scheme]
        path = url.raw_path.decode("ascii").rstrip("/").removesuffix("/v1").rstrip("/")
        return cls(url.scheme, url.host, port, path)

    def covers(self, other: ServerAddress) -> bool:
        """Whether `other` is this server, at or under this path."""
        if (self.scheme, self.host, self.port) != (other.scheme, other.host, other.port):
            return False
        return other.path == self.path or other.path.startswith(f"{self.path}/")

    @property
    def loopback(self) -> bool:
        """Whether it is on this machine: `localhost` (RFC 6761) or a loopback address."""
        try:
            return is_loopback(self.host)
        except ValueError:
            return self.host == "localhost"

    @property
    def authority(self) -> str:
        """`host:port`, for messages."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    def url(self, path: str) -> str:
        """The URL of a path of this server, such as `/v1/models`."""
        return f"{self.scheme}://{self.authority}{self.path}{path}"


def allowed_server(base_url: str, allowed: Iterable[str]) -> ServerAddress:
    """The address of `base_url` when one of `allowed` is, or covers, it and the way is safe.

    Raises ServerNotAllowed.
    """
    address = ServerAddress.parse(base_url)
    known = [ServerAddress.parse(text, where=f"allowed[{n}]") for n, text in enumerate(allowed)]
    if not any(item.covers(address) for item in known):
        raise ServerNotAllowed(
            "The model server is not on the list of allowed ones",
            where="base_url",
            hint="Add its base URL to the list if it is inside your network.",
        )
    if address.scheme != "https" and not address.loopback:
        raise ServerNotAllowed(
            "Charts go to a model server on another machine over https only", where="base_url"
        )
    return address


def _is_host(host: str) -> bool:
    try:
        return bool(_NAME.fullmatch(host)) or ipaddress.ip_address(host).version == 6
    except ValueError:
        return False


def _url(text: str) -> httpx.URL | None:
    if len(text) > _LONGEST or not _PLAIN.fullmatch(text):
        return None
    try:
        url = httpx.URL(text)
        usable = url.scheme in _PORTS and _is_host(url.host) and (url.port or 1) in range(1, 65536)
    except (httpx.InvalidURL, ValueError):
        return None
    dots = {".", ".."} & set(re.split(r"[/?#]", text.partition("://")[2]))
    return url if usable and not dots else None
