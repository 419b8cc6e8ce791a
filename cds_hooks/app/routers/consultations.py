"""Pages for readers of cards: the basis, and one consultation with its form."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from cds_hooks.app.openapi import FORM, page_of, refusals
from cds_hooks.app.state import State, read_body, request_info
from cds_hooks.protocol.judgements import judged_of, parse_form

__all__ = ["router"]

router = APIRouter(tags=["Pages"], default_response_class=HTMLResponse)

# Told in the document and checked by the key that signed it: a wrong one is a 404, not a 422.
_SHAPE = {"pattern": r"^[0-9a-f-]{36}\.[0-9]{1,12}\.[0-9a-f]{64}$"}
ConsultationLink = Annotated[str, Path(json_schema_extra=_SHAPE)]


@router.get("/basis", responses={200: page_of("On what the answers rest", "text/html")})
async def basis(state: State) -> HTMLResponse:
    """The page that tells on what the answers rest."""
    return state.handlers.basis()


@router.get(
    "/consultations/{link}",
    responses={200: page_of("One consultation", "text/html"), **refusals(404, 503, bare=False)},
)
async def consultation(link: ConsultationLink, state: State) -> HTMLResponse:
    """The page of one consultation, for whoever has its link."""
    return await state.in_time(state.handlers.consultation(link))


@router.post(
    "/consultations/{link}/feedback",
    status_code=303,
    response_class=Response,
    responses={
        303: {"description": "Kept; the page of the consultation shows it"},
        **refusals(400, 404, 408, 413, 415, 429, 503, bare=False),
    },
    openapi_extra=FORM,
)
async def judgements(link: ConsultationLink, request: Request, state: State) -> RedirectResponse:
    """Keep what the page's form says of single diagnoses; then the page again."""
    body = await read_body(request)
    said, words = parse_form(body, state.handlers.reasons)
    info, of = request_info(request), judged_of(body)
    await state.in_time(state.handlers.judge(link, said, words, info, of))
    return RedirectResponse(f"../{link}", 303)
