"""Providers for the tests of signing in."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from cds_hooks.trust.openid.openid_settings import OpenIdSettings
from tests.console.access.openid_site import (
    ANN,
    BOB,
    EVE,
    openid_settings,
    write_secret,
)
from tests.console.access.providers import (
    FaultyProvider,
    faulty_provider,
    real_provider,
)


@pytest.fixture(scope="module")
def real() -> Iterator[str]:
    with real_provider(ANN, BOB, EVE) as found:
        yield found


@pytest.fixture
def at_real(real: str, tmp_path: Path) -> OpenIdSettings:
    """Settings for the real provider, which has clients show a secret."""
    return openid_settings(
        real, authentication="client_secret_basic", client_secret=write_secret(tmp_path)
    )


@pytest.fixture
def faulty() -> Iterator[FaultyProvider]:
    with faulty_provider() as provider:
        yield provider
