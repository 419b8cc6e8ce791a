"""Settings with a fault in them, and how a finding is looked for."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from cds_hooks.doctor.context import Context
from cds_hooks.doctor.findings import Finding, Level
from cds_hooks.doctor.run import examined
from cds_hooks.settings import Settings, read_settings
from tests.prewarm.conftest import serve

__all__ = ["FAIL", "NOT_CHECKED", "PASS", "WARN", "Examine", "serve", "shows"]

PASS, WARN, FAIL, NOT_CHECKED = Level.PASS, Level.WARN, Level.FAIL, Level.UNCHECKED
Examine = Callable[..., list[Finding]]


def shows(found: Iterable[Finding], name: str, level: Level) -> Finding:
    """The finding of that id, which must be there once at least and have that level."""
    of_name = [each for each in found if each.id == name]
    assert level in [each.level for each in of_name], of_name
    one = next(each for each in of_name if each.level is level)
    assert one.says
    assert "{" not in one.says.replace("{{", "")
    assert bool(one.mend) == (level is not PASS), one
    return one


@pytest.fixture
def load(tmp_path: Path) -> Callable[[str], Settings]:
    """Settings of a text, whether or not they would start a service."""

    def make(text: str = "") -> Settings:
        file = tmp_path / "chartside.toml"
        file.write_text(text)
        return read_settings(file, {})

    return make


@pytest.fixture
def examine(load: Callable[[str], Settings]) -> Examine:
    """The findings of one part for settings of a text."""

    def look(part: str, text: str = "", **context: Any) -> list[Finding]:
        async def all_of_it() -> list[Finding]:
            made = Context(load(text), **context)
            return [each async for each in examined(made, [part])]

        return asyncio.run(all_of_it())

    return look


@pytest.fixture
def answering() -> Iterator[Callable[..., str]]:
    """An HTTP server on this machine that answers every GET with these bytes; gives its URL."""
    servers: list[ThreadingHTTPServer] = []

    def start(body: bytes, status: int = 200, date: str = "") -> str:
        class Handler(BaseHTTPRequestHandler):
            def do_HEAD(self) -> None:
                self.send_response_only(status)
                self.send_header("date", date or self.date_time_string())
                self.end_headers()

            def do_GET(self) -> None:
                self.send_response(status)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Nothing to standard error."""

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_port}"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()
