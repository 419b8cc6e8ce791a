"""The checks of every page find what they are there to find, on a page that has each fault."""

from __future__ import annotations

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest

from tests.console.looking import Looked, look

FAULTY = b"""<!doctype html><html><head><title>Faulty</title><style>
  body { color: #777; background: #777; margin: 0 }
  a:focus { outline: none }
  @media (prefers-color-scheme: dark) { body { background: #111; color: #fff } }
  </style></head><body><h1>Faulty</h1>
<p id="wide" style="width: 900px">wide</p> <a href="#wide">a link</a>
<button tabindex="5">first</button>
<div onkeydown="event.preventDefault()"><a href="#wide" onkeydown="event.preventDefault()">trap</a>
<a href="#never">never reached</a></div>
<img src="http://127.0.0.1:9/elsewhere.png">
<script>console.error("complaint")</script></body></html>"""


class _Faulty(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.end_headers()
        self.wfile.write(FAULTY)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def seen(browser: Any) -> Iterator[Looked]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Faulty) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield look(browser, f"http://127.0.0.1:{server.server_port}/", "h1")
        server.shutdown()


def _rules(found: list[dict[str, Any]]) -> set[str]:
    return {each["rule"] for each in found}


def test_axe_is_asked(seen: Looked) -> None:
    assert {"image-alt", "html-has-lang", "color-contrast", "tabindex"} <= _rules(seen.light)
    assert "color-contrast" in _rules(seen.narrow)


def test_requests_complaints_and_weight_are_seen(seen: Looked) -> None:
    assert "http://127.0.0.1:9/elsewhere.png" in seen.asked
    assert "complaint" in seen.complaints
    assert seen.bytes >= len(FAULTY)


def test_what_is_too_wide_and_what_the_keyboard_misses_is_named(seen: Looked) -> None:
    assert [each for each in seen.sideways if 'id="wide"' in each]
    assert [each for each in seen.not_reached if "never reached" in each]
    assert [each for each in seen.unseen_focus if "a link" in each]


def test_dark_paper_is_seen(seen: Looked) -> None:
    assert seen.printed["paper"] == "rgb(17, 17, 17)"
