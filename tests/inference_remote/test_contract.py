"""The contract of `chartside doctor model-server`, against a real server and a router before two.

`tests/inference_remote/router.py` does what the documentation of real routers says they do.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from cds_hooks.cli.application import app
from cds_hooks.doctor.contract import Clause, clauses, examined_endpoint
from cds_hooks.doctor.contract_asking import Endpoint
from cds_hooks.doctor.findings import Level
from cds_hooks.inference.remote.http_exchange import ConnectionBounds
from cds_hooks.inference.remote.openai_config import OpenAIConfig
from tests.inference_remote.router import Manners, Router, routing, until
from tests.llama_server import LlamaServer, named_server, start_llama_server
from tests.model_server import EMBEDDED

pytestmark = [pytest.mark.model, pytest.mark.slow, pytest.mark.long]


@pytest.fixture(scope="module")
def servers() -> Iterator[list[LlamaServer]]:
    program = named_server()
    if program is None or not EMBEDDED.is_file():
        pytest.skip("there is no llama-server (`make llama-server`), or no embedded model")
    started = [start_llama_server(program, samples=3, context=8192) for _ in range(2)]
    yield started
    for server in started:
        server.stop()


@asynccontextmanager
async def routed(servers: list[LlamaServer], **manners: Any) -> AsyncIterator[Router]:
    async with routing([each.base for each in servers], Manners(**manners)) as router:
        yield router


async def examined(base: str, *names: str) -> dict[str, Clause]:
    """Patient, as machines that run tests are busy."""
    bounds = ConnectionBounds(stall_s=120.0)
    config = OpenAIConfig(base_url=base, allowed=(base,), model="smol", in_flight=4, bounds=bounds)
    endpoint = Endpoint(config)
    try:
        return {each.id: each async for each in examined_endpoint(endpoint, names)}
    finally:
        await endpoint.close()


async def test_a_server_and_a_router_before_two_keep_it(servers: list[LlamaServer]) -> None:
    alone = await examined(servers[0].base, "models", "answer", "streamed", "usage", "samples")
    assert {each.level for each in alone.values()} == {Level.PASS}, alone
    async with routed(servers) as router:
        found = await examined(router.base)
        assert list(found) == list(clauses())
        told = {name: (each.level, each.says) for name, each in found.items()}
        # This server answers to any id, and batches; no key is set.
        may = {"own-model": Level.WARN, "repeats": Level.WARN, "key": Level.UNCHECKED}
        for name, (level, says) in told.items():
            assert level in (Level.PASS, may.get(name)), (name, level, says)
        assert set(router.asked) == {each.base for each in servers}
        assert router.given_up >= 2
        assert router.open == 0
        # The server was told, too: nothing of what was given up goes on.
        for server in servers:
            await asyncio.to_thread(until, lambda server=server: not server.working(), 60)
            assert not server.working()


async def _clause(servers: list[LlamaServer], name: str, **manners: Any) -> tuple[Level, str]:
    async with routed(servers, **manners) as router:
        found = (await examined(router.base, name))[name]
    assert bool(found.mend) is (found.level in (Level.WARN, Level.FAIL))
    return found.level, found.says


@pytest.mark.parametrize(
    ("manners", "name", "level", "says"),
    [
        ({"cache": "exact"}, "seeds", Level.FAIL, "two seeds gave one text"),
        ({"cache": "semantic"}, "fresh", Level.FAIL, "two questions got one text"),
        ({"drops": ("response_format",)}, "answer", Level.FAIL, ""),
        ({"drops": ("n",)}, "samples", Level.WARN, "1 of 3"),
        ({"largest": 32768}, "large", Level.FAIL, "server-refused-request"),
        ({"compresses": True}, "answer", Level.FAIL, "server-compressed"),
        ({"fallback": "smol"}, "own-model", Level.WARN, "another model answered"),
        ({"most": 1, "refusal": 429}, "many", Level.PASS, "refused as busy"),
        ({"most": 1, "refusal": 503, "retry_after": ""}, "many", Level.WARN, "0 with Retry-After"),
        ({"most": 1, "refusal": 500}, "many", Level.FAIL, "server-error"),
    ],
    ids=lambda value: value if isinstance(value, str) and value else None,
)
async def test_what_a_router_does_wrong_is_found(
    servers: list[LlamaServer], manners: dict[str, Any], name: str, level: Level, says: str
) -> None:
    found = await _clause(servers, name, **manners)
    assert found[0] is level, found
    assert says in found[1]


def test_the_page_has_every_clause() -> None:
    page = Path(__file__).resolve().parents[2] / "docs/operators/routing.md"
    text = page.read_text("utf-8")
    assert [name for name in clauses() if f"`{name}`" not in text] == []


async def test_the_command_tells_an_operator(servers: list[LlamaServer], tmp_path: Path) -> None:
    async with routed(servers, drops=("n",)) as router:
        words = ["doctor", "model-server", "--url", router.base, "--model", "smol"]
        words += ["--clause", "samples"]
        done = await asyncio.to_thread(CliRunner().invoke, app, words)
        assert done.exit_code == 0, done.output
        assert "WARN        samples" in done.output
        assert "let n through" in done.output
        config = tmp_path / "chartside.toml"
        config.write_text(
            f'[model_server]\nbases = ["{router.base}"]\nmodel = "other"\nin_flight = 1\n'
        )
        asked = ["doctor", "model-server", "--config", str(config), "--json", "--clause", "models"]
        done = await asyncio.to_thread(CliRunner().invoke, app, asked)
    assert done.exit_code == 1
    told = {each["id"]: each for each in json.loads(done.stdout)["clauses"]}
    assert told["models"]["level"] == "FAIL"
