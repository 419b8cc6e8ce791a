"""The fragments on a page of their own, made as every page of the console is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from jinja2 import ChoiceLoader, FileSystemLoader

from cds_hooks.console import rendering
from tests.console.conftest import make_site
from tests.console.ehr_views.gallery import values

_HERE = Path(__file__).parent


@pytest.fixture
def gallery(monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """The page with every fragment; keywords replace what it shows."""
    plain = rendering._ENVIRONMENT
    assert plain.loader is not None
    loader = ChoiceLoader([plain.loader, FileSystemLoader(_HERE)])
    monkeypatch.setattr(rendering, "_ENVIRONMENT", plain.overlay(loader=loader))

    def make(**changes: Any) -> str:
        page = rendering.make_page(
            make_site(), "gallery.html.j2", here="", **{**values(), **changes}
        )
        return bytes(page.body).decode()

    return make
