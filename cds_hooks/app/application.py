"""The service as an ASGI application: FastAPI inside, our layers around it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import orjson
from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp

from cds_hooks.app.config import AppConfig
from cds_hooks.app.endpoints import Endpoints
from cds_hooks.app.errors import MethodNotAllowed, PathUnknown, Unexpected
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
from cds_hooks.app.middleware.request_id import RequestId
from cds_hooks.app.notes import notes_of, place_of
from cds_hooks.app.openapi import components, describe
from cds_hooks.app.replies import error_reply, json_reply
from cds_hooks.app.routes import ALLOWED, normal, route_of
from cds_hooks.errors import ChartsideError

__all__ = ["create_app"]


def create_app(handlers: AppHandlers, config: AppConfig | None = None) -> ASGIApp:
    """The application. ValueError or AnswerInvalid when the services cannot be published.

    From the outside in: an id, the observer, CORS, the last resort, then who calls, then everything
    that refuses cheaply, then the endpoints: what is not let in holds no place among the calls.
    """
    config = config or AppConfig()
    app: ASGIApp = _inner(handlers, config)
    app = ContentType(app)
    app = BodyLimit(app, config)
    app = InFlight(app, config.max_in_flight, config.max_per_peer)
    if handlers.identify is not None:
        app = Authenticate(app, handlers.identify)
    if config.proxies:
        app = Forwarded(app, config.proxies, config.certificate_header)
    app = Paths(app)
    app = LastResort(app, config.retry_after_s)
    if config.cors_origins:
        app = Cors(app, config.cors_origins)
    app = FixedHeaders(app)
    app = Observe(app, handlers.observe)
    return RequestId(app)


def _inner(handlers: AppHandlers, config: AppConfig) -> FastAPI:
    app = FastAPI(
        title="Chartside",
        version=handlers.version.get("version", "0"),
        # FastAPI's pages load assets from elsewhere, and its document knows nothing of our bodies.
        openapi_url=None,
        redirect_slashes=False,
        lifespan=_lifespan(handlers),
    )
    _add_routes(app, Endpoints(handlers, config), describe([s.id for s in handlers.services]))
    _add_document(app)
    _add_handlers(app, config)
    return app


def _lifespan(handlers: AppHandlers) -> Any:
    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        manager: AbstractAsyncContextManager[None] | None = (
            handlers.lifespan and handlers.lifespan()
        )
        if manager is None:
            yield
        else:
            async with manager:
                yield

    return lifespan


def _add_routes(app: FastAPI, endpoints: Endpoints, described: dict[str, Any]) -> None:
    calls = {
        "/cds-services/{service_id}": endpoints.service,
        "/cds-services/{service_id}/feedback": endpoints.feedback,
        "/consultations/{link}/feedback": endpoints.judgements,
    }
    pages = {
        "/cds-services": endpoints.discovery,
        "/healthz": endpoints.healthz,
        "/readyz": endpoints.readyz,
        "/version": endpoints.version,
        "/metrics": endpoints.metrics,
        "/basis": endpoints.basis,
        "/consultations/{link}": endpoints.consultation,
    }
    for method, routes in (("POST", calls), ("GET", pages)):
        for path, endpoint in routes.items():
            name = endpoint.__name__
            app.add_api_route(
                path,
                endpoint,
                methods=[method],
                name=name,
                operation_id=name,
                response_model=None,
                response_class=Response,
                openapi_extra=described[name],
            )
    for path, endpoint in pages.items():
        app.add_route(path, endpoint, methods=["HEAD"], include_in_schema=False)


def _add_document(app: FastAPI) -> None:
    document = get_openapi(title=app.title, version=app.version, routes=app.routes)
    body = orjson.dumps({**document, "components": {"schemas": components()}})

    async def openapi(_: Request) -> Response:
        return json_reply(body)

    app.add_route("/openapi.json", openapi, methods=["GET", "HEAD"], include_in_schema=False)


def _add_handlers(app: FastAPI, config: AppConfig) -> None:
    """Every error inside FastAPI goes the same way out, its own 422 and 500 too."""

    async def answer(request: Request, error: Exception) -> Response:
        path = request.scope["path"]
        known = _known(error)
        if isinstance(known, MethodNotAllowed) and request.method == "OPTIONS":
            return Response(status_code=204, headers={"Allow": ALLOWED[route_of(normal(path))]})
        notes = notes_of(request.scope)
        notes.code = known.code
        if isinstance(known, Unexpected):
            notes.fault = place_of(error)
        return error_reply(known, path=path, retry_after_s=config.retry_after_s)

    for kind in (ChartsideError, HTTPException, Exception):
        app.add_exception_handler(kind, answer)


def _known(error: Exception) -> ChartsideError:
    if isinstance(error, ChartsideError):
        return error
    if isinstance(error, HTTPException) and error.status_code in (404, 405):
        return PathUnknown() if error.status_code == 404 else MethodNotAllowed()
    return Unexpected()
