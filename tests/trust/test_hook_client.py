"""`chartside hook --url`: the real edge with a real gate, called by the command as by an EHR."""

from __future__ import annotations

import asyncio
import json
import socket
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import uvicorn
from jwt.algorithms import ECAlgorithm

from cds_hooks.cli.application import main
from cds_hooks.cli.hook_service import client_of
from cds_hooks.cli.mapping import UsageError
from tests.trust.conftest import BASE, ISSUER, Signer, client_entry

CHART = {"resourceType": "Patient", "id": "1"}


@asynccontextmanager
async def listening(app: Any) -> AsyncIterator[str]:
    """The application on a free port of this machine."""
    bound = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="off"))
    serving = asyncio.create_task(server.serve(sockets=[bound]))
    try:
        yield f"http://127.0.0.1:{bound.getsockname()[1]}"
    finally:
        server.should_exit = True
        await serving


@pytest.fixture
def words(tmp_path: Path, signer: Signer) -> list[str]:
    """The command for a chart in a file, with the client's key."""
    chart, key = tmp_path / "chart.json", tmp_path / "key.json"
    chart.write_text(json.dumps(CHART))
    key.touch(mode=0o600)
    key.write_text(json.dumps({**ECAlgorithm.to_jwk(signer.key, as_dict=True), "kid": signer.kid}))
    return ["patient-view", "--bundle", str(chart), "--key", str(key), "--audience", BASE]


@pytest.fixture
def run(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str]]:
    """`chartside hook ... --json` in this process: its exit code and what it printed."""

    def hook(*arguments: str) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["chartside", "hook", *arguments, "--json"])
        with pytest.raises(SystemExit) as ended:
            main()
        return int(ended.value.code or 0), capsys.readouterr().out

    return hook


async def test_the_hook_of_a_file_comes_to_the_service_as_an_ehrs(
    make_edge: Any, signer: Signer, words: list[str], run: Callable[..., tuple[int, str]]
) -> None:
    async with make_edge(client_entry(signer)) as edge, listening(edge.app) as url:
        status, told = await asyncio.to_thread(run, *words, "--url", url, "--issuer", ISSUER)
        assert (status, len(json.loads(told)["cards"])) == (0, 1)
        [(service, request, info)] = edge.asked
        assert service.id == "chartside-patient-view"
        assert request.context.patient_id == "1"
        assert request.prefetch["patient"]["id"] == "1"
        assert info.caller.client == "ehr"
        assert not edge.refused


async def test_the_chart_is_opened_again_with_a_token_each_until_the_answer_is_there(
    make_edge: Any,
    signer: Signer,
    words: list[str],
    run: Callable[..., tuple[int, str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    slept: list[float] = []
    clock = SimpleNamespace(monotonic=lambda: 50.0 + sum(slept), sleep=slept.append)
    monkeypatch.setattr("cds_hooks.cli.hook_service.time", clock)
    async with make_edge(client_entry(signer)) as edge, listening(edge.app) as url:
        status, told = await asyncio.to_thread(
            run, *words, "--url", url, "--issuer", ISSUER, "--wait", "3"
        )
        assert (status, len(json.loads(told)["cards"])) == (0, 1)
        assert slept == [1.0] * 3
        assert len(edge.asked) == 4
        assert len({request.hook_instance for _, request, _ in edge.asked}) == len(edge.asked)
        assert not edge.refused


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        (["--issuer", "https://elsewhere.example"], "token-issuer-unknown"),
        (["--issuer", ISSUER, "--kid", "k2"], "token-key-unknown"),
        (["--issuer", ISSUER, "--audience", "https://other.example"], "token-audience"),
    ],
)
async def test_a_refused_call_is_told_and_the_reason_stays_with_the_service(
    make_edge: Any, signer: Signer, words: list[str], run: Callable[..., tuple[int, str]],
    more: list[str], reason: str,
) -> None:  # fmt: skip
    async with make_edge(client_entry(signer)) as edge, listening(edge.app) as url:
        status, told = await asyncio.to_thread(run, *words, "--url", url, *more)
        assert status == 3
        error = json.loads(told)["error"]
        assert error["code"] == "call-refused"
        assert reason not in error["diagnostics"]
        assert [call.reason for call in edge.refused] == [reason]
        assert not edge.asked


def test_no_service_is_told_as_that(words: list[str], run: Callable[..., tuple[int, str]]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    status, told = run(*words, "--url", f"http://127.0.0.1:{port}", "--issuer", ISSUER)
    assert status == 1
    assert json.loads(told)["error"]["code"] == "service-not-reached"


@pytest.mark.parametrize(
    ("more", "says"),
    [
        (["--url", "http://cds.hospital.example", "--issuer", ISSUER], "in clear"),
        (["--url", "ftp://x", "--issuer", ISSUER], "no http address"),
        (["--url", "http://[", "--issuer", ISSUER], "no http address"),
        (["--url", "http://127.0.0.1:1"], "belong together"),
        (["--url", "http://127.0.0.1:1", "--issuer", ISSUER, "--explain"], "--explain"),
        (["--issuer", ISSUER], "a service at --url"),
    ],
)
def test_options_that_do_not_fit_are_told(
    words: list[str], run: Callable[..., tuple[int, str]], more: list[str], says: str
) -> None:
    status, told = run(*words, *more)
    assert status == 3
    assert says in json.loads(told)["error"]["diagnostics"]


def test_a_token_needs_a_key() -> None:
    client = client_of(
        "http://127.0.0.1:1", key=None, kid="", issuer="", audience="", authority=None,
        certificate=None, wait_s=0,
    )  # fmt: skip
    with pytest.raises(UsageError, match="no key"):
        client.token_for("chartside-patient-view")
