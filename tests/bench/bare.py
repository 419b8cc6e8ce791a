"""The endpoint that a warm hook is measured against: FastAPI, the json module, one card."""

from __future__ import annotations

import json
import socket
from typing import Any

import uvicorn
from fastapi import FastAPI, Request

CARD = {"summary": "Nothing was done", "indicator": "info", "source": {"label": "bare"}}


def main() -> None:
    """Serve on a free loopback port, which is printed."""
    app = FastAPI()

    @app.post("/cds-services/chartside-patient-view")
    async def answer(request: Request) -> dict[str, Any]:
        document = json.loads(await request.body())
        assert document["prefetch"]
        return {"cards": [CARD]}

    bound = socket.create_server(("127.0.0.1", 0))
    print(bound.getsockname()[1], flush=True)
    config = uvicorn.Config(app, log_level="critical", access_log=False)
    uvicorn.Server(config).run(sockets=[bound])


if __name__ == "__main__":
    main()
