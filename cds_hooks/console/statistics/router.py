"""The addresses of the statistics."""

from __future__ import annotations

import asyncio

from fastapi import APIRouter, Depends
from starlette.responses import HTMLResponse, JSONResponse

from cds_hooks.console.access import Role, requires
from cds_hooks.console.rendering import make_page
from cds_hooks.console.site import Site
from cds_hooks.console.statistics.page import page_of
from cds_hooks.statistics import CHOICES, CountedReport, StatisticsReports
from cds_hooks.statistics.reports import ChoiceUnknown

__all__ = ["add_routes"]

_WEEKS = "4"


def add_routes(router: APIRouter, site: Site, reports: StatisticsReports) -> None:
    """Add the page and its JSON, for whoever may see the pages at all."""
    services = tuple(service.id for service in site.services)

    async def made(weeks: str, service: str) -> CountedReport:
        if not (weeks.isascii() and weeks.isdigit() and len(weeks) < 4):
            raise ChoiceUnknown("weeks", ", ".join(map(str, CHOICES)))
        return await reports.report(int(weeks), service, services)

    async def page(weeks: str = _WEEKS, service: str = "") -> HTMLResponse:
        found = await made(weeks, service)
        values = await asyncio.to_thread(page_of, found, services)
        return make_page(site, "statistics/page.html.j2", here="statistics", sends=True, **values)

    async def as_json(weeks: str = _WEEKS, service: str = "") -> JSONResponse:
        return JSONResponse((await made(weeks, service)).as_json())

    viewers = [Depends(requires(Role.VIEWER))]
    router.add_api_route("/statistics", page, dependencies=viewers)
    router.add_api_route(
        "/statistics.json", as_json, dependencies=viewers, response_class=JSONResponse
    )
