"""Two service processes on one PostgreSQL, with the model on a server: as a larger site runs it."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, text

from cds_hooks.audit import SiteKey
from tests.end_to_end.conftest import ROOT, Running, running_service
from tests.postgresql import PostgreSQL

# A small model on one thread under llama.cpp's own grammar takes its time.
pytestmark = [pytest.mark.model]


@pytest.fixture
def pair(
    tmp_path: Path, postgresql: PostgreSQL, serve: Callable[..., Any]
) -> Iterator[tuple[Running, Running, Any, str]]:
    """Two services, the model server they share, and their database."""
    server, url = serve("--context", "4096", "--brief"), postgresql.new_database()
    SiteKey.load(tmp_path / "site.key", create=True)
    settings = (
        f'[model_server]\nbases = ["{server.base}"]\nmodel = "smol"\ndemonstration = true\n'
        "[services]\nsamples = 1\nanswer_within_s = 0.5\ndeadline_s = 220\n"
    )
    with contextlib.ExitStack() as stack:
        services = []
        for name in ("one", "two"):
            (tmp_path / name).mkdir()
            running = running_service(
                tmp_path / name, settings, store=url, site_key=tmp_path / "site.key"
            )
            services.append(stack.enter_context(running))
        for running in services:
            running.until_ready()
        yield services[0], services[1], server, url
    server.stop()


def _ends(service: Running, body: dict[str, Any]) -> str:
    """The topic of the first card once it is not that work goes on."""
    found: list[str] = []

    def done() -> bool:
        [card, *_] = service.hook(body)["cards"]
        found.append(card["summary"] + card["detail"])
        return "differential (AI)" in card["source"]["label"]

    service.wait_for(done, 500)
    return found[-1]


@pytest.mark.slow
def test_identical_work_is_done_once_and_both_have_the_answer(
    pair: tuple[Running, Running, Any, str],
    demo_bundle: list[dict[str, Any]],
    open_chart: Callable[..., dict[str, Any]],
) -> None:
    one, two, server, url = pair
    body = open_chart(demo_bundle)
    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(lambda service: _ends(service, body), (one, two)))
    assert answers[0].splitlines()[2:] == answers[1].splitlines()[2:]
    engine = create_engine(url)
    with engine.connect() as connection:
        outcomes = connection.execute(text("SELECT outcome FROM consultations")).scalars().all()
        claims = connection.execute(text("SELECT count(*) FROM claims")).scalar()
    engine.dispose()
    # Where a machine is too busy a first attempt may fail; what counts is that each was one.
    attempts = [outcome for outcome in outcomes if outcome != "pending"]
    assert server.seen()["requests"] == len(attempts)
    assert attempts.count("answered") == 1
    assert claims == 0


@pytest.mark.slow
def test_a_switch_is_followed_by_both(pair: tuple[Running, Running, Any, str]) -> None:
    """A command, a third process, switches; each service reads it from the database."""
    one, two, _, _ = pair
    view = "chartside-patient-view"
    command = [sys.executable, "-m", "cds_hooks", "services", "off", view, "--reason", "a test"]
    config = str(one.folder / "chartside.toml")
    subprocess.run([*command, "--config", config], check=True, cwd=ROOT, timeout=300)
    for each in (one, two):
        each.wait_for(lambda each=each: view not in each.get("/cds-services").text, 60)
        assert each.get("/readyz").json()["checks"]["services"] == f"switched off: {view}"
