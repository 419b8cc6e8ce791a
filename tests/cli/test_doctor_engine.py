"""`chartside doctor engine`: the rung, or the named cause and exit code 1."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from typer.testing import CliRunner

from cds_hooks.cli.doctor import doctor_app
from cds_hooks.doctor import engine_findings
from cds_hooks.inference.remote.misbehaviour import misbehaviours
from cds_hooks.inference.remote.server_trial import try_server
from tests.inference_remote.recordings import RECORDINGS, Recording, unstreamed
from tests.model_server import ModelServer

ROOT = Path(__file__).resolve().parents[2]
MODEL = ROOT / "build/models/SmolLM2-135M-Instruct.Q8_0.gguf"


@pytest.fixture
def settings(tmp_path: Path) -> Path:
    path = tmp_path / "chartside.toml"
    path.write_text(f'[model]\npath = "{MODEL}"\nnames = ""\ncache = ""\nthreads = 1\n')
    return path


@pytest.mark.model
def test_a_model_that_decodes_is_told_with_its_rung(
    settings: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEST_ENGINE_FAULT", "decode:SIGSEGV:extra-buffers")
    done = CliRunner().invoke(doctor_app, ["engine", "--config", str(settings)])
    assert done.exit_code == 0, done.output
    assert "decodes: rung without-extra-buffers, " in done.output
    assert "as-configured: The engine process ended by SIGSEGV" in done.output
    assert "built with: " in done.output


@pytest.mark.model
def test_one_that_does_not_ends_with_1_and_the_cause(
    settings: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEST_ENGINE_FAULT", "load:SIGILL")
    done = CliRunner().invoke(doctor_app, ["engine", "--json", "--config", str(settings)])
    assert done.exit_code == 1
    [told] = json.loads(done.output)["models"].values()
    assert (told["decodes"], told["code"]) == (False, "engine-died-loading")
    assert "SIGILL" in told["cause"]
    assert "`make setup`" in told["cause"]


def on_a_server(settings: Path, base: str, *more: str) -> Path:
    lines = ["[model_server]", f'bases = ["{base}"]', 'model = "smol"', *more]
    settings.write_text("\n".join(lines))
    return settings


def test_a_server_that_is_not_there_is_told_by_its_code(
    settings: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine_findings, "try_server", partial(try_server, within_s=0.5))
    path = on_a_server(settings, "http://127.0.0.1:9")
    done = CliRunner().invoke(doctor_app, ["engine", "--json", "--config", str(path)])
    assert done.exit_code == 1
    document = json.loads(done.output)
    assert document["models"] == {}
    [(where, told)] = document["servers"].items()
    assert where == "model_server, 127.0.0.1:9"
    assert (told["answers"], told["code"]) == (False, "server-unreachable")


@pytest.mark.model
def test_a_server_that_answers_is_told_with_its_build(
    settings: Path, serve: Callable[..., ModelServer]
) -> None:
    server = serve()
    path = on_a_server(settings, server.base)
    done = CliRunner().invoke(doctor_app, ["engine", "--config", str(path)])
    server.stop()
    assert done.exit_code == 0, done.output
    assert "answers bound to a schema (llama-server b9999-test (smol)" in done.output


@pytest.mark.model
def test_what_it_does_wrong_beside_an_answer_is_told_with_the_switch(
    settings: Path, serve: Callable[..., ModelServer]
) -> None:
    server = serve("--kind", "vllm")
    path = on_a_server(settings, server.base, "thinking_tokens = 256")
    done = CliRunner().invoke(doctor_app, ["engine", "--config", str(path)])
    server.stop()
    assert done.exit_code == 0, done.output
    assert "server-did-not-think" in done.output
    assert "--reasoning-parser" in done.output


@pytest.mark.parametrize("text", ['{"finding": "' + "abcd " * 20, '{"finding": "low'])
def test_answers_that_only_reach_the_token_limit_are_not_bound(settings: Path, text: str) -> None:
    cut = Recording("", "", pieces=[{"content": text}], finish="length")
    with played(cut) as base:
        path = on_a_server(settings, base)
        done = CliRunner().invoke(doctor_app, ["engine", "--json", "--config", str(path)])
    assert done.exit_code == 1, done.output
    [told] = json.loads(done.output)["servers"].values()
    assert told["code"] == "server-unconstrained-answer"
    assert "model_server.thinking_tokens" in told["cause"]


RECORDED = [r for r in RECORDINGS if not r.early]


@pytest.mark.parametrize("recording", RECORDED, ids=str)
def test_a_recorded_misbehaviour_is_told_by_its_code_and_switch(
    settings: Path, recording: Recording
) -> None:
    with played(recording) as base:
        path = on_a_server(settings, base)
        done = CliRunner().invoke(doctor_app, ["engine", "--json", "--config", str(path)])
    assert done.exit_code == 1, done.output
    [told] = json.loads(done.output)["servers"].values()
    assert told["code"] == recording.code
    [known] = [m for m in misbehaviours().misbehaviour if m.code == recording.code]
    assert known.switch in told["cause"]


@contextlib.contextmanager
def played(recording: Recording) -> Iterator[str]:
    """A server in a thread that plays a recording; its base URL."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(recording))
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _handler(recording: Recording) -> type[BaseHTTPRequestHandler]:
    status, body = recording.error or ("200 OK", unstreamed(recording))
    models = b'{"data":[{"id":"smol","owned_by":"vllm"}]}'

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._say(200, models if self.path == "/v1/models" else b"{}")

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            self._say(int(status[:3]), body)

        def _say(self, code: int, said: bytes) -> None:
            self.send_response(code)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(said)))
            self.end_headers()
            self.wfile.write(said)

        def log_message(self, *_: object) -> None:
            """Nothing."""

    return Handler
