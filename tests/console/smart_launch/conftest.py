"""One service with its EHR for each module."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.console.smart_launch.smart_server import Says
from tests.console.smart_launch.smart_service import SmartService
from tests.hostile.charts import BENIGN, Hostile


@pytest.fixture(scope="module")
def _service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SmartService]:
    folder: Path = tmp_path_factory.mktemp("smart")
    service = SmartService(folder)
    yield service
    service.stop()


@pytest.fixture
def service(_service: SmartService) -> Iterator[SmartService]:
    """The service, whose EHR says again what it says by default."""
    _service.ehr.says = Says()
    _service.ehr.configuration = {}
    _service.runtime.launched.launching.client._known.clear()
    _service.engine.released.set()
    yield _service
    _service.engine.released.set()
    while _service.browsers:
        _service.browsers.pop().close()


@pytest.fixture
def somebody() -> Callable[[], Hostile]:
    """A patient who was never seen."""
    return lambda: replace(BENIGN, id=uuid.uuid4().hex[:12])
