"""Bodies are JSON in UTF-8, as they are, or a page's form: else refused before it is read."""

from __future__ import annotations

from email.message import Message as Mime

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from cds_hooks.app.errors import ContentTypeRefused
from cds_hooks.app.routes import is_call, is_form

__all__ = ["ContentType"]


class ContentType:
    """Lets `application/json` and `application/*+json` (clients send FHIR's) through; a form where
    one is expected."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let it in or refuse it (415)."""
        if scope["type"] == "http" and is_call(scope["method"], scope["path"]):
            headers = Headers(scope=scope)
            encoding = headers.get("content-encoding", "identity").strip().lower()
            fits = _is_form if is_form(scope["path"]) else _is_json
            if encoding != "identity" or not fits(headers.get("content-type", "")):
                raise ContentTypeRefused
        await self.app(scope, receive, send)


def _is_form(header: str) -> bool:
    mime = Mime()
    mime["content-type"] = header
    return mime.get_content_type() == "application/x-www-form-urlencoded"


def _is_json(header: str) -> bool:
    mime = Mime()
    mime["content-type"] = header
    kind = mime.get_content_type()
    charset = mime.get_param("charset", "utf-8")
    json = kind == "application/json" or (
        kind.startswith("application/") and kind.endswith("+json")
    )
    return json and isinstance(charset, str) and charset.strip().lower() in ("utf-8", "utf8")
