"""The mask of one patient, as the mapper applies it to a text that somebody typed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from fhir_mapping.elements.text import TextCleaner
from fhir_mapping.elements.times import RelativeTimes
from fhir_mapping.masking import masker

NOW = datetime(2024, 6, 15, 12, tzinfo=UTC)


@pytest.fixture(scope="session")
def masked() -> Callable[..., str]:
    """masked("text", name=[...], birthDate=...): the text as a fact would show it."""

    def mask(text: str, **patient: Any) -> str:
        return TextCleaner(masker(patient, RelativeTimes(NOW))).typed(text)

    return mask
