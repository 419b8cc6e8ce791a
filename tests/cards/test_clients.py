"""What a reader sees of a card in clients that show less than the specification allows."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from cds_hooks.cards import build
from cds_hooks.consultation import Consultation
from cds_hooks.protocol.json_output import to_document
from tests.cards.clients import FAMILIES, Family, rendered

BASE = "https://cds.hospital.example"
Uuids = Callable[[], str]


def card_of(done: Consultation, make_uuid: Uuids, profile: str) -> dict[str, Any]:
    response = build(done, base_url=BASE, make_uuid=make_uuid, profile=profile, patient_id="p1")
    card: dict[str, Any] = to_document(response)["cards"][0]
    return card


@pytest.mark.parametrize("family", FAMILIES)
def test_the_card_is_understood_in_every_client_also_without_its_links(
    critical: Consultation, make_uuid: Uuids, family: Family
) -> None:
    text = rendered(card_of(critical, make_uuid, family), family)
    for told in (
        "Rules: findings fit severe hyperkalemia (Potassium 6.4 mmol/L)",
        "From the chart, by rules (no AI)",
        "- Severe hyperkalemia (critical): Potassium 6.4 mmol/L",
        "The model's list (AI)",
        "- Acute kidney injury (N17.9): supported.",
        "Basis: gemma-4-31b-it-q4, answered 3 of 3",
    ):
        assert told in " ".join(text.split())
    assert not re.search(r"\*\*|\\|&[a-z]+;|^#", text, re.MULTILINE)


def test_links_are_gone_where_a_client_does_not_know_them(
    critical: Consultation, make_uuid: Uuids
) -> None:
    for family in ("epic", "oracle"):
        card = card_of(critical, make_uuid, family)
        assert "->" not in rendered(card, family)
        assert "->" in rendered(card, family, [BASE])
    assert "-> Basis" in rendered(card_of(critical, make_uuid, "sandbox"), "sandbox")


def test_epic_shows_what_an_action_does_and_not_its_label(
    critical: Consultation, make_uuid: Uuids
) -> None:
    text = rendered(card_of(critical, make_uuid, "epic"), "epic")
    assert "[+] Adds to the problem list, as provisional and labelled as asserted by" in text
    assert "Provisional problem" not in text


def test_only_what_rules_call_critical_pops_up(
    critical: Consultation, contradictory: Consultation, make_uuid: Uuids
) -> None:
    assert "pop-up" in rendered(card_of(critical, make_uuid, "oracle"), "oracle")
    assert "pop-up" not in rendered(card_of(contradictory, make_uuid, "oracle"), "oracle")


def test_a_client_that_takes_markdown_for_text_shows_its_marks(
    critical: Consultation, make_uuid: Uuids
) -> None:
    """Hence the profile that says that it is Markdown."""
    assert "**" in rendered(card_of(critical, make_uuid, "generic"), "epic")
