"""Who may open which page."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

import httpx
import pytest
from fastapi import APIRouter, Depends
from starlette.responses import HTMLResponse

from cds_hooks.console.access import Reader, Role, requires

Serve = Callable[..., Any]


@pytest.mark.parametrize(
    ("held", "asked", "may"),
    [
        ({Role.REVIEWER}, (Role.REVIEWER,), True),
        ({Role.REVIEWER}, (Role.VIEWER,), True),
        ({Role.VIEWER}, (Role.REVIEWER,), False),
        ({Role.ADMINISTRATOR}, (Role.REVIEWER,), False),
        ({Role.INTEGRATOR}, (Role.REVIEWER, Role.INTEGRATOR), True),
        (set(), (Role.VIEWER,), False),
    ],
)
def test_every_role_contains_viewer_and_no_other(
    held: set[Role], asked: tuple[Role, ...], may: bool
) -> None:
    assert Reader("x", "X", frozenset(held), "link").may(*asked) is may


def _with_page(served: Any) -> Any:
    """A page of somebody else's router, in the console's and outside it."""
    router = APIRouter()

    @router.get("/outside")
    async def outside(reader: Annotated[Reader, Depends(requires(Role.VIEWER))]) -> HTMLResponse:
        return HTMLResponse(reader.name)

    served.app.include_router(router)
    return served


def test_a_page_outside_the_console_opens_for_nobody(serve_site: Serve) -> None:
    response: httpx.Response = _with_page(serve_site()).get("/outside")
    assert response.status_code == 404
