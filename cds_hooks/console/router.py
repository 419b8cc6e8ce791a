"""The addresses of the console's pages."""

from __future__ import annotations

import secrets

from fastapi import APIRouter, Depends
from starlette.responses import HTMLResponse, Response

from cds_hooks.app.errors import PathUnknown
from cds_hooks.console import access as access_pages
from cds_hooks.console import consultations, reviews, smart_launch, statistics, switching
from cds_hooks.console import desk as desk_pages
from cds_hooks.console import inspector as inspector_pages
from cds_hooks.console.access import Access, LocalLinks
from cds_hooks.console.assets import assets
from cds_hooks.console.discovery import service_views
from cds_hooks.console.inspector import Inspector
from cds_hooks.console.local import require_local
from cds_hooks.console.rendering import content_security_policy, make_page, render
from cds_hooks.console.site import Site
from cds_hooks.statistics import StatisticsReports

__all__ = ["make_router"]

_FOR_EVER = "public, max-age=31536000, immutable"
# Swagger UI sets style attributes, draws with `data:` images and makes markup without Trusted
# Types. Its scripts are bound to the nonce like all others.
_SWAGGER = "style-src-attr 'unsafe-inline'"


def make_router(
    site: Site,
    linked: consultations.LinkedPages,
    access: Access | None = None,
    inspector: Inspector | None = None,
    reports: StatisticsReports | None = None,
    launched: smart_launch.LaunchedPages | None = None,
    desk: desk_pages.Desk | None = None,
    switches: switching.Switches | None = None,
    reviewing: reviews.Reviews | None = None,
) -> APIRouter:
    """Routes of the pages that this profile offers; none of them is in the OpenAPI document.

    A part of the console adds its routes to this router, so that its pages know who reads them.
    """
    pages = _Pages(site, tries=inspector is not None)
    access = access or Access(site, links=LocalLinks(secrets.token_bytes()) if site.demo else None)
    router = APIRouter(
        include_in_schema=False,
        default_response_class=HTMLResponse,
        dependencies=[Depends(access.attach)],
    )
    router.add_api_route("/", pages.landing)
    router.add_api_route("/assets/{name}", _asset, response_class=Response)
    consultations.add_routes(router, linked)
    if launched is not None:
        smart_launch.add_routes(router, launched)
    access_pages.add_routes(router, access)
    if inspector is not None:
        inspector_pages.add_routes(router, site, inspector)
    if reports is not None:
        statistics.add_routes(router, site, reports)
    if reviewing is not None:
        reviews.add_routes(router, site, reviewing)
    if switches is not None:
        switching.add_routes(router, site, switches)
    if desk is not None:
        desk_pages.add_routes(router, site, desk)
    if site.demo:
        local = [Depends(require_local)]
        router.add_api_route("/docs", pages.api, dependencies=local)
    return router


class _Pages:
    """One method a page."""

    def __init__(self, site: Site, *, tries: bool) -> None:
        self._site = site
        self._tries = tries

    async def landing(self) -> HTMLResponse:
        """What this is, what runs, and what it offers."""
        site = self._site
        return make_page(
            site,
            "landing.html.j2",
            here="overview",
            model=site.model(),
            ready=site.ready(),
            services=service_views(site),
            tries=self._tries,
        )

    async def api(self) -> HTMLResponse:
        """The OpenAPI document, to read and to try."""
        nonce = secrets.token_urlsafe(16)
        html = render("api.html.j2", site=self._site, root="", here="api", nonce=nonce)
        policy = content_security_policy(nonce, images="'self' data:", more=_SWAGGER)
        return HTMLResponse(html, headers={"Content-Security-Policy": policy})


async def _asset(name: str) -> Response:
    """A file of ours. Its address changes with its content, so a browser may keep it."""
    asset = assets().get(name)
    if asset is None:
        raise PathUnknown
    return Response(
        asset.content, headers={"Content-Type": asset.media_type, "Cache-Control": _FOR_EVER}
    )
