"""The reviewer's desk of a running service, put together from its settings and its store."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator

from cds_hooks.audit import SiteKey, Store
from cds_hooks.audit.ledger.checkpoint_keys import CheckpointVerifier
from cds_hooks.audit.ledger.entries import user_ref
from cds_hooks.audit.ledger.source import LedgerSource, store_source
from cds_hooks.audit.store_config import open_database
from cds_hooks.compliance.audit_events import Site as AuditSite
from cds_hooks.console.access import Access, Reader, Role
from cds_hooks.console.desk import Desk
from cds_hooks.console.desk.desk import ReadConsultation
from cds_hooks.consult import ConsultationPages
from cds_hooks.replay import explanation
from cds_hooks.runtime.configs import store_config
from cds_hooks.runtime.consultation_reading import MayRead, read_consultation
from cds_hooks.runtime.ledger import signing_key
from cds_hooks.runtime.patient_keys import patient_keys
from cds_hooks.runtime.question_facts import question_facts
from cds_hooks.runtime.witness_notes import folder_notes
from cds_hooks.settings import Settings

__all__ = ["desk_of"]


def desk_of(
    settings: Settings, store: Store, key: SiteKey, pages: ConsultationPages, access: Access
) -> Desk:
    """The desk over this store. Raises SigningKeyRefused."""
    signing = signing_key(settings)
    earlier = (CheckpointVerifier.parse(line.encode()) for line in settings.ledger.earlier_keys)
    url = settings.server.public_url.rstrip("/")

    @contextlib.contextmanager
    def open_source() -> Iterator[LedgerSource]:
        database = open_database(store_config(settings), key, time.time)
        try:
            with database.read() as connection:
                yield store_source(connection, settings.store.path)
        finally:
            database.close()

    return Desk(
        ledger=store.ledger,
        open_source=open_source,
        key=signing,
        keys=(signing.public, *earlier),
        witnessed=lambda: folder_notes(settings),
        witness_place=str(settings.ledger.witness_folder or ""),
        patient_keys=lambda patient, server: patient_keys(settings, key, patient, server),
        user_keys=lambda user: (user_ref(key, user), user),
        servers=tuple(settings.fhir.allowed_bases),
        audit_site=AuditSite(url) if url else None,
        read=_Reading(settings, store, key, pages),
        recording=access.recording,
        question_facts=lambda verified: question_facts(settings, verified, key),
    )


class _Reading:
    """Reads consultations for people at the desk."""

    def __init__(
        self, settings: Settings, store: Store, key: SiteKey, pages: ConsultationPages
    ) -> None:
        self._settings = settings
        self._store = store
        self._key = key
        self._pages = pages

    async def __call__(self, reference: str, reader: Reader) -> ReadConsultation:
        plain = self._settings.ledger.users == "plain"
        roles = sorted(role.value for role in reader.roles)
        who = {"user_ref" if plain else "user_id": reader.subject, "command": "desk"}
        found = await read_consultation(
            self._store,
            reference,
            {**who, "how": reader.how, "roles": roles},
            fresh_for_s=self._settings.services.fresh_for_s,
            may=MayRead(reader.may(Role.REVIEWER), reader.may(Role.INVESTIGATOR)),
        )
        consultation = found.consultation
        feedback = await self._store.feedback_for(consultation.id)
        cards = await self._pages.as_called(consultation)
        digests = [self._key.digest("card-summary", card.summary) for card in cards]
        return ReadConsultation(
            consultation.id,
            found.asked,
            explanation(consultation, found.tables, feedback),
            tuple(zip(cards, digests, strict=True)),
            consultation.service,
            consultation.created,
            consultation.silent,
        )
