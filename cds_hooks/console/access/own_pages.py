"""Whether a page of this service sent a request that changes something (CSRF).

Two checks, and both must hold: the browser says that the page was of this origin, and the request
brings the token of its session: in a header, or as the first field of a form, so that no body has
to be taken apart to find it.
"""

from __future__ import annotations

import hmac
import re
from urllib.parse import urlsplit

from starlette.requests import Request

__all__ = ["has_token", "is_safe", "is_same_origin"]

HEADER = "x-csrf-token"
_SAFE = frozenset({"GET", "HEAD"})
_TOKEN = rb"([A-Za-z0-9_-]{43})"
_FORM = re.compile(rb"csrf=" + _TOKEN + rb"(?:&|\Z)")
_MULTIPART = re.compile(
    rb'--[^\r\n]{1,200}\r\nContent-Disposition: form-data; name="csrf"\r\n\r\n' + _TOKEN + rb"\r\n",
    re.IGNORECASE,
)


def is_safe(request: Request) -> bool:
    """Whether the request changes nothing."""
    return request.method in _SAFE


def is_same_origin(request: Request, base_url: str) -> bool:
    """Whether the browser says that a page of this origin sent it.

    `Sec-Fetch-Site` is a browser's own word, and no page can write it. Without it the Origin must
    be the one in `base_url`, or the one that was asked.
    """
    if (site := request.headers.get("sec-fetch-site")) is not None:
        return site == "same-origin"
    origin = request.headers.get("origin", "")
    asked = f"{request.url.scheme}://{request.headers.get('host', '')}"
    return origin in {asked, _origin_of(base_url)} and origin.count("/") == 2


async def has_token(request: Request, token: str) -> bool:
    """Whether it brings this token."""
    brought = request.headers.get(HEADER, "").encode("latin-1", "replace")
    if not brought:
        brought = _first_field(await request.body(), request.headers.get("content-type", ""))
    return bool(token) and hmac.compare_digest(brought, token.encode())


def _first_field(body: bytes, content_type: str) -> bytes:
    kind = content_type.partition(";")[0].strip().lower()
    form = {"application/x-www-form-urlencoded": _FORM, "multipart/form-data": _MULTIPART}.get(kind)
    found = form.match(body) if form else None
    return found[1] if found else b""


def _origin_of(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
