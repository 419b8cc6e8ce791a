"""The command runs in a shell, and sends what was asked for."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from cds_hooks.console.ehr_views import curl_command
from tests.console.ehr_views.requests import FINE
from tests.console.hostile import HOSTILE

pytestmark = pytest.mark.skipif(
    not (shutil.which("curl") and shutil.which("bash")), reason="curl or bash is not installed"
)


class Heard(BaseHTTPRequestHandler):
    """Keeps what was sent."""

    calls: list[tuple[str, dict[str, str], bytes]]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.calls.append((self.path, dict(self.headers.items()), body))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Nothing."""


@pytest.fixture
def heard() -> Iterator[tuple[str, list[tuple[str, dict[str, str], bytes]]]]:
    calls: list[tuple[str, dict[str, str], bytes]] = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Mine", (Heard,), {"calls": calls}))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", calls
    server.shutdown()
    thread.join()
    server.server_close()


def _run(command: str, folder: Path) -> int:
    environment = {**os.environ, "TOKEN": "of-the-shell", "HOME": str(folder)}
    environment.pop("http_proxy", None)
    environment["no_proxy"] = "*"
    ran = subprocess.run(["bash", "-euc", command], cwd=folder, env=environment, timeout=60)
    return ran.returncode


@pytest.mark.parametrize("tokens", [True, False])
def test_the_command_sends_the_request(heard: Any, tmp_path: Path, tokens: bool) -> None:
    url, calls = heard
    made = curl_command(f"{url}/cds-services/a", FINE, tokens=tokens)
    assert _run(made.command, tmp_path) == 0
    [(path, headers, body)] = calls
    assert path == "/cds-services/a"
    assert headers["Content-Type"] == "application/json"
    assert headers.get("Authorization") == ("Bearer of-the-shell" if tokens else None)
    assert json.loads(body) == {k: v for k, v in FINE.items() if k != "fhirAuthorization"}


def test_no_token_is_in_it() -> None:
    made = curl_command("https://cds.example/x", FINE, tokens=True)
    assert "secret" not in made.command + made.body
    assert made.without_token
    assert not curl_command("https://cds.example/x", {"hook": "x"}, tokens=True).without_token


def test_hostile_texts_reach_the_server_as_they_are(heard: Any, tmp_path: Path) -> None:
    url, calls = heard
    texts = [*HOSTILE, "'", '"', "\\", "$(touch made)", "`touch made`", "${HOME}", "!history", "%s",
             "\nCHARTSIDE_END\n", "é\u2028\U0001f600\ud800"]  # fmt: skip
    request = {"hook": "patient-view", "context": {text: text for text in texts}}
    assert _run(curl_command(f"{url}/a", request, tokens=True).command, tmp_path) == 0
    [(_, _, body)] = calls
    assert json.loads(body) == request
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("path", ["/a?x=$(touch made)&y=[1-3]", "/{a,b}'\";touch made;'", "/ä b"])
def test_hostile_addresses_stay_one_word(heard: Any, tmp_path: Path, path: str) -> None:
    url, calls = heard
    command = curl_command(url + path, {"hook": "x"}, tokens=False).command
    # curl may refuse the address (3: malformed URL); a shell must not run any of it.
    assert _run(command, tmp_path) in (0, 3)
    assert list(tmp_path.iterdir()) == []
    assert len(calls) <= 1


def test_a_large_body_is_a_file(heard: Any, tmp_path: Path) -> None:
    url, calls = heard
    request = {"hook": "x", "context": {"text": "y" * 20_000}}
    made = curl_command(f"{url}/a", request, tokens=False)
    assert made.file == "hook.json"
    assert len(made.command) < 300
    (tmp_path / made.file).write_text(made.body, "utf-8")
    assert _run(made.command, tmp_path) == 0
    assert json.loads(calls[0][2]) == request
