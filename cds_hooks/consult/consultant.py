"""`Consultant`: answers each hook in time."""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import replace

from cds_hooks import cards, staleness
from cds_hooks.consult.consult_config import ConsultConfig
from cds_hooks.consult.content_key import what_was_read
from cds_hooks.consult.dependencies import Dependencies
from cds_hooks.consult.hook_cache import HookCache
from cds_hooks.consult.in_flight import InFlightWork
from cds_hooks.consult.links import make_link
from cds_hooks.consult.new_problem import check_new_problem
from cds_hooks.consult.pipeline import prepare_consultation
from cds_hooks.consult.recorded_call import call_of
from cds_hooks.consultation import (
    Caller,
    CheckedConsultation,
    Consultation,
    Outcome,
    PreparedConsultation,
    RecordedCall,
)
from cds_hooks.inference.engine import Priority
from cds_hooks.protocol.cards import Link, Response
from cds_hooks.protocol.request import HookRequest
from cds_hooks.services import STARTED, ServiceDefinition, problem_check

__all__ = ["Consultant"]

# Callers that wait hold a place among the open calls, which are for charts that are opened.
_MOST_WAITING = 8
_LINK_LABEL = "This consultation"


class Consultant:
    """Answers hooks. One instance a process; its work in flight ends with `close`."""

    def __init__(self, dependencies: Dependencies, config: ConsultConfig) -> None:
        self._dependencies = dependencies
        self._config = config
        self._in_flight = InFlightWork(dependencies, config)
        self._cache = HookCache(config.services.recall_s, dependencies.new_id)
        self._waiting = 0

    async def answer(
        self,
        service: ServiceDefinition,
        request: HookRequest,
        *,
        wait_s: float = 0.0,
        digest: bytes = b"",
        shed: bool = False,
    ) -> Response:
        """Cards for one hook; of a service that only starts work none, but its outcome so far.

        `wait_s` is how long the caller of such a service would wait for the outcome. `digest` is
        of service, client and body as sent; what `known_request` gave for it is not gathered again.
        With `shed` no work of a model is begun and none is waited for. Of a silent trial the answer
        is always without cards, and says nothing; what was asked and found is on record.
        Raises ChartsideError when the hook cannot be answered at all, ServiceSwitchedOff too.
        """
        if service.checks_new_problems:
            return await self._check_new_problem(service, request)
        began = time.monotonic()
        prepared = self._prepared_before(digest, request.caller)
        if prepared is None:
            prepared = await self.prepare(service, request)
            self._cache.put(digest, prepared, request)
        if service.only_starts or self._config.of_trial:
            call = call_of(request)
            return await self._start_only(service.id, prepared, wait_s, call, shed)
        if (recent := self._cache.cards(digest)) is not None:
            await self._save(service.id, *recent, call_of(request))
            return recent[1]
        left = self._config.within(service.id) - (time.monotonic() - began)
        found, last = await self._find_answer(prepared, left, shed=shed)
        response = await self._make_cards(found, request, service.id, last)
        self._cache.put_cards(digest, found, response)
        await self._save(service.id, found, response, call_of(request))
        return response

    async def _check_new_problem(
        self, service: ServiceDefinition, request: HookRequest
    ) -> Response:
        """The plausibility of what was just entered; of a call about something else no card."""
        if not problem_check.is_triggered(service, request):
            return Response()
        done = await check_new_problem(self._dependencies, self._config, service, request)
        return await self.make_response(done, request)

    def known_request(self, digest: bytes) -> HookRequest | None:
        """The request in a body that was sent before, without its resources and its token."""
        cached = self._cache.get(digest)
        return None if cached is None else cached.request

    async def prepare(
        self, service: ServiceDefinition, request: HookRequest
    ) -> PreparedConsultation:
        """Gather, map and render: a consultation that only the model's answer is missing from."""
        return await prepare_consultation(self._dependencies, self._config, service, request)

    async def make_response(self, consultation: Consultation, request: HookRequest) -> Response:
        """The cards of a consultation, once their record is durable."""
        response = await self._make_cards(consultation, request, consultation.service, None)
        await self._save(consultation.service, consultation, response, call_of(request))
        return response

    async def _make_cards(
        self,
        consultation: Consultation,
        request: HookRequest,
        service_id: str,
        last: CheckedConsultation | None,
    ) -> Response:
        """Cards with links. `service_id` is of the service that was called, which may differ from
        the one that began the consultation; `last` is the patient's last answer where known."""
        if self._config.of_trial:
            return Response()
        if last is None and consultation.outcome is not Outcome.ANSWERED:
            last = await self._dependencies.store.last_for_patient(consultation.patient_key)
        response = cards.build(
            consultation,
            base_url=self._config.base_url,
            make_uuid=self._dependencies.new_id,
            profile=self._config.of(request.caller).cards.profile,
            patient_id=request.context.patient_id,
            encounter_id=request.context.encounter_id,
            last=last,
            now=self._dependencies.now().timestamp(),
            silent=frozenset(self._config.services.silent),
            speak=self._config.speaks(service_id),
            accuracy=self._config.accuracy,
        )
        return self._linked(consultation, response, request.caller)

    async def _answer_to(self, prepared: PreparedConsultation) -> CheckedConsultation | None:
        oldest = prepared.created - self._config.services.fresh_for_s
        return await self._dependencies.store.find_by_key(prepared.key, not_older_than=oldest)

    def _linked(
        self, consultation: Consultation, response: Response, caller: Caller | None
    ) -> Response:
        """Each card with a link to the consultation it is of."""
        if (link := self._link(consultation, caller)) is None:
            return response
        linked = (replace(card, links=(*card.links, link)) for card in response.cards)
        return replace(response, cards=tuple(linked))

    def _link(self, consultation: Consultation, caller: Caller | None) -> Link | None:
        """One that starts this service as an app where the client does that, else one that opens
        by itself for a while."""
        if self._config.starts_app(caller):
            context = json.dumps({"consultation": consultation.id})
            return Link(_LINK_LABEL, f"{self._config.base_url}/smart/launch", "smart", context)
        if not self._config.cards.link_s:
            return None
        until = self._dependencies.now().timestamp() + self._config.cards.link_s
        path = make_link(self._dependencies.key, consultation.id, until=until)
        return Link(_LINK_LABEL, f"{self._config.base_url}/consultations/{path}")

    async def complete(
        self, prepared: PreparedConsultation, priority: Priority = Priority.OPEN_CHART
    ) -> CheckedConsultation:
        """Ask the model and check what it said; identical work in flight is joined."""
        return await asyncio.shield(self._in_flight.start(prepared, priority))

    @property
    def works_on(self) -> int:
        """How many questions are in flight."""
        return len(self._in_flight)

    def stop_switched_off(self) -> None:
        """Stop the work in flight that only services that are off asked for."""
        self._in_flight.stop_switched_off()

    async def close(self) -> None:
        """Cancel what is in flight and wait until it has ended."""
        await self._in_flight.close()

    def _prepared_before(self, digest: bytes, caller: Caller | None) -> PreparedConsultation | None:
        """What was prepared when this hook came before, under an id of its own."""
        cached = self._cache.get(digest)
        if cached is None:
            return None
        now, id_ = self._dependencies.now().timestamp(), self._dependencies.new_id()
        return replace(cached.prepared, id=id_, caller=caller, created=now, timings_ms={})

    async def _save(
        self, service_id: str, consultation: Consultation, response: Response, call: RecordedCall
    ) -> None:
        """Record the cards and who sees them; with the consultation itself where it is not on
        record yet. Raises ServiceSwitchedOff: then nobody sees them."""
        self._dependencies.require_on(service_id)
        store = self._dependencies.store
        recorded = isinstance(consultation, CheckedConsultation)
        if not (recorded and await store.save_cards(consultation, response.cards, call)):
            await store.save_consultation(consultation, response.cards, call)

    async def _start_only(
        self,
        service_id: str,
        prepared: PreparedConsultation,
        wait_s: float,
        call: RecordedCall,
        shed: bool,
    ) -> Response:
        """Start the work and tell how it stands. Nobody would read a card, so none is made."""
        seconds = (
            min(wait_s, self._config.services.deadline_s) if self._waiting < _MOST_WAITING else 0.0
        )
        self._waiting += 1
        try:
            found, _ = await self._find_answer(prepared, seconds, Priority.BACKGROUND, shed=shed)
        finally:
            self._waiting -= 1
        await self._save(service_id, found, Response(), call)
        if self._config.of_trial:
            return Response()
        return Response(extension={STARTED: {"outcome": found.outcome.value}})

    async def _find_answer(
        self,
        prepared: PreparedConsultation,
        seconds: float,
        priority: Priority = Priority.OPEN_CHART,
        *,
        shed: bool = False,
    ) -> tuple[Consultation, CheckedConsultation | None]:
        """The stored answer to the same question, or the model's if it comes in time, or
        `prepared`; and the patient's last answer where it is reused, as nothing that matters
        changed since."""
        stored = await self._answer_to(prepared)
        if stored is not None:
            return stored, None
        if prepared.key not in self._in_flight and (last := await self._reusable(prepared)):
            # It may be this question's own, finished between the two looks.
            if last.key == prepared.key:
                return last, None
            return replace(prepared, reuses_last=True), last
        if shed and prepared.key not in self._in_flight:
            return await self._in_flight.shed(prepared), None
        task = self._in_flight.start(prepared, priority)
        done, _ = await asyncio.wait({task}, timeout=0.0 if shed else max(seconds, 0.0))
        # Work that was stopped because its service is off has no result.
        return task.result() if done and not task.cancelled() else prepared, None

    async def _reusable(self, prepared: PreparedConsultation) -> CheckedConsultation | None:
        """The patient's last answer, where it may be shown instead of a new one.

        It has to be of the same settings, model and template, young enough, and a differential;
        and nothing that matters may have changed since.
        """
        last = await self._dependencies.store.last_for_patient(prepared.patient_key)
        oldest = prepared.created - self._config.services.fresh_for_s
        if last is None or last.outcome is not Outcome.ANSWERED or last.created < oldest:
            return None
        if _made_by(last) != _made_by(prepared):
            return None
        return None if staleness.changes(last.chart, prepared.chart).matter else last


def _made_by(consultation: PreparedConsultation) -> tuple[object, ...]:
    """What besides the chart an answer depends on."""
    template = consultation.prompt.template if consultation.prompt else None
    read = what_was_read(consultation.key_states, consultation.key_arrivals)
    return (consultation.settings_sha256, consultation.model, template, read)
