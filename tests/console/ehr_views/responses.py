"""Responses as clients see them, made from a consultation and by hand."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Callable
from typing import Any

from cds_hooks import cards
from cds_hooks.console import ehr_views
from cds_hooks.protocol.json_output import to_document
from tests.comparison.sides import DONE

BASE = "https://cds.example.org"


def made(profile: str = "generic") -> dict[str, Any]:
    """The response that the service gives for a consultation, under a card profile."""
    numbers = itertools.count(1)

    def make_uuid() -> str:
        return f"00000000-0000-4000-8000-{next(numbers):012d}"

    response = cards.build(
        DONE, base_url=BASE, make_uuid=make_uuid, profile=profile, patient_id="p1"
    )
    return to_document(response)


def with_card(change: Callable[[dict[str, Any]], None], profile: str = "epic") -> dict[str, Any]:
    """That response with its first card changed in place."""
    document = copy.deepcopy(made(profile))
    change(document["cards"][0])
    return document


def full_of(text: str) -> dict[str, Any]:
    """A response in which every text is this one; what a client reads by value is as it should."""
    action = {
        "type": "create",
        "description": text,
        "resource": {"resourceType": text, "code": {"coding": [{"system": text, "code": text}]}},
    }
    card = {
        "uuid": text,
        "summary": text,
        "indicator": "warning",
        "detail": text,
        "source": {"label": text, "url": text, "icon": text, "topic": {"code": text}},
        "selectionBehavior": "any",
        "suggestions": [{"label": text, "uuid": text, "isRecommended": True, "actions": [action]}],
        "links": [
            {"label": text, "url": text, "type": "absolute"},
            {"label": text, "url": text, "type": "smart", "appContext": text},
        ],
        "overrideReasons": [{"code": text, "system": text, "display": text}],
        "extension": {"com.epic.cdshooks.card.detail.content-type": text, text: text},
    }
    refused = {**card, "selectionBehavior": text}
    return {"cards": [card, refused], "systemActions": [action], "extension": {text: text}}


def cards_full_of(text: str) -> dict[str, Any]:
    """The fragments' values that show that response."""
    document = full_of(text)
    return {
        "views": ehr_views.client_views(document, hook=text),
        "lines": ehr_views.json_lines(document),
    }
