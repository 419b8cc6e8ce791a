"""Records on a real store, written by the service's own calls."""

from __future__ import annotations

from tests.audit.conftest import (
    card,
    clock,
    config,
    consultation,
    kept,
    key_operations,
    place,
    site_key,
    store,
    where,
)
from tests.audit.conftest import pytest_generate_tests as pytest_generate_tests

__all__ = [
    "card",
    "clock",
    "config",
    "consultation",
    "kept",
    "key_operations",
    "place",
    "site_key",
    "store",
    "where",
]
