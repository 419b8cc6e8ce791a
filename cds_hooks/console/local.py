"""Pages that only somebody at this machine may open, with a browser that was not led here."""

from __future__ import annotations

from urllib.parse import urlsplit

from starlette.requests import Request

from cds_hooks.addresses import is_loopback
from cds_hooks.app.errors import PathUnknown
from cds_hooks.errors import ChartsideError

__all__ = ["NotFromHere", "require_local"]

_SAFE = frozenset({"GET", "HEAD"})


class NotFromHere(ChartsideError):
    """A form that was not sent from a page of this service."""

    code = "not-from-here"
    status = 403
    issue = "forbidden"

    def __init__(self) -> None:
        super().__init__(
            "this form was not sent from a page of this service",
            hint="Open the page at its own address and send it from there.",
        )


async def require_local(request: Request) -> None:
    """Pass on a request of this machine, to a loopback name, from our own page.

    The name is checked because another site can give its own name the address 127.0.0.1 (DNS
    rebinding); the origin, because any site can send a form here. Raises PathUnknown, NotFromHere.
    """
    peer = request.client.host if request.client else ""
    host = _host_of(f"//{request.headers.get('host', '')}")
    if not _is_this_machine(peer) or not (host == "localhost" or _is_this_machine(host)):
        raise PathUnknown
    if request.method not in _SAFE and not _is_own(request):
        raise NotFromHere


def _host_of(url: str) -> str:
    """The host in a URL; "" where there is none."""
    try:
        return urlsplit(url).hostname or ""
    except ValueError:  # such as an address in brackets that is none
        return ""


def _is_this_machine(address: str) -> bool:
    try:
        return is_loopback(address)
    except ValueError:
        return False


def _is_own(request: Request) -> bool:
    """Whether the browser says that a page of this origin sent it."""
    if (site := request.headers.get("sec-fetch-site")) is not None:
        return site == "same-origin"
    origin = request.headers.get("origin", "")
    return urlsplit(origin).netloc == request.headers.get("host", "") != ""
