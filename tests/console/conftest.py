"""The console's pages on the real application, and a real browser where one is installed."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from typing import Any

import httpx
import pytest
from starlette.responses import HTMLResponse

from cds_hooks.app import AppConfig, AppHandlers, Readiness, create_app
from cds_hooks.console import LinkedPages, Site, error_page_of, make_router
from cds_hooks.console.access import Access, LocalLinks, Reader, Role
from cds_hooks.consult import LinkUnknown
from cds_hooks.consultation import ModelIdentity
from cds_hooks.protocol.cards import Card, Response, Source
from cds_hooks.services import REGISTRY
from tests.console.whole_service import WholeService

CARD = Card("Two diagnoses to consider", "info", Source("Chartside"), uuid="c-1", detail="*none*")
MODEL = ModelIdentity("Small", "ab" * 32, "llama.cpp", "Apache-2.0", demonstration=True)


async def _answer(*_: Any) -> Response:
    return Response((CARD,))


async def _record(*_: Any) -> None:
    return None


def make_site(**changes: Any) -> Site:
    values: dict[str, Any] = {
        "version": "1.2.3",
        "profile": "demo",
        "base_url": "http://127.0.0.1:8010",
        "services": REGISTRY,
        "model": lambda: MODEL,
        "ready": lambda: Readiness(ready=True, checks={"engine": "ok", "store": "ok"}),
    }
    return Site(**(values | changes))


class NoPages:
    """Of no consultation at all."""

    async def open(self, link: str) -> Any:
        raise LinkUnknown

    async def pending(self, link: str) -> Any:
        raise LinkUnknown


def demo_access(site: Site, **more: Any) -> Access:
    """What the running service has: local links in the demo profile, nothing in the other."""
    links = LocalLinks(b"s" * 32) if site.demo else None
    return Access(site, links=links, **more)


class Served:
    """The application with the console's pages, asked over ASGI."""

    def __init__(
        self,
        site: Site,
        pages: Any = None,
        config: AppConfig | None = None,
        access: Access | None = None,
    ) -> None:
        self.access = access or demo_access(site)
        linked = LinkedPages(site, pages or NoPages())
        handlers = AppHandlers(
            answer=_answer,
            record_feedback=_record,
            ready=site.ready,
            metrics=lambda: (b"", "text/plain"),
            basis=HTMLResponse,
            version={"version": site.version},
            observe=lambda _: None,
            consultation=linked.page,
            error_page=error_page_of(site),
        )
        console = make_router(site, linked, self.access)
        self.app = create_app(handlers, config, pages=[console], visit=self.access.attach)
        # Whoever asks is signed in with every role where the profile has local links.
        self.session = self.sign_in() if self.access.how == "link" else ""

    def sign_in(self, *roles: Role, subject: str = "tester") -> str:
        """The id of a new session, as `Access.cookie` carries it; of all roles without any."""
        reader = Reader(subject, subject.title(), frozenset(roles or Role), "link")
        return self.access.sessions.begin(reader)

    def of_form(self) -> dict[str, str]:
        """Headers that a form of a page of this session has, or a request of htmx."""
        session = self.access.sessions.find(self.session)
        assert session is not None
        return {"sec-fetch-site": "same-origin", "x-csrf-token": session.csrf}

    def request(self, method: str, path: str, *, peer: str = "127.0.0.1", **more: Any) -> Any:
        if self.session:
            cookie = f"{self.access.cookie.name}={self.session}"
            more["headers"] = {"cookie": cookie, **more.get("headers", {})}

        async def ask() -> httpx.Response:
            transport = httpx.ASGITransport(self.app, client=(peer, 50_000))
            base = "http://127.0.0.1:8010"
            async with httpx.AsyncClient(transport=transport, base_url=base) as client:
                return await client.request(method, path, **more)

        return asyncio.run(ask())

    def get(self, path: str, **more: Any) -> httpx.Response:
        response: httpx.Response = self.request("GET", path, **more)
        return response


@pytest.fixture
def serve_site() -> Callable[..., Served]:
    """The application for a site; keywords replace what the site tells."""
    return lambda **changes: Served(make_site(**changes))


class Elements(HTMLParser):
    """Every start tag of a page with its attributes."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str]]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, {name: value or "" for name, value in attrs}))

    def all(self, tag: str) -> list[dict[str, str]]:
        return [attributes for name, attributes in self.found if name == tag]


@pytest.fixture(scope="session")
def elements_of() -> Callable[[str], Elements]:
    return Elements


@pytest.fixture(scope="module")
def whole_service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WholeService]:
    """The real service, with a model that does what a chart demands."""
    service = WholeService(tmp_path_factory.mktemp("console"))
    yield service
    service.stop()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Debian's Chromium by Playwright; the tests that need it are skipped without either.

    Open for one module alone: as long as it is, no other test of the process can run a loop.
    """
    driver = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("Chromium is not installed")
    with driver.sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield opened
        opened.close()
