"""The addresses of the desk, all for reviewers; a silent consultation's page for investigators.

None of the addresses holds anything of a patient.
"""

from __future__ import annotations

from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from cds_hooks.console.access import Reader, Role, requires
from cds_hooks.console.desk.desk import Desk
from cds_hooks.console.desk.desk_errors import SearchRefused
from cds_hooks.console.desk.downloads import Downloads
from cds_hooks.console.desk.pages import DeskPages
from cds_hooks.console.desk.terms import Terms, form_fields
from cds_hooks.console.desk.verifying import Verifications
from cds_hooks.console.site import Site

__all__ = ["add_routes"]

_REVIEWER = Depends(requires(Role.REVIEWER))
# Which of the two decides what is found: reviewers what was shown, investigators what was silent.
_READER = Depends(requires(Role.REVIEWER, Role.INVESTIGATOR))


def add_routes(router: APIRouter, site: Site, desk: Desk) -> None:
    """Add the routes for reviewers."""
    verifications = Verifications(desk)
    routes = _Routes(desk, DeskPages(site, desk, verifications), verifications)
    add = router.add_api_route
    add("/desk", routes.form)
    add("/desk/search", routes.search, methods=["POST"], response_class=Response)
    add("/desk/found", routes.found, methods=["POST"], response_class=Response)
    add("/desk/ledger", routes.ledger, methods=["POST"], response_class=Response)
    add("/desk/verify", routes.verify)
    add("/desk/verify", routes.begin, methods=["POST"], response_class=Response)
    add("/desk/verify/content", routes.verify_content)
    add("/desk/questions", routes.questions)
    add("/desk/consultations/{reference}", routes.consultation)


class _Routes:
    """One method an address."""

    def __init__(self, desk: Desk, pages: DeskPages, verifications: Verifications) -> None:
        self._desk = desk
        self._pages = pages
        self._verifications = verifications
        self._downloads = Downloads(desk)

    async def form(self, _: Reader = _REVIEWER) -> HTMLResponse:
        return self._pages.form()

    async def search(self, request: Request, reader: Reader = _REVIEWER) -> Response:
        try:
            fields = form_fields(await request.body())
        except SearchRefused as error:
            return self._pages.form(error=error)
        return await self._pages.search(fields, reader)

    async def found(self, request: Request, reader: Reader = _REVIEWER) -> Response:
        try:
            fields = form_fields(await request.body())
            terms = Terms.of(fields).with_pseudonyms(self._desk)
            return await self._downloads.found(reader, terms, fields.get("format", ""))
        except SearchRefused as error:
            return self._pages.form(error=error)

    async def ledger(self, reader: Reader = _REVIEWER) -> Response:
        return await self._downloads.ledger(reader)

    async def verify(self, _: Reader = _REVIEWER) -> HTMLResponse:
        return self._pages.verify()

    async def begin(self, reader: Reader = _REVIEWER) -> Response:
        self._verifications.start(reader)
        return RedirectResponse("verify", 303)

    async def verify_content(self, _: Reader = _REVIEWER) -> HTMLResponse:
        return self._pages.verify_content()

    async def questions(self, _: Reader = _REVIEWER) -> HTMLResponse:
        return await self._pages.questions()

    async def consultation(self, reference: str, reader: Reader = _READER) -> HTMLResponse:
        return await self._pages.consultation(reference, reader)
