"""The fence around one FHIR server: which URLs lie under its base, and which bases are allowed.

`fhirServer` and `link[next]` come from outside, so both are checked as the client library parses
them: what is compared is what would be requested.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import unquote, urljoin

import httpx

__all__ = ["ServerBase", "allowed_base"]

_PORTS = {"http": 80, "https": 443}
# Printable ASCII without backslash, quotes and angle brackets: anything else is parsed
# differently by different programs.
_PLAIN = re.compile(r"[!#-;=?-\[\]-~]{1,4096}")


@dataclass(frozen=True, slots=True)
class ServerBase:
    """Scheme, host, port and path prefix (no slash at its end) of a FHIR server."""

    scheme: str
    host: str
    port: int
    path: str

    @classmethod
    def parse(cls, text: str) -> ServerBase | None:
        """The base that a URL names; None unless it is a plain http or https URL."""
        url = None if _climbs(text) else _parse(text)
        if url is None or url.query or url.fragment:
            return None
        return cls(url.scheme, url.host, _port(url), _path(url).rstrip("/"))

    def covers(self, url: httpx.URL) -> bool:
        """Whether a URL is this server's: same scheme, host and port, path under the prefix."""
        if (url.scheme, url.host, _port(url)) != (self.scheme, self.host, self.port):
            return False
        path = _path(url)
        if url.userinfo or _climbs(path):
            return False
        return path == self.path or path.startswith(f"{self.path}/")

    def resolve(self, link: str) -> httpx.URL | None:
        """A relative URL, or an absolute one under this base; None for any other."""
        if not _PLAIN.fullmatch(link) or _climbs(re.split(r"[?#]", link, maxsplit=1)[0]):
            return None
        url = _parse(urljoin(f"{self}/", link))
        return url if url is not None and self.covers(url) else None

    @property
    def authority(self) -> str:
        """`host[:port]`, without the port that the scheme implies."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"

    def __str__(self) -> str:
        return f"{self.scheme}://{self.authority}{self.path}"


def allowed_base(fhir_server: str, allowed: Iterable[str]) -> ServerBase | None:
    """The base named by `fhir_server` when it is, or lies under, an allowed one; else None."""
    base = ServerBase.parse(fhir_server)
    if base is None:
        return None
    bases = (ServerBase.parse(text) for text in allowed)
    url = httpx.URL(str(base))
    return base if any(known is not None and known.covers(url) for known in bases) else None


def _parse(text: str) -> httpx.URL | None:
    if not _PLAIN.fullmatch(text):
        return None
    try:
        url = httpx.URL(text)
        usable = url.scheme in _PORTS and bool(url.host) and 0 < _port(url) < 65536
    except (httpx.InvalidURL, ValueError):
        return None
    return url if usable and not url.userinfo else None


def _port(url: httpx.URL) -> int:
    return url.port or _PORTS.get(url.scheme, 0)


def _path(url: httpx.URL) -> str:
    """The path as it is sent, still percent-encoded."""
    return url.raw_path.partition(b"?")[0].decode("ascii", "replace")


def _climbs(path: str) -> bool:
    """Whether some server might read a way out of the path: dot segments however encoded."""
    for _ in range(3):
        path = unquote(path)
    return any(segment.partition(";")[0] in {".", ".."} for segment in re.split(r"[/\\?#]", path))
