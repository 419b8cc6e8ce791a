"""The addresses of sessions."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import Response

from cds_hooks.console.access.access import Access
from cds_hooks.console.access.attempts import Attempts
from cds_hooks.console.access.emergency_pages import EmergencyPages
from cds_hooks.console.access.openid_pages import OpenIdPages
from cds_hooks.console.access.session_pages import SessionPages

__all__ = ["add_routes"]


def add_routes(router: APIRouter, access: Access) -> None:
    """Pages of signing in and out; none where nobody can sign in."""
    if access.how == "none":
        return
    attempts = Attempts(access)
    pages = SessionPages(access, attempts)
    if access.openid is not None:
        provider, settings = access.openid.provider, access.openid.settings
        at_provider = OpenIdPages(access, provider, settings, attempts, pages)
        for path, page in (
            ("/sign-in/start", at_provider.start),
            ("/sign-in/return", at_provider.come_back),
        ):
            router.add_api_route(path, page, response_class=Response)
    if access.links is not None:
        router.add_api_route("/open/{token}", pages.open_link, response_class=Response)
    for path, page in (
        ("/sign-in", pages.sign_in),
        ("/signed-in", pages.signed_in),
        ("/signed-out", pages.signed_out),
        ("/account", pages.account),
    ):
        router.add_api_route(path, page, response_class=Response)
    emergency = EmergencyPages(access, pages)
    for path, form in (
        ("/sign-out", pages.sign_out),
        ("/account/end-others", pages.end_others),
        ("/account/emergency", emergency.take),
        ("/account/emergency/end", emergency.end),
    ):
        router.add_api_route(path, form, methods=["POST"], response_class=Response)
