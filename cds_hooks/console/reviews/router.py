"""The addresses of reviews, all for reviewers. None of them holds anything of a patient."""

from __future__ import annotations

from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from cds_hooks.audit.reviews import KINDS
from cds_hooks.console.access import Reader, Role, requires
from cds_hooks.console.rendering import make_page
from cds_hooks.console.reviews.exports import as_csv, as_json, rows_of
from cds_hooks.console.reviews.forms import answer_of, consultation_of, fields_of, kind_of
from cds_hooks.console.reviews.reviews import Reviews, who_of
from cds_hooks.console.reviews.sampling import BY_HAND
from cds_hooks.console.site import Site

__all__ = ["add_routes"]

_REVIEWER = Depends(requires(Role.REVIEWER))
_FORMATS = {"json": (as_json, "application/json"), "csv": (as_csv, "text/csv; charset=utf-8")}


def add_routes(router: APIRouter, site: Site, reviews: Reviews) -> None:
    """Add the routes for reviewers."""
    routes = _Routes(site, reviews)
    router.add_api_route("/desk/reviews", routes.page)
    for path, form in (
        ("/desk/reviews/queue", routes.enqueue),
        ("/desk/reviews/take", routes.take),
        ("/desk/reviews/return", routes.give_back),
        ("/desk/reviews/answer", routes.answer),
        ("/desk/reviews/another", routes.ask_another),
        ("/desk/reviews/export", routes.export),
    ):
        router.add_api_route(path, form, methods=["POST"], response_class=Response)


class _Routes:
    """One method an address; the forms lead back to the page of the consultation."""

    def __init__(self, site: Site, reviews: Reviews) -> None:
        self._site = site
        self._reviews = reviews

    async def page(self, reader: Reader = _REVIEWER) -> HTMLResponse:
        await self._reviews.fill()
        return make_page(
            self._site,
            "reviews/queue.html.j2",
            here="desk",
            tab="reviews",
            root="../",
            sends=True,
            rows=await self._reviews.rows(reader),
            counts=await self._reviews.counts(),
            settings=self._reviews.settings,
            smallest=self._reviews.smallest,
            kinds=KINDS,
        )

    async def enqueue(self, request: Request, reader: Reader = _REVIEWER) -> Response:
        id_ = consultation_of(fields_of(await request.body()))
        await self._reviews.store.enqueue(id_, BY_HAND, who_of(reader))
        return _back(id_)

    async def take(self, request: Request, reader: Reader = _REVIEWER) -> Response:
        form = fields_of(await request.body())
        id_, kind = consultation_of(form), kind_of(form)
        await self._reviews.store.take(id_, kind, who_of(reader))
        return _back(id_)

    async def give_back(self, request: Request, reader: Reader = _REVIEWER) -> Response:
        id_ = consultation_of(fields_of(await request.body()))
        await self._reviews.store.give_back(id_, who_of(reader))
        return RedirectResponse("../reviews", 303)

    async def answer(self, request: Request, reader: Reader = _REVIEWER) -> Response:
        form = fields_of(await request.body())
        id_ = consultation_of(form)
        said = answer_of(form, len(await self._reviews.diagnoses(id_)))
        await self._reviews.store.answer(id_, said, who_of(reader))
        return _back(id_)

    async def ask_another(self, request: Request, reader: Reader = _REVIEWER) -> Response:
        id_ = consultation_of(fields_of(await request.body()))
        await self._reviews.store.ask_another(id_, who_of(reader))
        return _back(id_)

    async def export(self, request: Request, reader: Reader = _REVIEWER) -> Response:
        """What this reviewer may see of all reviews, once it is on record who takes it."""
        name = "csv" if fields_of(await request.body()).get("format") == "csv" else "json"
        make, media_type = _FORMATS[name]
        seen = await self._reviews.store.all_seen_by(who_of(reader))
        await self._reviews.store.exported(who_of(reader), name, len(list(rows_of(seen))))
        file = {"Content-Disposition": f'attachment; filename="reviews.{name}"'}
        return Response(make(seen), media_type=media_type, headers=file)


def _back(consultation: str) -> Response:
    return RedirectResponse(f"../consultations/{consultation}", 303)
