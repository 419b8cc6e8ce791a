"""A console with an identity provider, and what browsers do at both."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx

from cds_hooks.console.access import OpenId
from cds_hooks.trust.openid.openid_settings import OpenIdSettings
from cds_hooks.trust.openid.provider import OpenIdProvider
from tests.console.access.providers import (
    FaultyProvider,
    sign_in_there,
)
from tests.console.access.served_console import Console

__all__ = [
    "ANN",
    "BASE",
    "BOB",
    "EVE",
    "Site",
    "at_faulty",
    "openid_settings",
    "sent_there",
    "signed_in",
    "try_at",
    "write_secret",
]

BASE = "https://cds.example.org"
ANN = {"sub": "ann", "name": "Ann \u202eRoe", "groups": ["reviewers", "staff"]}
BOB = {"sub": "bob", "name": "Bob", "groups": ["viewers"]}
EVE = {"sub": "eve", "name": "Eve", "groups": ["gardeners"]}


def openid_settings(issuer: str, **more: Any) -> OpenIdSettings:
    values: dict[str, Any] = {
        "issuer": issuer,
        "client_id": "chartside",
        "authentication": "none",
        "roles_claim": "groups",
        "viewers": ["viewers"],
        "reviewers": ["reviewers"],
    }
    return OpenIdSettings(**(values | more))


class Site:
    """A console with a provider, and browsers that keep their cookies."""

    def __init__(self, settings: OpenIdSettings, **console: Any) -> None:
        self.settings = settings
        self.provider = OpenIdProvider(settings, f"{BASE}/sign-in/return")
        openid = OpenId(self.provider, settings)
        self.console = Console("production", openid=openid, base=BASE, **console)

    def browser(self) -> httpx.AsyncClient:
        transport = httpx.ASGITransport(self.console.app, client=("192.0.2.7", 50_000))
        return httpx.AsyncClient(transport=transport, base_url=BASE)

    @contextlib.asynccontextmanager
    async def opened(self) -> AsyncIterator[httpx.AsyncClient]:
        async with self.provider.opened(), self.browser() as browser:
            yield browser


async def sent_there(browser: httpx.AsyncClient, back: str = "/docs/page") -> str:
    answer = await browser.get("/sign-in/start", params={"return_to": back})
    assert answer.status_code == 303, answer.text
    return answer.headers["location"]


async def signed_in(browser: httpx.AsyncClient, subject: str, back: str = "/docs/page") -> Any:
    there = await sent_there(browser, back)
    returned = await asyncio.to_thread(sign_in_there, there, subject)
    return await browser.get(returned)


@contextlib.asynccontextmanager
async def at_faulty(faulty: FaultyProvider, **more: Any) -> AsyncIterator[tuple[Site, Any]]:
    site = Site(openid_settings(faulty.issuer, roles_claim="roles", **more))
    async with site.opened() as browser:
        yield site, browser


async def try_at(faulty: FaultyProvider, browser: httpx.AsyncClient) -> httpx.Response:
    return await browser.get(faulty.authorize(await sent_there(browser)))


def write_secret(folder: Path, text: str = "s&cret:", mode: int = 0o600) -> Path:
    file = folder / "secret"
    file.write_text(text)
    file.chmod(mode)
    return file
