"""Pages that say why something is not shown, and what to do: nothing that was typed is lost."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import HTMLResponse

from cds_hooks.app.errors import PageRefused
from cds_hooks.console.access.own_pages import is_safe
from cds_hooks.console.access.return_path import return_path
from cds_hooks.console.reader import Role
from cds_hooks.console.rendering import make_page
from cds_hooks.console.site import Site

__all__ = ["answer", "not_allowed", "not_from_here", "root_of", "signed_out", "too_often"]

_WITH_FRAGMENT = frozenset({"sign_in", "refused"})
_MOST_KEPT_BYTES = 64 * 1024
_MOST_FIELDS = 200


def root_of(request: Request) -> str:
    """What leads from the address of a request to the service's own."""
    return "../" * (request.url.path.count("/") - 1)


def answer(
    site: Site, request: Request, template: str, *, status: int = 200, **values: Any
) -> HTMLResponse:
    """A page of this package; for htmx its fragment, which goes into the page that is open."""
    fragment = template in _WITH_FRAGMENT and request.headers.get("hx-request") == "true"
    name = f"access/{template}{'_fragment' if fragment else ''}.html.j2"
    page = make_page(site, name, here="account", root=root_of(request), sends=True, **values)
    page.status_code = status
    page.headers["Vary"] = "HX-Request"
    return page


async def signed_out(site: Site, request: Request) -> PageRefused:
    """For somebody without a session: how to get one, and back to where they were."""
    back = return_path(_path_and_query(request)) if is_safe(request) else ""
    page = answer(
        site,
        request,
        "sign_in",
        status=401,
        back=back,
        kept=() if is_safe(request) else await _typed(request),
        action=f"./{request.url.path.rpartition('/')[2]}",
    )
    return PageRefused(page, "signed-out")


def not_allowed(
    site: Site, request: Request, roles: Iterable[Role], offered: Iterable[Role] = ()
) -> PageRefused:
    """For somebody without the role that the page asks for; those offered they may take."""
    needed = sorted(role.value for role in roles)
    may_take = not set(roles).isdisjoint(offered)
    page = answer(
        site, request, "refused", status=403, why="role", needed=needed, may_take=may_take
    )
    return PageRefused(page, "role-missing")


def not_from_here(site: Site, request: Request) -> PageRefused:
    """For a form that no page of this session sent."""
    page = answer(site, request, "refused", status=403, why="form", needed=(), may_take=False)
    return PageRefused(page, "not-from-here")


def too_often(site: Site, request: Request, wait_s: int) -> PageRefused:
    """For an address that tried to sign in too often."""
    page = answer(
        site, request, "refused", status=429, why="rate", needed=(), may_take=False, wait_s=wait_s
    )
    page.headers["Retry-After"] = str(wait_s)
    return PageRefused(page, "sign-in-rate-limited")


def _path_and_query(request: Request) -> str:
    query = request.url.query
    return f"{request.url.path}?{query}" if query else request.url.path


async def _typed(request: Request) -> tuple[tuple[str, str], ...]:
    """The fields of a form that came without a session; empty for another body or a large one."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/x-www-form-urlencoded":
        return ()
    body = await request.body()
    if len(body) > _MOST_KEPT_BYTES:
        return ()
    try:
        text = body.decode("utf-8")
        return tuple(parse_qsl(text, keep_blank_values=True, max_num_fields=_MOST_FIELDS))
    except ValueError:
        return ()
