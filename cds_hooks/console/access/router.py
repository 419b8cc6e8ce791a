"""The addresses of sessions."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import Response

from cds_hooks.console.access.access import Access
from cds_hooks.console.access.attempts import Attempts
from cds_hooks.console.access.session_pages import SessionPages

__all__ = ["make_access_router"]


def make_access_router(access: Access) -> APIRouter:
    """Pages of signing in and out; none where nobody can sign in."""
    router = APIRouter(include_in_schema=False, default_response_class=Response)
    if access.how == "none":
        return router
    pages = SessionPages(access, Attempts(access))
    if access.links is not None:
        router.add_api_route("/open/{token}", pages.open_link)
    router.add_api_route("/sign-in", pages.sign_in)
    router.add_api_route("/signed-in", pages.signed_in)
    router.add_api_route("/sign-out", pages.sign_out, methods=["POST"])
    router.add_api_route("/signed-out", pages.signed_out)
    router.add_api_route("/account", pages.account)
    router.add_api_route("/account/end-others", pages.end_others, methods=["POST"])
    return router
