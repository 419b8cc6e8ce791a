"""`ConsultationPages`: the page that a card's link opens, and the feedback given on it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC

from cds_hooks import cards
from cds_hooks.cards.card_data import override_reasons
from cds_hooks.compliance import Judging, consultation_page
from cds_hooks.consult.consult_config import ConsultConfig
from cds_hooks.consult.dependencies import Dependencies
from cds_hooks.consult.links import LinkUnknown, consultation_id_of
from cds_hooks.consultation import CheckedConsultation, Consultation
from cds_hooks.plausibility import discriminates
from cds_hooks.protocol.feedback import FeedbackEntry
from cds_hooks.protocol.judgements import Judgement
from cds_hooks.protocol.protocol_errors import FeedbackInvalid, FieldProblem

__all__ = ["ConsultationPages"]


class ConsultationPages:
    """Pages of single consultations, for whoever has a card's link."""

    def __init__(self, dependencies: Dependencies, config: ConsultConfig) -> None:
        self._dependencies = dependencies
        self._config = config

    async def page(self, link: str) -> str:
        """The page that a link opens, as HTML. Raises LinkUnknown, StoreUnavailable."""
        found, now = await self._consultation(link), self._dependencies.now().timestamp()
        base = self._config.base_url
        shown = cards.build(
            found,
            base_url=base,
            make_uuid=self._dependencies.new_id,
            now=now,
            accuracy=self._config.accuracy,
        )
        feedback = await self._dependencies.store.feedback_for(found.id)
        return consultation_page(
            found,
            shown.cards,
            basis=f"{base}/basis",
            now=now,
            discriminates=discriminates(self._dependencies.terminology),
            judging=Judging(f"{link}/feedback", override_reasons(), tuple(feedback)),
        )

    async def feedback(
        self, link: str, judgements: Sequence[Judgement], comment: str
    ) -> tuple[str, FeedbackEntry]:
        """The id of the service that a link's page is of, and what its form says as feedback.

        Raises LinkUnknown, StoreUnavailable, and FeedbackInvalid for a place without a diagnosis.
        """
        found = await self._consultation(link)
        diagnoses = found.assessments if isinstance(found, CheckedConsultation) else ()
        if any(each.place > len(diagnoses) for each in judgements):
            raise FeedbackInvalid([FieldProblem("said", "value", "no diagnosis has this place")])
        when = self._dependencies.now().astimezone(UTC).isoformat(timespec="seconds")
        return found.service, FeedbackEntry(
            card="",
            outcome="judged",
            outcome_at=when,
            user_comment=comment,
            consultation=found.id,
            judgements=tuple(judgements),
        )

    async def _consultation(self, link: str) -> Consultation:
        """The consultation that a link opens, with its answer where there is one by now."""
        now, store = self._dependencies.now().timestamp(), self._dependencies.store
        found = await store.get(consultation_id_of(self._dependencies.key, link, now=now))
        if found is None:
            raise LinkUnknown
        if isinstance(found, CheckedConsultation):
            return found
        oldest = found.created - self._config.services.fresh_for_s
        return await store.find_by_key(found.key, not_older_than=oldest) or found
