"""Which addresses are this machine's own, alike on every Python."""

from __future__ import annotations

import ipaddress

import pytest

from cds_hooks.addresses import is_loopback


@pytest.mark.parametrize(
    ("address", "own"),
    [
        ("127.0.0.0", True),
        ("127.0.0.1", True),
        ("127.255.255.255", True),
        ("126.255.255.255", False),
        ("128.0.0.0", False),
        ("0.0.0.0", False),
        ("::1", True),
        ("::", False),
        ("::2", False),
        ("::ffff:127.0.0.1", False),
        ("::ffff:7f00:1", False),
        ("::127.0.0.1", False),
        ("64:ff9b::127.0.0.1", False),
        ("10.0.0.1", False),
    ],
)
def test_loopback(address: str, own: bool) -> None:
    assert is_loopback(address) is own
    assert is_loopback(ipaddress.ip_address(address)) is own


def test_what_is_no_address_is_refused() -> None:
    with pytest.raises(ValueError, match="localhost"):
        is_loopback("localhost")
