"""The review queue of a running service."""

from __future__ import annotations

from cds_hooks.audit import SiteKey, Store
from cds_hooks.cards import phrases
from cds_hooks.console.reviews import Reviews
from cds_hooks.consultation import CheckedConsultation
from cds_hooks.settings import Settings

__all__ = ["reviews_of"]


def reviews_of(settings: Settings, store: Store, key: SiteKey) -> Reviews:
    """The queue over this store."""

    async def diagnoses(consultation_id: str) -> tuple[str, ...]:
        found = await store.get(consultation_id)
        listed = found.assessments if isinstance(found, CheckedConsultation) else ()
        return tuple(phrases.name(each.name) for each in listed)

    return Reviews(
        store=store.reviews,
        settings=settings.reviews,
        digest=key.digest,
        diagnoses=diagnoses,
        smallest=settings.statistics.smallest_count,
    )
