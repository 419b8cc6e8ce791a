"""The README's picture shows the card that the demonstration's chart gets, word for word."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from html import unescape
from typing import Any

import pytest

from tests.docs.card_picture import CARD, PICTURE, drawn
from tests.end_to_end.conftest import demo_bundle, open_chart

__all__ = ["demo_bundle", "open_chart"]  # fixtures
_RECORDED = json.loads(CARD.read_text("utf-8"))
_BY_RULES = "**The model's list (AI)**"


def test_the_picture_is_drawn_from_the_card() -> None:
    assert PICTURE.read_text("utf-8") == drawn(_RECORDED), "run: python -m tests.docs.card_picture"


def test_every_word_of_the_card_is_in_the_picture() -> None:
    _, _, shown = PICTURE.read_text("utf-8").partition("</style>")
    words = unescape(re.sub(r"</text>|<[^>]+>", lambda m: " " * (m[0] == "</text>"), shown)).split()
    detail = re.sub(r"\*\*|\\\\|^- ", "", _RECORDED["detail"], flags=re.MULTILINE)
    for said in (_RECORDED["summary"], detail.replace("\\", ""), _RECORDED["source"]["label"]):
        assert " ".join(said.split()) in " ".join(word for word in words if word != "•")


@pytest.mark.model
def test_a_service_says_the_same_of_the_demonstration_s_chart(
    service: Any, demo_bundle: list[dict[str, Any]], open_chart: Callable[..., dict[str, Any]]
) -> None:
    [card] = service.hook(open_chart(demo_bundle))["cards"]
    assert card["summary"] == _RECORDED["summary"]
    assert card["indicator"] == _RECORDED["indicator"]
    assert card["detail"].split(_BY_RULES)[0] == _RECORDED["detail"].split(_BY_RULES)[0]
