"""Dosage instructions as a phrase, from their text or their parts."""

from __future__ import annotations

from typing import Any

import pytest

from fhir_mapping.dosage import dose_text
from fhir_mapping.words import Words


def _repeat(frequency: float, period: float, unit: str) -> dict[str, Any]:
    return {"repeat": {"frequency": frequency, "period": period, "periodUnit": unit}}


@pytest.mark.parametrize(
    ("dosage", "text"),
    [
        ({"text": "1 tablet at night."}, "1 tablet at night"),
        ({"timing": _repeat(1, 1, "d")}, "once daily"),
        ({"timing": _repeat(7, 1.0, "d")}, "7 times every day"),
        ({"timing": _repeat(1, 1, "mo")}, "once monthly"),
        ({"timing": _repeat(1, 1, "h")}, "every hour"),
        ({"timing": _repeat(1, 1, "s")}, "every second"),
        ({"timing": _repeat(1, 3, "wk")}, "every 3 weeks"),
        ({"timing": _repeat(2, 3, "d")}, "2 times every 3 days"),
        ({"timing": {"code": {"text": "Q6H"}}, "asNeededBoolean": True}, "Q6H as needed"),
        ({"doseQuantity": {"value": 7, "unit": "mL"}, "route": {"text": "Oral"}}, "7 mL oral"),
        ({"asNeededFor": [{"text": "pain"}]}, "as needed for pain"),
        ({"timing": _repeat(1, 1, "zork")}, ""),
        ("nonsense", ""),
    ],
)
def test_a_dosage_is_told_as_a_phrase(dosage: Any, text: str) -> None:
    assert dose_text([dosage], Words()) == text


def test_steps_follow_each_other() -> None:
    steps = [{"text": "40 mg for 5 days"}, {"text": "20 mg for 5 days"}]
    assert dose_text(steps, Words()) == "40 mg for 5 days, then 20 mg for 5 days"
