"""Answers of a service that was switched off are counted, once each process has read it."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from cds_hooks.audit.ledger.tally import Tally

PATIENT_VIEW, OTHER = "chartside-patient-view", "chartside-encounter-start"
CARD = {"uuid": "u", "indicator": "info", "summary_hmac": "h"}


def off(at: str, service: str = PATIENT_VIEW) -> dict[str, Any]:
    return {"type": "service-switched-off", "recorded": at, "service_id": service}


def on(at: str, service: str = PATIENT_VIEW) -> dict[str, Any]:
    return {"type": "service-switched-on", "recorded": at, "service_id": service}


def every(record: dict[str, Any]) -> dict[str, Any]:
    return {**{k: v for k, v in record.items() if k != "service_id"}, "details": {"all": True}}


def shown(at: str, service: str = PATIENT_VIEW, **more: Any) -> dict[str, Any]:
    fields = {"type": "hook-answered", "recorded": at, "service_id": service, "cards": [CARD]}
    return {**fields, **more}


def counted(*records: dict[str, Any]) -> Tally:
    tally = Tally()
    assert len(list(tally.passing(map(orjson.dumps, records)))) == len(records)
    return tally


@pytest.mark.parametrize(
    ("records", "while_off"),
    [
        ([off("2026-11-29T10:00:00Z"), shown("2026-11-29T10:00:05Z")], 0),
        ([off("2026-11-29T10:00:00Z"), shown("2026-11-29T10:00:05.001Z")], 1),
        ([off("2026-11-29T10:00:00Z"), shown("2026-11-29T11:00:00Z", OTHER)], 0),
        ([every(off("2026-11-29T10:00:00Z")), shown("2026-11-29T11:00:00Z", OTHER)], 1),
        ([off("2026-11-29T10:00:00Z"), shown("2026-11-29T11:00:00Z", cards=[])], 0),
        (
            [
                off("2026-11-29T10:00:00Z"),
                on("2026-11-29T10:30:00Z"),
                shown("2026-11-29T11:00:00Z"),
            ],
            0,
        ),
        (
            [
                off("2026-11-29T10:00:00Z"),
                every(off("2026-11-29T10:00:00Z")),
                every(on("2026-11-29T10:30:00Z")),
                shown("2026-11-29T11:00:00Z"),
            ],
            1,
        ),
    ],
)
def test_a_card_of_a_service_that_was_off_is_counted(
    records: list[dict[str, Any]], while_off: int
) -> None:
    tally = counted(*records)
    assert tally.while_off == while_off
    assert tally.switched_off == sum(r["type"] == "service-switched-off" for r in records)


def test_what_answers_lack_is_counted() -> None:
    model = {"output_hmac": "o", "gguf_sha256": "g", "template_sha256": "t", "checks": [{}, {}]}
    found = counted(
        shown("2026-11-29T10:00:00Z", user_ref="u", client_iss="c", **model),
        shown("2026-11-29T10:00:01Z", client_iss="c", **{**model, "checks": [{}]}),
        shown("2026-11-29T10:00:02Z", user_ref="u", **{**model, "template_sha256": ""}),
        shown("2026-11-29T10:00:03Z", cards=[{**CARD, "indicator": "critical"}, CARD]),
    )
    assert (found.answers, found.without_user, found.without_client) == (4, 2, 2)
    assert (found.modelled, found.single, found.untraceable, found.critical) == (3, 1, 1, 1)


def test_trials_of_the_console_were_shown_to_no_clinician() -> None:
    tally = Tally(frozenset({"chartside-inspector"}))
    trial = shown("2026-11-29T11:00:00Z", client_iss="chartside-inspector", consultation="c")
    list(tally.passing(map(orjson.dumps, [off("2026-11-29T10:00:00Z"), trial])))
    assert (tally.answers, tally.while_off, tally.without_user) == (0, 0, 0)
    assert tally.consultations == {"c"}
