"""The recorded answers, as the loader reads them."""

from __future__ import annotations

from pathlib import Path

import pytest

from cds_hooks.evaluation.recorded.catalogue import Model, catalogue
from cds_hooks.evaluation.recorded.recording import Recording, read_recording


@pytest.fixture(scope="session")
def eurorad_csv(shared_data: Path) -> Path:
    """The published answers."""
    return shared_data / "eval" / "eurorad_predictions.csv"


@pytest.fixture(scope="session")
def recording(eurorad_csv: Path) -> Recording:
    """The published answers, read."""
    return read_recording(eurorad_csv, [c for m in catalogue().model for c in m.columns])


@pytest.fixture(scope="session")
def models() -> dict[str, Model]:
    """The models of the catalogue by id."""
    return {m.id: m for m in catalogue().model}
