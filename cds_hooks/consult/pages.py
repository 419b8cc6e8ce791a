"""`ConsultationPages`: what a card's link opens, and the feedback given on its page."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC

from cds_hooks import cards
from cds_hooks.consult.consult_config import ConsultConfig
from cds_hooks.consult.dependencies import Dependencies
from cds_hooks.consult.links import LinkUnknown, consultation_id_of
from cds_hooks.consultation import (
    CheckedConsultation,
    Consultation,
    Outcome,
    PreparedConsultation,
)
from cds_hooks.plausibility import discriminates
from cds_hooks.protocol.cards import Card
from cds_hooks.protocol.feedback import FeedbackEntry
from cds_hooks.protocol.judgements import Judgement
from cds_hooks.protocol.protocol_errors import FeedbackInvalid, FieldProblem

__all__ = ["ConsultationPages", "OpenedConsultation"]


@dataclass(frozen=True, slots=True)
class OpenedConsultation:
    """What a link opens: the consultation, with its answer where there is one by now, the cards it
    has, the feedback given on it so far, and `now` in UTC seconds. `discriminates` knows the names
    of tests and findings."""

    consultation: Consultation
    cards: tuple[Card, ...]
    feedback: tuple[FeedbackEntry, ...]
    now: float
    discriminates: Callable[[str], bool]


class ConsultationPages:
    """What pages of single consultations show, for whoever has a card's link."""

    def __init__(self, dependencies: Dependencies, config: ConsultConfig) -> None:
        self._dependencies = dependencies
        self._config = config

    async def open(self, link: str) -> OpenedConsultation:
        """What a link opens. Raises LinkUnknown, StoreUnavailable."""
        found, now = await self._consultation(link), self._dependencies.now().timestamp()
        response = cards.build(
            found,
            base_url=self._config.base_url,
            make_uuid=self._dependencies.new_id,
            now=now,
            accuracy=self._config.accuracy,
        )
        return OpenedConsultation(
            found,
            response.cards,
            tuple(await self._dependencies.store.feedback_for(found.id)),
            now,
            discriminates(self._dependencies.terminology),
        )

    async def pending(self, link: str) -> PreparedConsultation | None:
        """The question that a link opens while the model has not answered it.

        Raises LinkUnknown, StoreUnavailable.
        """
        found = await self._consultation(link)
        return found if found.outcome is Outcome.PENDING else None

    async def is_answered(self, pending: PreparedConsultation) -> bool:
        """Whether there is an answer by now; nothing is decrypted while there is none.

        Raises StoreUnavailable.
        """
        return await self._answer_to(pending) is not None

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
        return await self._answer_to(found) or found

    async def _answer_to(self, question: PreparedConsultation) -> CheckedConsultation | None:
        oldest = question.created - self._config.services.fresh_for_s
        return await self._dependencies.store.find_by_key(question.key, not_older_than=oldest)
