"""A small, conformant CDS Hooks service, and faults that can be switched on one by one."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import jwt
import orjson
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.conform.faulty_documents import CARD, discovery_of, response_of

ORIGIN = "https://ehr.example.org"
ISSUER = "https://ehr.example.org/fhir"


@dataclass
class FaultyService:
    """`fault` is the name of what is wrong; empty: nothing. With `keys` (kid to public key) every
    call needs a token."""

    fault: str = ""
    keys: dict[str, Any] = field(default_factory=dict)
    base: str = ""
    used: set[str] = field(default_factory=set)
    received: list[dict[str, Any]] = field(default_factory=list)

    def app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/cds-services", self.discovery),
                Route("/cds-services", self.preflight, methods=["OPTIONS"]),
                Route("/cds-services/{id}", self.preflight, methods=["OPTIONS"]),
                Route("/cds-services/{id}", self.call, methods=["POST"]),
                Route("/cds-services/{id}/feedback", self.feedback, methods=["POST"]),
            ]
        )

    async def preflight(self, request: Request) -> Response:
        if self.fault == "preflight-wants-a-token":
            return Response(status_code=401)
        headers = {"access-control-allow-headers": "authorization, content-type"}
        if self.fault == "preflight-without-authorization":
            headers = {"access-control-allow-headers": "content-type"}
        return self._shared(request, Response(status_code=204, headers=headers))

    async def discovery(self, request: Request) -> Response:
        if self.fault == "discovery-html":
            return Response("<html>A gateway</html>", media_type="text/html")
        if self.fault == "discovery-500":
            return Response(status_code=500)
        document = discovery_of(self.fault)
        return self._shared(request, JSONResponse(document))

    async def call(self, request: Request) -> Response:
        if not self._admits(request, f"{self.base}/cds-services/{request.path_params['id']}"):
            return Response(self.fault_text("401-tells-why", b"token expired"), status_code=401)
        if request.path_params["id"] != "greeter" and self.fault != "unknown-service-answered":
            return Response(status_code=404)
        raw = await request.body()
        refusal, body = self._parsed(request, raw)
        if refusal is not None:
            return refusal
        self.received.append(body)
        if (unmet := self._unmet(body)) is not None:
            return unmet
        if self.fault == "slow":
            await asyncio.sleep(0.7)
        return self._shared(request, JSONResponse(response_of(self.fault)))

    def fault_text(self, fault: str, text: bytes) -> bytes:
        return text if self.fault == fault else b""

    def _parsed(self, request: Request, raw: bytes) -> tuple[Response | None, Any]:
        try:
            body = orjson.loads(raw)
        except ValueError:
            return Response(status_code=500 if self.fault == "malformed-500" else 400), None
        if self.fault == "lenient" and not isinstance(body, dict):
            return JSONResponse({"cards": []}), None
        if not isinstance(body, dict):
            return Response(status_code=400), None
        wrong = [n for n in ("hook", "hookInstance") if not isinstance(body.get(n), str)]
        context = body.get("context")
        if wrong or not isinstance(context, dict) or "patientId" not in context:
            status = 500 if self.fault == "missing-field-500" else 400
            return Response(self.fault_text("echo", raw), status_code=status), None
        if body["hook"] != "patient-view" and self.fault != "wrong-hook-answered":
            return Response(status_code=400), None
        if "fhirAuthorization" in body and "fhirServer" not in body:
            return Response(status_code=400), None
        if not request.headers["content-type"].startswith("application/json"):
            return Response(status_code=415), None
        return None, body

    def _unmet(self, body: dict[str, Any]) -> Response | None:
        if self._intolerant(body):
            return Response(status_code=400)
        prefetch = body.get("prefetch")
        if not prefetch:
            return Response(status_code=500 if self.fault == "no-prefetch-500" else 412)
        conditions = prefetch.get("conditions")
        if self.fault == "null-prefetch-500" and conditions is None:
            return Response(status_code=500)
        if isinstance(conditions, str):
            return Response(status_code=500 if self.fault == "odd-prefetch-500" else 400)
        kind = (conditions or {}).get("resourceType")
        if self.fault == "outcome-500" and kind == "OperationOutcome":
            return Response(status_code=500)
        if self.fault == "empty-prefetch-500" and kind == "Bundle" and not conditions["entry"]:
            return Response(status_code=500)
        return None

    def _intolerant(self, body: dict[str, Any]) -> bool:
        extension = body.get("extension", {})
        match self.fault:
            case "extension-refused":
                return bool(extension)
            case "scalar-extension-refused":
                return not all(isinstance(value, dict) for value in extension.values())
            case "unknown-property-refused":
                known = {"hook", "hookInstance", "context", "prefetch", "extension"}
                return bool(set(body) - known)
            case "unknown-key-refused":
                return bool(set(body.get("prefetch") or ()) - {"patient", "conditions"})
        return False

    async def feedback(self, request: Request) -> Response:
        if not self._admits(request, ""):
            return Response(status_code=401)
        try:
            entries = orjson.loads(await request.body())["feedback"]
        except (ValueError, KeyError):
            return Response(status_code=400)
        if self.fault == "feedback-500":
            return Response(status_code=500)
        known = all(entry["card"] == CARD["uuid"] for entry in entries)
        if self.fault == "unknown-card-500" and not known:
            return Response(status_code=500)
        return Response(status_code=200)

    def _shared(self, request: Request, response: Response) -> Response:
        origin = request.headers.get("origin")
        if self.fault == "any-origin-with-credentials" and origin:
            response.headers["access-control-allow-origin"] = origin
            response.headers["access-control-allow-credentials"] = "true"
        elif origin == ORIGIN and self.fault != "cors-missing":
            response.headers["access-control-allow-origin"] = ORIGIN
        return response

    def _admits(self, request: Request, audience: str) -> bool:
        if not self.keys or self.fault == "no-token-needed":
            return True
        if self.fault == "feedback-open" and request.url.path.endswith("/feedback"):
            return True
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        try:
            header = jwt.get_unverified_header(token)
            claims = self._claims(token, header, audience)
        except jwt.PyJWTError:
            return False
        if self.fault != "replay-accepted":
            seen = claims["jti"] in self.used
            self.used.add(claims["jti"])
            return not seen
        return True

    def _claims(self, token: str, header: dict[str, Any], audience: str) -> dict[str, Any]:
        if self.fault == "none-accepted" and header["alg"] == "none":
            return jwt.decode(token, options={"verify_signature": False})
        if self.fault == "symmetric-accepted" and header["alg"] == "HS256":
            return jwt.decode(token, options={"verify_signature": False})
        if self.fault == "signature-unchecked":
            return jwt.decode(token, options={"verify_signature": False, "verify_exp": True})
        claims: dict[str, Any] = jwt.decode(
            token,
            self.keys.get(header.get("kid"), ""),
            algorithms=["ES384"],
            audience=audience or None,
            options={
                "verify_exp": self.fault != "expired-accepted",
                "verify_aud": bool(audience) and self.fault != "audience-unchecked",
            },
        )
        if claims["iss"] != ISSUER and self.fault != "issuer-unchecked":
            raise jwt.InvalidIssuerError
        return claims


@contextlib.contextmanager
def running(service: FaultyService) -> Iterator[str]:
    """Serve on a free loopback port; gives the address."""
    config = uvicorn.Config(
        service.app(), host="127.0.0.1", port=0, log_config=None, lifespan="off"
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    service.base = f"http://127.0.0.1:{port}"
    try:
        yield service.base
    finally:
        server.should_exit = True
        thread.join(10)
