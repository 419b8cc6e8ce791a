"""The addresses of the page."""

from __future__ import annotations

import time
from typing import Annotated, Protocol

from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from cds_hooks.audit.switches import (
    ALL_SERVICES,
    SHORTEST_REASON,
    ReasonMissing,
    SwitchChange,
    SwitchedOff,
    make_change,
)
from cds_hooks.console.access import Reader, Role, requires
from cds_hooks.console.rendering import make_page
from cds_hooks.console.site import Site
from cds_hooks.console.switching.form import SwitchForm, SwitchFormRefused, read_form

__all__ = ["Switches", "add_routes"]

_ADMINISTRATOR = requires(Role.ADMINISTRATOR)
Administrator = Annotated[Reader, Depends(_ADMINISTRATOR)]


class Switches(Protocol):
    """The switches of the running service. Every method raises StoreUnavailable."""

    async def switched_off(self) -> tuple[SwitchedOff, ...]:
        """Everything that is off now."""
        ...

    async def change(self, change: SwitchChange) -> bool:
        """Make a change, durably with its record; False when it was so already."""
        ...


def add_routes(router: APIRouter, site: Site, switches: Switches) -> None:
    """Add the page and its form."""
    ids = frozenset(service.id for service in site.services)

    async def shown(refused: SwitchFormRefused | None = None, root: str = "") -> HTMLResponse:
        off = {each.scope: each for each in await switches.switched_off()}
        return make_page(
            site,
            "switching/page.html.j2",
            here="services",
            root=root,
            sends=True,
            everything=off.get(ALL_SERVICES),
            all_scope=ALL_SERVICES,
            rows=[(service, off.get(service.id)) for service in site.services],
            refused=refused,
            shortest=SHORTEST_REASON,
        )

    async def page(_: Administrator) -> HTMLResponse:
        return await shown()

    async def switch(request: Request, reader: Administrator) -> Response:
        try:
            change = _change(read_form(await request.body(), ids), reader)
        except SwitchFormRefused as error:
            answer = await shown(error, "../")
            answer.status_code = 400
            return answer
        await switches.change(change)
        return RedirectResponse("../services", 303)

    router.add_api_route("/services", page, response_class=HTMLResponse)
    router.add_api_route("/services/switch", switch, methods=["POST"], response_class=Response)


def _change(form: SwitchForm, reader: Reader) -> SwitchChange:
    details = {"how": reader.how, "roles": sorted(role.value for role in reader.roles)}
    try:
        return make_change(
            form.scope,
            form.reason,
            off=form.off,
            now=time.time(),
            user=reader.subject,
            name=reader.name,
            details=details,
        )
    except ReasonMissing:  # nothing of it was left by the masking
        raise SwitchFormRefused(form.reason, form.scope) from None
