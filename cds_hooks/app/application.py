"""The service as an ASGI application: FastAPI with our middleware."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

from fastapi import APIRouter, Depends, FastAPI
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response

from cds_hooks.app.errors import MethodNotAllowed, PageRefused, PathUnknown, Unexpected
from cds_hooks.app.handlers import AppHandlers
from cds_hooks.app.middleware.authenticate import Authenticate
from cds_hooks.app.middleware.body_limit import BodyLimit
from cds_hooks.app.middleware.content_type import ContentType
from cds_hooks.app.middleware.cors import Cors
from cds_hooks.app.middleware.fixed_headers import FixedHeaders
from cds_hooks.app.middleware.forwarded import Forwarded
from cds_hooks.app.middleware.in_flight import InFlight
from cds_hooks.app.middleware.last_resort import LastResort
from cds_hooks.app.middleware.observe import Observe
from cds_hooks.app.middleware.paths import Paths
from cds_hooks.app.middleware.record import Record
from cds_hooks.app.middleware.request_id import RequestId
from cds_hooks.app.notes import notes_of
from cds_hooks.app.openapi import document_of
from cds_hooks.app.published_services import PublishedServices
from cds_hooks.app.replies import error_reply
from cds_hooks.app.routers import PAGES, ROUTERS
from cds_hooks.app.routes import ALLOWED, normal, route_of
from cds_hooks.app.server_settings import AppConfig
from cds_hooks.app.state import AppState
from cds_hooks.errors import ChartsideError

__all__ = ["create_app"]

Visit = Callable[[Request], Awaitable[None]]


def create_app(
    handlers: AppHandlers,
    config: AppConfig | None = None,
    *,
    pages: Sequence[APIRouter] = (),
    visit: Visit | None = None,
) -> FastAPI:
    """The application. ValueError or AnswerInvalid when the services cannot be published.

    `pages` are routers of web pages; their paths must be known to `routes`. `visit` is told of each
    request for a page of our own routers, before it is answered.
    """
    config = config or AppConfig()
    app = FastAPI(
        title="Chartside",
        version=handlers.version.get("version", "0"),
        # FastAPI's own pages load their assets from another origin.
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        generate_unique_id_function=lambda route: route.name,
        lifespan=_lifespan(handlers),
        middleware=_middleware(handlers, config),
        exception_handlers=dict.fromkeys((ChartsideError, HTTPException), _answer_error),
    )
    app.state.shared = AppState(handlers, config, PublishedServices(handlers))
    for router in (*ROUTERS, *pages):
        told = [Depends(visit)] if visit is not None and router is PAGES else []
        app.include_router(router, dependencies=told)
        _add_head(app, router)
    document = document_of(app, [service.id for service in handlers.services])
    app.openapi = lambda: document  # type: ignore[method-assign]  # as FastAPI's manual says
    return app


def _middleware(handlers: AppHandlers, config: AppConfig) -> list[Middleware]:
    """From the outside in: an id, the observer, CORS, the last resort, then who calls, then what
    refuses cheaply: a caller that is refused holds no place among the calls."""
    identify, proxies = handlers.identify, config.proxy.addresses
    return [
        Middleware(RequestId),
        Middleware(Observe, handlers.observe),
        Middleware(FixedHeaders, config.server.public_url.startswith("https://")),
        *([Middleware(Cors, config.server.cors_origins)] if config.server.cors_origins else []),
        Middleware(LastResort, config.retry_after_s, handlers.error_page),
        Middleware(Paths),
        *([Middleware(Forwarded, proxies, config.proxy.certificate_header)] if proxies else []),
        *([Middleware(Authenticate, identify)] if identify is not None else []),
        Middleware(InFlight, config.server.max_in_flight, config.max_per_peer),
        Middleware(BodyLimit, config, handlers.error_page),
        Middleware(ContentType),
        *([Middleware(Record, handlers.record)] if handlers.record is not None else []),
    ]


def _lifespan(
    handlers: AppHandlers,
) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        if handlers.lifespan is None:
            yield
        else:
            async with handlers.lifespan():
                yield

    return lifespan


def _add_head(app: FastAPI, router: APIRouter) -> None:
    """HEAD wherever there is GET, which FastAPI leaves to its users."""
    for route in router.routes:
        if isinstance(route, APIRoute) and "GET" in (route.methods or ()):
            app.add_api_route(
                route.path,
                route.endpoint,
                methods=["HEAD"],
                dependencies=route.dependencies,
                response_class=route.response_class,
                include_in_schema=False,
            )


async def _answer_error(request: Request, error: Any) -> Response:
    """An error of an endpoint, or FastAPI's own for a path or a method, as every other of ours."""
    known = _known(error)
    if isinstance(known, MethodNotAllowed) and request.method == "OPTIONS":
        path = normal(request.scope["path"])
        return Response(status_code=204, headers={"Allow": ALLOWED[route_of(path)]})
    notes_of(request.scope).code = known.code
    if isinstance(known, PageRefused):
        return known.page
    shared: AppState = request.app.state.shared
    return error_reply(
        known,
        request.scope,
        retry_after_s=shared.config.retry_after_s,
        page=shared.handlers.error_page,
    )


def _known(error: Exception) -> ChartsideError:
    if isinstance(error, ChartsideError):
        return error
    if isinstance(error, HTTPException) and error.status_code in (404, 405):
        return PathUnknown() if error.status_code == 404 else MethodNotAllowed()
    return Unexpected()
