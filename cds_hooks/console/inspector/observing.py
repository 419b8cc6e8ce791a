"""The parts that a hook is answered with, each of them showing the inspector what passes.

They do what the service's own do, by calling them: what is seen is what an EHR gets.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from cds_hooks.console.inspector.inspected import Inspected, Stage
from cds_hooks.consult import ConsultationStore, Dependencies, Gather
from cds_hooks.consultation import (
    CheckedConsultation,
    Consultation,
    ModelIdentity,
    RecordedCall,
)
from cds_hooks.gather import GatherResult
from cds_hooks.inference.engine import (
    Engine,
    EngineState,
    Generation,
    GenerationRequest,
    SampleProgress,
)
from cds_hooks.inference.evaluation import Evaluation, EvaluationRequest, evaluate
from cds_hooks.inference.panel import by_model
from cds_hooks.protocol.cards import Card
from cds_hooks.protocol.feedback import FeedbackEntry
from cds_hooks.protocol.request import HookRequest
from cds_hooks.services import ServiceDefinition

__all__ = ["observed"]


def observed(dependencies: Dependencies, inspected: Inspected) -> Dependencies:
    """The same parts, showing `inspected` what passes through them."""
    return replace(
        dependencies,
        gather=_ObservedGather(dependencies.gather, inspected),
        engine=_ObservedEngine(dependencies.engine, inspected),
        store=_ObservedStore(dependencies.store, inspected),
    )


@dataclass(frozen=True, slots=True)
class _ObservedGather:
    inner: Gather
    inspected: Inspected

    async def __call__(
        self, service: ServiceDefinition, request: HookRequest, *, deadline_s: float
    ) -> GatherResult:
        self.inspected.becomes(Stage.GATHERING)
        found = await self.inner(service, request, deadline_s=deadline_s)
        self.inspected.gathered(found)
        return found


@dataclass(frozen=True, slots=True)
class _ObservedEngine:
    inner: Engine
    inspected: Inspected

    @property
    def model(self) -> ModelIdentity:
        return self.inner.model

    @property
    def state(self) -> EngineState:
        return self.inner.state

    @property
    def trouble(self) -> str:
        return str(getattr(self.inner, "trouble", ""))

    async def start(self) -> None:
        """Whoever owns the engine starts it."""

    async def stop(self) -> None:
        """Whoever owns the engine stops it."""

    async def count_tokens(self, texts: Sequence[str]) -> list[int]:
        return await self.inner.count_tokens(texts)

    async def generate(self, request: GenerationRequest) -> Generation:
        self.inspected.messages = request.messages
        self.inspected.becomes(Stage.MODEL)
        found = await self.inner.generate(replace(request, observe=self.inspected.sampled))
        self.inspected.samples.clear()
        for part in by_model(found):
            for number, sample in enumerate(part.samples):
                ended = SampleProgress(part.model.name, number, sample.text, sample.finish)
                self.inspected.sampled(ended)
        self.inspected.becomes(Stage.CHECKING)
        return found

    async def evaluate(self, request: EvaluationRequest) -> tuple[Evaluation, ...]:
        return await evaluate(self.inner, request)


@dataclass(frozen=True, slots=True)
class _ObservedStore:
    """The record itself: what the inspector fires is kept like every other consultation."""

    inner: ConsultationStore
    inspected: Inspected

    async def save_consultation(
        self,
        consultation: Consultation,
        cards: Sequence[Card] = (),
        call: RecordedCall | None = None,
    ) -> None:
        await self.inner.save_consultation(consultation, cards, call)
        self._keep(consultation)

    async def save_cards(
        self, consultation: Consultation, cards: Sequence[Card], call: RecordedCall | None = None
    ) -> bool:
        self._keep(consultation)
        return await self.inner.save_cards(consultation, cards, call)

    def _keep(self, consultation: Consultation) -> None:
        """A question does not take the place of its answer, which may be recorded before it."""
        if self.inspected.checked is None or isinstance(consultation, CheckedConsultation):
            self.inspected.consultation = consultation
            self.inspected.tell()

    async def get(self, consultation_id: str) -> Consultation | None:
        return await self.inner.get(consultation_id)

    async def find_by_key(self, key: str, *, not_older_than: float) -> CheckedConsultation | None:
        return await self.inner.find_by_key(key, not_older_than=not_older_than)

    async def last_for_patient(
        self, patient_key: str, service: str = "", *, until: float = math.inf
    ) -> CheckedConsultation | None:
        return await self.inner.last_for_patient(patient_key, service, until=until)

    async def newest_for_patient(self, patient_key: str, *, after: float) -> Consultation | None:
        return await self.inner.newest_for_patient(patient_key, after=after)

    async def feedback_for(self, consultation_id: str) -> Sequence[FeedbackEntry]:
        return await self.inner.feedback_for(consultation_id)

    async def claim(self, key: str, owner: str, *, lease_s: float) -> bool:
        return await self.inner.claim(key, owner, lease_s=lease_s)

    async def release(self, key: str, owner: str) -> None:
        await self.inner.release(key, owner)
