"""The origin of the stand-in for the CDS Hooks Sandbox: its page, its key, and an open FHIR server.

The Sandbox reads open FHIR servers that let every origin read; the tests' server wants a token and
has no CORS, so `/fhir/` here passes reads on with the token.
"""

from __future__ import annotations

import json
from pathlib import Path

import httpx
from joserfc.jwk import ECKey
from markdown_it import MarkdownIt
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from tests.app.conftest import Served

__all__ = ["KID", "ClientOrigin"]

PAGE = Path(__file__).parent / "page"
KID = "44823f3d-0b01-4a6c-a80e-b9d3e8a7226f"
# Markdown as GitHub writes it, with the HTML in it alive.
_LIVE = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])


class ClientOrigin:
    """A server on a free loopback port. `jwks` is the public half of its key, as JSON; reads whose
    path is in `refused` answer 403; `fhir_reads` are the paths and queries that were read."""

    def __init__(self, fhir_base: str, fhir_token: str) -> None:
        self._fhir, self._token = fhir_base, fhir_token
        self._key = ECKey.generate_key("P-384", {"kid": KID, "use": "sig", "alg": "ES384"})
        self.jwks = json.dumps({"keys": [self._key.as_dict(private=False)]})
        self.fhir_reads: list[str] = []
        self.refused: set[str] = set()
        routes = [
            Route("/key.json", self._private_key),
            Route("/markdown", self._markdown, methods=["POST"]),
            Route("/fhir/{path:path}", self._read),
            Mount("/", StaticFiles(directory=PAGE, html=True)),
        ]
        self._server = Served(Starlette(routes=routes))
        self.url = self._server.url
        self.fhir = f"{self.url}/fhir"

    def stop(self) -> None:
        """End it."""
        self._server.stop()

    async def _private_key(self, _: Request) -> Response:
        key = self._key.as_dict(private=True)
        return JSONResponse({name: key[name] for name in ("kty", "crv", "x", "y", "d")})

    async def _markdown(self, request: Request) -> Response:
        return HTMLResponse(_LIVE.render((await request.body()).decode()))

    async def _read(self, request: Request) -> Response:
        path = request.path_params["path"]
        self.fhir_reads.append(f"/{path}?{request.url.query}".rstrip("?"))
        if path in self.refused:
            return JSONResponse({"resourceType": "OperationOutcome"}, 403)
        headers = {
            "Authorization": f"Bearer {self._token}",
            "Accept": request.headers["accept"],
        }
        async with httpx.AsyncClient(trust_env=False, timeout=60) as client:
            answer = await client.get(
                f"{self._fhir}/{path}?{request.url.query}".rstrip("?"), headers=headers
            )
        return Response(answer.content, answer.status_code, media_type="application/fhir+json")
