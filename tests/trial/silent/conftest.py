"""The whole service of a site that runs a silent trial; only the model is a fake."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cds_hooks.audit import SiteKey
from cds_hooks.settings import Settings
from tests.console.whole_service import ROOT, WholeService
from tests.hostile.charts import Hostile
from tests.trial.silent.hooks import (
    CHECK,
    NOTHING,
    SHARE,
    encounter,
    opened,
    records,
)


@pytest.fixture(scope="package")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("silent")


@pytest.fixture(scope="package")
def service(folder: Path) -> Iterator[WholeService]:
    """Half of all encounters are silent, and checks of problems always are."""
    values: dict[str, Any] = {
        "store": {"path": str(folder / "r.sqlite"), "site_key": str(folder / "site.key")},
        "services": {"answer_within_s": 60, "mode_by_service": {CHECK: "silent"}},
        "trial": {"silent_share": SHARE},
        "terminology": {"path": str(ROOT / "build" / "terminology.sqlite")},
    }
    running = WholeService(folder, lambda *_: Settings.model_validate(values))
    yield running
    running.stop()


@pytest.fixture(scope="package")
def key(service: WholeService, folder: Path) -> SiteKey:
    return SiteKey.load(folder / "site.key")


@pytest.fixture
def silenced(service: WholeService, key: SiteKey) -> tuple[Hostile, str, str]:
    """A chart of a silent encounter, and the ids of what was asked and of what was answered."""
    chart = service.somebody()
    assert opened(service, chart, encounter(key, silent=True)).content == NOTHING
    service.until(lambda: records(service, "silent-consulted", chart, key))
    [asked] = records(service, "silent-hook-answered", chart, key)
    [answered] = records(service, "silent-consulted", chart, key)
    return chart, asked["consultation"], answered["consultation"]
