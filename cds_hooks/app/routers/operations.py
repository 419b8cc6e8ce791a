"""What those who run the service ask: health, readiness, version, metrics."""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter
from pydantic import BaseModel
from starlette.responses import Response

from cds_hooks.app.openapi import page_of
from cds_hooks.app.state import State

__all__ = ["router"]

router = APIRouter(tags=["Operation"])


class Health(BaseModel):
    """The process answers."""

    status: Literal["ok"] = "ok"


class ReadinessReport(BaseModel):
    """Each check by name with `ok` or what is wrong."""

    status: Literal["ready", "not-ready"]
    checks: dict[str, str]


@router.get("/healthz")
async def healthz() -> Health:
    """Whether the process answers."""
    return Health()


@router.get("/readyz", responses={503: {"model": ReadinessReport, "description": "Not ready"}})
async def readyz(state: State, response: Response) -> ReadinessReport:
    """Whether calls are answered; 503 with what is missing until then."""
    now = state.handlers.ready()
    if now.ready:
        return ReadinessReport(status="ready", checks=dict(now.checks))
    response.status_code = 503
    response.headers["Retry-After"] = str(state.config.retry_after_s)
    return ReadinessReport(status="not-ready", checks=dict(now.checks))


@router.get("/version")
async def version(state: State) -> dict[str, str]:
    """Versions and digests of what runs here."""
    return dict(state.handlers.version)


@router.get(
    "/metrics", response_class=Response, responses={200: page_of("Prometheus text", "text/plain")}
)
async def metrics(state: State) -> Response:
    """Metrics as Prometheus reads them."""
    body, content_type = state.handlers.metrics()
    return Response(body, headers={"Content-Type": content_type})
