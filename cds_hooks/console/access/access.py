"""From a request to whoever sent it, and whether they may open the page."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from starlette.requests import Request

from cds_hooks.app.errors import PathUnknown
from cds_hooks.console.local import require_local
from cds_hooks.console.reader import Reader, Role, Visit, visiting

__all__ = ["Access", "requires"]

_LOCAL = Reader("local", "this machine", frozenset(Role), "link")


class Access:
    """Decides who may open which page."""

    def __init__(self, profile: str) -> None:
        self._demo = profile == "demo"

    async def attach(self, request: Request) -> None:
        """Note who visits; the first dependency of every page of the console."""
        request.state.access = self
        visiting(Visit())

    async def admit(self, request: Request, roles: tuple[Role, ...]) -> Reader:
        """Whoever sent the request, if they have one of these roles. Raises PathUnknown."""
        if not self._demo or not _LOCAL.may(*roles):
            raise PathUnknown
        await require_local(request)
        visiting(Visit(_LOCAL))
        return _LOCAL


def requires(*roles: Role) -> Callable[[Request], Awaitable[Reader]]:
    """A dependency that lets readers with one of these roles open a page, and gives the reader."""

    async def admitted(request: Request) -> Reader:
        access: Access | None = getattr(request.state, "access", None)
        if access is None:  # a route outside the console's router: nobody may open it
            raise PathUnknown
        return await access.admit(request, roles)

    return admitted
