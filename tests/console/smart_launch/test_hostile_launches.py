"""Whatever a launch brings, no page of ours takes it for markup."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import pytest

from tests.console.hostile import HOSTILE
from tests.console.smart_launch.smart_service import SmartService


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_words_make_no_markup(
    service: SmartService, elements_of: Callable[[str], Any], text: str
) -> None:
    browser = service.browser()
    known = {tag for tag, _ in elements_of(browser.get(f"{service.url}/smart/launch").text).found}
    known |= {"pre"}  # the lines to add, where an address is one
    for path, query in (
        ("launch", {"iss": text, "launch": text}),
        ("launch", {"iss": f"https://x.example/{text}", "launch": text}),
        ("callback", {"state": text, "code": text, "error": text}),
        (f"{uuid.uuid4().hex[:16]}/consultation", {"x": text}),
    ):
        page = browser.get(f"{service.url}/smart/{path}", params=query)
        assert 400 <= page.status_code < 500
        assert {tag for tag, _ in elements_of(page.text).found} <= known
