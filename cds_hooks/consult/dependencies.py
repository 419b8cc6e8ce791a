"""What the pipeline calls: engine, store, clock, and what else is not a pure function."""

from __future__ import annotations

import math
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

from cds_hooks.consultation import (
    CheckedConsultation,
    Consultation,
    PreparedConsultation,
    RecordedCall,
)
from cds_hooks.gather import GatherResult
from cds_hooks.inference.engine import Engine
from cds_hooks.plausibility.terminology import Terminology
from cds_hooks.protocol.cards import Card
from cds_hooks.protocol.feedback import FeedbackEntry
from cds_hooks.protocol.request import HookRequest
from cds_hooks.services import ServiceDefinition
from prompts import Template

__all__ = ["ConsultationStore", "Dependencies", "Gather", "KeyedHash"]


class Gather(Protocol):
    """`gather.gather` with the site's client and bounds filled in."""

    async def __call__(
        self, service: ServiceDefinition, request: HookRequest, *, deadline_s: float
    ) -> GatherResult: ...


class KeyedHash(Protocol):
    """Hashes with the site's secret: nobody without it can guess what was hashed."""

    def digest(self, purpose: str, *parts: str) -> str:
        """A hash of `parts`, different for each purpose."""
        ...

    def patient_key(self, patient_id: str, *, fhir_server: str = "") -> str:
        """The pseudonym of a patient's id on one server."""
        ...


class ConsultationStore(Protocol):
    """Where consultations are kept. What a method writes is durable when it returns.

    Every method raises a ChartsideError while the store cannot be used.
    """

    async def save_consultation(
        self,
        consultation: Consultation,
        cards: Sequence[Card] = (),
        call: RecordedCall | None = None,
    ) -> None:
        """Record a consultation, or its later state under the same id, with its cards."""
        ...

    async def save_cards(
        self, consultation: Consultation, cards: Sequence[Card], call: RecordedCall | None = None
    ) -> bool:
        """Record cards made of a recorded consultation; False when it is no longer there."""
        ...

    async def get(self, consultation_id: str) -> Consultation | None:
        """The consultation with this id, in whatever state."""
        ...

    async def find_by_key(self, key: str, *, not_older_than: float) -> CheckedConsultation | None:
        """The newest answer with this content key since `not_older_than` (UTC seconds)."""
        ...

    async def last_for_patient(
        self, patient_key: str, service: str = "", *, until: float = math.inf
    ) -> CheckedConsultation | None:
        """The newest answer for this patient, begun by `until` (UTC seconds)."""
        ...

    async def newest_for_patient(self, patient_key: str, *, after: float) -> Consultation | None:
        """The newest consultation of this patient's chart begun after `after`, in any state."""
        ...

    async def feedback_for(self, consultation_id: str) -> Sequence[FeedbackEntry]:
        """The feedback on a consultation's cards, in the order it came."""
        ...

    async def claim(self, key: str, owner: str, *, lease_s: float) -> bool:
        """Claim the work on a content key; False while another process has it."""
        ...

    async def release(self, key: str, owner: str) -> None:
        """Release one's own claim."""
        ...


@dataclass(frozen=True, slots=True)
class Dependencies:
    """Everything the pipeline calls that is not a pure function.

    `observe` hears of every consultation that ended, `failed` of background work that raised.
    `require_on` raises ServiceSwitchedOff for the id of a service that is off by now.
    """

    gather: Gather
    engine: Engine
    template: Template
    terminology: Terminology
    store: ConsultationStore
    key: KeyedHash
    observe: Callable[[CheckedConsultation], None] = lambda _: None
    failed: Callable[[PreparedConsultation, BaseException], None] = lambda _, __: None
    require_on: Callable[[str], None] = lambda _: None
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    new_id: Callable[[], str] = lambda: str(uuid.uuid4())
