"""Fixtures that tests of several packages use: test data and real servers."""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import fastapi.dependencies.models
import pytest
from hypothesis import HealthCheck, settings

from tests.model_server import EMBEDDED, ModelServer, start_model_server
from tests.postgresql import PostgreSQL, PostgreSQLMissing
from tests.sample.places import DATA, SAMPLE, SHARED, Data

ROOT = Path(__file__).resolve().parent.parent

_SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large]
settings.register_profile("default", max_examples=40, deadline=None, suppress_health_check=_SLOW)
settings.register_profile("full", max_examples=2000, deadline=None, suppress_health_check=_SLOW)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Tests that open a browser say so; those of an engine keep to one worker of pytest-xdist."""
    for item in items:
        if "browser" in getattr(item, "fixturenames", ()):
            item.add_marker("browser")
    if hasattr(config, "workerinput"):
        from tests.distribution import in_order

        in_order(items)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """The files that need an engine go to one worker, for `--dist loadfile`."""
    if config.getvalue("dist") != "loadfile":
        return None
    from tests.distribution import ByNeed

    return ByNeed(config, log)


def pytest_unconfigure() -> None:
    """Close what llama-cpp-python opens when it is imported and never closes."""
    opened = sys.modules.get("llama_cpp._utils")
    for name in ("outnull_file", "errnull_file"):
        if hasattr(opened, name):
            getattr(opened, name).close()


@pytest.fixture(scope="session", autouse=True)
def _commands_leave_this_process_its_limits() -> Iterator[None]:
    """A command that a test runs in this very process would forbid all later tests core dumps,
    and `test_core_dumps` needs a process that does dump beside those that do not."""
    with pytest.MonkeyPatch.context() as patch:
        for command in ("capture", "explain", "hook", "prewarm", "replay", "serve", "simulate"):
            patch.setattr(f"cds_hooks.cli.{command}.forbid_dumps", lambda: None)
        yield


@pytest.fixture(scope="module", autouse=True)
def _routes_of_stopped_services_are_forgotten() -> Iterator[None]:
    """FastAPI remembers functions of routes, and with them each whole service (60 MB) of a test."""
    yield
    for each in list(vars(fastapi.dependencies.models).values()):
        if clear := getattr(each, "cache_clear", None):
            clear()


@pytest.fixture(scope="session")
def sample() -> Data:
    """The sample of invented patients and cases that is shipped with the tests."""
    return SAMPLE


@pytest.fixture(
    scope="session",
    params=[pytest.param(d, marks=[] if d is SAMPLE else pytest.mark.slow) for d in DATA],
    ids=lambda d: d.name,
)
def data(request: pytest.FixtureRequest) -> Data:
    """The sample, and the data beside the checkout as a second case where there is any."""
    found: Data = request.param
    return found


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """For tests that check published figures: the published data beside the checkout."""
    if SHARED not in DATA:
        pytest.skip("published figures need the published data, and ../shared/data is not there")
    return SHARED.folder


@pytest.fixture(scope="session")
def fhir_server_module() -> ModuleType:
    """`deploy/fhir_server.py`, which is a program and in no package."""
    spec = importlib.util.spec_from_file_location("fhir_server", ROOT / "deploy/fhir_server.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def fhir_server(fhir_server_module: ModuleType) -> Iterator[Any]:
    """A running, empty sekmet-fhir: `.base`, `.token`, `.load(bundle)`, `.request(...)`.

    One for the whole run: load resources under ids of your own. Where it cannot be made (no
    network and no cached packages) tests that need it are skipped with the reason, but in CI fail.
    """
    try:
        server = fhir_server_module.FhirServer().__enter__()
    except fhir_server_module.FhirServerError as error:
        say = pytest.fail if os.environ.get("CI") else pytest.skip
        say(f"no FHIR server to test against: {error}")
    try:
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgreSQL]:
    """A running PostgreSQL; `.new_database()` gives an empty one's URL."""
    try:
        server = PostgreSQL().__enter__()
    except PostgreSQLMissing as missing:
        pytest.skip(f"no PostgreSQL to test against: {missing}")
    yield server
    server.__exit__(None, None, None)


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """One running service with the embedded model for all tests that do not harm it."""
    from tests.end_to_end.conftest import running_service

    with running_service(tmp_path_factory.mktemp("service")) as running:
        running.until_ready()
        yield running


@pytest.fixture(scope="session")
def serve() -> Iterator[Callable[..., ModelServer]]:
    """`serve("--kind", "vllm")` starts a model server; all are stopped at the end."""
    if not EMBEDDED.is_file():
        pytest.skip("the embedded model is not at build/models: run make")
    servers: list[ModelServer] = []

    def start(*options: str) -> ModelServer:
        servers.append(start_model_server(*options))
        return servers[-1]

    yield start
    for server in servers:
        server.stop()
