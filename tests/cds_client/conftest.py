"""A FHIR server that misbehaves in one way, and fixtures of SMART Backend Services."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from cds_hooks.cds_client.server_chart import FhirAccess
from cds_hooks.gather.server_base import ServerBase
from tests.prewarm.conftest import Served, authorization, ec_key, key_file, serve, signing_key

__all__ = ["authorization", "ec_key", "key_file", "serve", "signing_key"]

PATIENT = {"resourceType": "Patient", "id": "alpha", "gender": "female"}


def faulty_fhir(fault: str) -> Starlette:
    """Every read is answered with the same fault; "" answers with the patient, or nothing found."""

    async def read(request: Any) -> Response:
        is_patient = request.url.path.endswith("/Patient/alpha")
        if fault == "html":
            return Response("<html>Sign in</html>", media_type="text/html")
        if fault == "redirect":
            return RedirectResponse("https://elsewhere.example.org/fhir")
        if fault.isdecimal():
            return Response(status_code=int(fault))
        if fault == "conditions-forbidden" and "Condition" in request.url.path:
            return Response(status_code=403)
        if fault == "next-elsewhere" and not is_patient:
            link = [{"relation": "next", "url": "https://elsewhere.example.org/page2"}]
            return JSONResponse({"resourceType": "Bundle", "type": "searchset", "link": link})
        if "/Patient/" in request.url.path and not is_patient:
            return Response(status_code=404)
        empty = {"resourceType": "Bundle", "type": "searchset", "total": 0}
        return JSONResponse(PATIENT if is_patient else empty)

    return Starlette(routes=[Route("/fhir/{path:path}", read)])


@pytest.fixture
def fhir(serve: Callable[[Any], Served]) -> Callable[..., FhirAccess]:
    """Start a server with a fault; gives how to reach it."""

    def start(fault: str = "") -> FhirAccess:
        base = ServerBase.parse(f"{serve(faulty_fhir(fault)).url}/fhir")
        assert base is not None
        return FhirAccess(base, patience_s=20)

    return start
