"""On which second a record goes."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from cds_hooks.audit import SiteKey, Store, StoreConfig
from cds_hooks.audit.store_settings import RetentionSettings
from cds_hooks.consultation import Consultation

DAY = 86_400.0


@pytest.mark.parametrize(
    ("elapsed", "dropped"),
    [(2 * DAY - 1, 0), (2 * DAY, 1), (2 * DAY + 1, 1), (3 * DAY, 1)],
)
async def test_a_consultation_is_kept_for_its_days(
    place: Path, site_key: SiteKey, consultation: Consultation, elapsed: float, dropped: int
) -> None:
    now = [consultation.created]
    config = StoreConfig(place, retention=RetentionSettings(consultations_days=2, feedback_days=2))
    store = Store(config, site_key, clock=lambda: now[0])
    await store.save_consultation(consultation)
    now[0] += elapsed
    assert await store.drop_expired() == dropped
    await store.close()


@pytest.mark.parametrize(("older", "found"), [(-1, True), (0, True), (1, False)])
async def test_an_answer_counts_from_the_second_asked_for(
    place: Path, site_key: SiteKey, consultation: Consultation, older: float, found: bool
) -> None:
    store = Store(StoreConfig(place), site_key, clock=lambda: consultation.created + 60)
    await store.save_consultation(dataclasses.replace(consultation))
    since = consultation.created + older
    got = await store.find_by_key(consultation.key, not_older_than=since)
    assert (got is not None) is found
    await store.close()
