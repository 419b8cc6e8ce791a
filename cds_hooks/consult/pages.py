"""`ConsultationPages`: what a card's link opens, and the feedback given on its page."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC

from cds_hooks import cards
from cds_hooks.consult.consult_config import ConsultConfig
from cds_hooks.consult.dependencies import Dependencies
from cds_hooks.consult.links import LinkUnknown, consultation_id_of, expiry_of, make_link
from cds_hooks.consultation import (
    CheckedConsultation,
    Consultation,
    Outcome,
    PreparedConsultation,
)
from cds_hooks.errors import ChartsideError
from cds_hooks.plausibility import discriminates
from cds_hooks.protocol.cards import Card, Response
from cds_hooks.protocol.feedback import FeedbackEntry
from cds_hooks.protocol.judgements import Judgement
from cds_hooks.protocol.protocol_errors import FeedbackInvalid, FieldProblem

__all__ = [
    "ConsultationPages",
    "NoConsultation",
    "OpenedConsultation",
    "OtherPatient",
    "PatientScope",
]


class OtherPatient(ChartsideError):
    """A card that names a consultation of another patient than the one whose chart is open."""

    code = "card-of-another-patient"
    status = 403
    issue = "forbidden"

    def __init__(self) -> None:
        super().__init__("the card is of another patient", hint="Start again from the open chart.")


class NoConsultation(ChartsideError):
    """Nothing is on record of this patient."""

    code = "no-consultation"
    status = 404
    issue = "not-found"

    def __init__(self) -> None:
        super().__init__("there is no consultation of this patient", hint="Open the chart first.")


@dataclass(frozen=True, slots=True)
class PatientScope:
    """The patient whose consultations somebody may read: `keys` are pseudonyms of the same patient
    (the server's address in its spellings), `named` the consultation that a card names."""

    keys: tuple[str, ...]
    named: str = ""


@dataclass(frozen=True, slots=True)
class OpenedConsultation:
    """What a link opens: the consultation, with its answer where there is one by now, the cards it
    has, the feedback given on it so far, and `now` in UTC seconds. `discriminates` knows the names
    of tests and findings.

    `listed` is the answer whose list is shown: its own, or the patient's last one while it has
    none. `newer` was begun after it, of the same patient; `newer_link` opens that for no longer
    than the link that was used. `silent`: the EHR was given no card.
    """

    consultation: Consultation
    cards: tuple[Card, ...]
    feedback: tuple[FeedbackEntry, ...]
    now: float
    discriminates: Callable[[str], bool]
    listed: CheckedConsultation | None = None
    newer: Consultation | None = None
    newer_link: str = ""
    silent: bool = False


class ConsultationPages:
    """What pages of single consultations show, for whoever has a card's link."""

    def __init__(self, dependencies: Dependencies, config: ConsultConfig) -> None:
        self._dependencies = dependencies
        self._config = config

    async def open(self, link: str) -> OpenedConsultation:
        """What a link opens. Raises LinkUnknown, StoreUnavailable."""
        asked = await self._requested(link)
        return await self._opened(asked, until=expiry_of(link))

    async def open_of(self, scope: PatientScope) -> OpenedConsultation:
        """The newest consultation of a patient. Raises NoConsultation, OtherPatient,
        StoreUnavailable."""
        return await self._opened(await self._of_patient(scope))

    async def as_called(self, found: Consultation) -> tuple[Card, ...]:
        """The cards that the EHR was given of a consultation, made again as of then; each has a
        uuid of its own; of a silent one none. Raises StoreUnavailable."""
        if found.silent:
            return ()
        listed = await self._listed(found)
        return self._cards(found, listed, found.created, as_called=True).cards

    async def _opened(self, asked: Consultation, *, until: float = 0.0) -> OpenedConsultation:
        found = await self._with_answer(asked)
        now, store = self._dependencies.now().timestamp(), self._dependencies.store
        listed = await self._listed(found)
        newer = await store.newest_for_patient(
            found.patient_key, after=max(asked.created, found.created)
        )
        return OpenedConsultation(
            found,
            self._cards(found, listed, now).cards,
            tuple(await store.feedback_for((listed or found).id)),
            now,
            discriminates(self._dependencies.terminology),
            listed=listed,
            newer=newer,
            newer_link=self._link(newer, until),
            silent=not self._cards(found, listed, now, as_called=True).cards,
        )

    def _link(self, newer: Consultation | None, until: float) -> str:
        return make_link(self._dependencies.key, newer.id, until=until) if newer and until else ""

    def _cards(
        self,
        found: Consultation,
        listed: CheckedConsultation | None,
        now: float,
        *,
        as_called: bool = False,
    ) -> Response:
        """The cards of a consultation; `as_called` those that the EHR was given, if any."""
        services = self._config.services
        return cards.build(
            found,
            base_url=self._config.base_url,
            make_uuid=self._dependencies.new_id,
            last=listed,
            now=now,
            silent=frozenset(services.silent) if as_called else (),
            speak=self._config.speaks(found.service) if as_called else "always",
            accuracy=self._config.accuracy,
        )

    async def _listed(self, found: Consultation) -> CheckedConsultation | None:
        """The answer whose list stands on a consultation's card."""
        if isinstance(found, CheckedConsultation) and found.outcome in _LISTS_ITSELF:
            return found
        last = await self._dependencies.store.last_for_patient(
            found.patient_key, until=found.created
        )
        return last if last and last.outcome is Outcome.ANSWERED else None

    async def pending(self, link: str) -> PreparedConsultation | None:
        """The question that a link opens while the model has not answered it.

        Raises LinkUnknown, StoreUnavailable.
        """
        return _pending(await self._with_answer(await self._requested(link)))

    async def pending_of(self, scope: PatientScope) -> PreparedConsultation | None:
        """The same of a patient's newest. Raises NoConsultation, OtherPatient, StoreUnavailable."""
        return _pending(await self._with_answer(await self._of_patient(scope)))

    async def is_answered(self, pending: PreparedConsultation) -> bool:
        """Whether there is an answer by now; nothing is decrypted while there is none.

        Raises StoreUnavailable.
        """
        return await self._answer_to(pending) is not None

    async def feedback(
        self, link: str, judgements: Sequence[Judgement], comment: str, of: str = ""
    ) -> tuple[str, FeedbackEntry]:
        """The id of the service that a link's page is of, and what its form says as feedback.

        `of` is the consultation whose list the form was made of, "" where it does not say. Raises
        LinkUnknown, StoreUnavailable, and FeedbackInvalid for a place without a diagnosis, or a
        form of another list than the one that is shown by now.
        """
        return await self._feedback(await self._requested(link), judgements, comment, of)

    async def feedback_of(
        self, scope: PatientScope, judgements: Sequence[Judgement], comment: str, of: str
    ) -> tuple[str, FeedbackEntry]:
        """The same of a patient's newest. Raises NoConsultation, OtherPatient besides."""
        return await self._feedback(await self._of_patient(scope), judgements, comment, of)

    async def _feedback(
        self, asked: Consultation, judgements: Sequence[Judgement], comment: str, of: str
    ) -> tuple[str, FeedbackEntry]:
        found = await self._with_answer(asked)
        listed = await self._listed(found) or found
        diagnoses = listed.assessments if isinstance(listed, CheckedConsultation) else ()
        if of and of != listed.id:
            raise FeedbackInvalid([FieldProblem("of", "value", "there is another list by now")])
        if any(each.place > len(diagnoses) for each in judgements):
            raise FeedbackInvalid([FieldProblem("said", "value", "no diagnosis has this place")])
        when = self._dependencies.now().astimezone(UTC).isoformat(timespec="seconds")
        return listed.service, FeedbackEntry(
            card="",
            outcome="judged",
            outcome_at=when,
            user_comment=comment,
            consultation=listed.id,
            judgements=tuple(judgements),
        )

    async def _requested(self, link: str) -> Consultation:
        now, store = self._dependencies.now().timestamp(), self._dependencies.store
        found = await store.get(consultation_id_of(self._dependencies.key, link, now=now))
        if found is None:
            raise LinkUnknown
        return found

    async def _of_patient(self, scope: PatientScope) -> Consultation:
        store = self._dependencies.store
        found = [await store.newest_for_patient(key, after=0.0) for key in scope.keys]
        newest = max(filter(None, found), key=lambda each: each.created, default=None)
        named = await store.get(scope.named) if _ID.fullmatch(scope.named) else None
        if named is not None and named.patient_key not in scope.keys:
            raise OtherPatient
        if named is not None and (newest is None or named.outcome is Outcome.CHECKED):
            return named
        if newest is None:
            raise NoConsultation
        return newest

    async def _with_answer(self, found: Consultation) -> Consultation:
        if isinstance(found, CheckedConsultation) or found.outcome is Outcome.REUSED:
            return found
        return await self._answer_to(found) or found

    async def _answer_to(self, question: PreparedConsultation) -> CheckedConsultation | None:
        oldest = question.created - self._config.services.fresh_for_s
        return await self._dependencies.store.find_by_key(question.key, not_older_than=oldest)


def _pending(found: Consultation) -> PreparedConsultation | None:
    return found if found.outcome is Outcome.PENDING else None


_ID = re.compile(r"[0-9a-f-]{36}", re.ASCII)
_LISTS_ITSELF = frozenset({Outcome.ANSWERED, Outcome.EMPTY, Outcome.CHECKED})
