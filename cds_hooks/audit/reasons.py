"""Reasons that people give for what they do, as the ledger keeps them for ever.

Nothing is ever taken out of a ledger, so that what says who a patient is is masked first, as far as
it has a shape: numbers, dates, addresses, names with a title. A bare name has none.
"""

from __future__ import annotations

from datetime import UTC, datetime

from fhir_mapping.elements.times import RelativeTimes
from fhir_mapping.masking import masker
from prompts import visible

__all__ = ["LONGEST_REASON", "masked_reason", "typed_reason"]

LONGEST_REASON = 500


def typed_reason(text: str) -> str:
    """What was typed, without what is not seen and without what is too much."""
    return visible(text).strip()[:LONGEST_REASON]


def masked_reason(text: str, now: float) -> str:
    """A reason as it is recorded, on one line; `now` is UTC seconds."""
    mask = masker({}, RelativeTimes(datetime.fromtimestamp(now, UTC)))
    return " ".join(mask(typed_reason(text)).split())
