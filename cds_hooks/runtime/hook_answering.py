"""Answering the hooks of a running service: with cards, or silently where a trial wants it so."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from cds_hooks.app import RequestInfo
from cds_hooks.audit import SiteKey
from cds_hooks.consult import Consultant, ConsultConfig, Dependencies
from cds_hooks.protocol.cards import Response
from cds_hooks.protocol.request import HookRequest
from cds_hooks.runtime.callers import asked_by
from cds_hooks.runtime.silent_services import silent_trial, silent_words
from cds_hooks.runtime.switches import ServiceSwitches
from cds_hooks.services import ServiceDefinition
from cds_hooks.settings import Settings
from cds_hooks.trial.assignment import SilentTrial, Subject

__all__ = ["HookAnswering"]


class HookAnswering:
    """Gives each hook to the consultant that it is for: `shown`, or `silent`.

    They share no work, no cache and no record that either reads: what is worked out silently is
    found by silent hooks alone.
    """

    def __init__(
        self,
        shown: Consultant,
        silent: Consultant,
        trial: SilentTrial,
        config: ConsultConfig,
        switches: ServiceSwitches,
    ) -> None:
        self._shown = shown
        self._silent = silent
        self._trial = trial
        self._config = config
        self._switches = switches

    @classmethod
    def of(
        cls,
        settings: Settings,
        key: SiteKey,
        shown: Consultant,
        silent: Dependencies,
        config: ConsultConfig,
        switches: ServiceSwitches,
    ) -> HookAnswering:
        """The answering that the settings describe; `silent` are parts that record for a trial."""
        consultant = Consultant(silent, replace(config, of_trial=True))
        return cls(shown, consultant, silent_trial(settings, key), config, switches)

    async def answer(
        self, service: ServiceDefinition, request: HookRequest, info: RequestInfo
    ) -> Response:
        """Cards, or none. Raises ChartsideError when the hook cannot be answered at all."""
        request = replace(request, caller=asked_by(info, request.context.user_id))
        async with self._switches.answering(service, request):
            return await self.consultant_of(service, request).answer(
                service, request, wait_s=info.wait_s, digest=info.digest, shed=info.shed
            )

    def consultant_of(self, service: ServiceDefinition, request: HookRequest) -> Consultant:
        """Who answers a hook."""
        return self._silent if self.is_silent(service, request) else self._shown

    def is_silent(self, service: ServiceDefinition, request: HookRequest) -> bool:
        """Whether a hook is answered without a card, for a trial."""
        context = request.context
        scope = self._config.encounter_scope(request)
        subject = Subject(scope, context.encounter_id, context.patient_id)
        return self._trial.is_silent(service.id, subject)

    def may_be_silent(self, service_id: str) -> bool:
        """Whether some or all hooks of a service are."""
        return self._trial.may_be_silent(service_id)

    def known_request(self, digest: bytes) -> HookRequest | None:
        """The request in a body that was sent before, without its resources and its token."""
        return self._shown.known_request(digest) or self._silent.known_request(digest)

    def stop_switched_off(self) -> None:
        """Stop the work in flight that only services that are off asked for."""
        self._shown.stop_switched_off()
        self._silent.stop_switched_off()

    def checks(self) -> dict[str, str]:
        """For /readyz: what is silent, which is nothing wrong with this process."""
        words = silent_words(self._trial)
        return {"silent_trial": words} if words else {}

    async def close(self) -> None:
        """Cancel what is in flight and wait until it has ended."""
        await asyncio.gather(self._shown.close(), self._silent.close())
