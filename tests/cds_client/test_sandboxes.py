"""The presets of public sandboxes: addresses that can be used, each with its source."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest

from cds_hooks.cds_client.sandboxes import Sandbox, sandboxes
from cds_hooks.gather.server_base import ServerBase

EACH = pytest.mark.parametrize("sandbox", sandboxes().values(), ids=sandboxes())


def test_the_four_vendors_are_there() -> None:
    assert set(sandboxes()) == {"smart", "hapi", "epic", "oracle", "oracle-secure"}


@EACH
def test_its_address_is_a_base_over_tls_and_says_its_source(sandbox: Sandbox) -> None:
    base = ServerBase.parse(sandbox.fhir_server)
    assert base is not None
    assert base.scheme == "https"
    assert str(base) == sandbox.fhir_server
    assert sandbox.source
    assert sandbox.quirks


@EACH
def test_a_token_comes_from_where_the_preset_says(sandbox: Sandbox) -> None:
    assert (sandbox.access == "backend") == bool(sandbox.token_url)
    assert not sandbox.token_url or urlsplit(sandbox.token_url).scheme == "https"
