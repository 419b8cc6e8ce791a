"""Puts the slashes of a path right, without a redirect: a POST would lose its body by one."""

from __future__ import annotations

from starlette.types import ASGIApp, Receive, Scope, Send

from cds_hooks.app.errors import PathUnknown
from cds_hooks.app.routes import normal

__all__ = ["Paths"]


class Paths:
    """Takes `/cds-services//id` and `/cds-services/` as what they mean.

    Raises PathUnknown for a path with a character that is not printable: the router takes a path
    with a line feed at its end for the one without, which would then be let in without a token.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass it on under its normal path."""
        if scope["type"] == "http" and not scope["path"].isprintable():
            raise PathUnknown
        if scope["type"] == "http" and (path := normal(scope["path"])) != scope["path"]:
            scope = {**scope, "path": path, "raw_path": path.encode("utf-8", "replace")}
        await self.app(scope, receive, send)
