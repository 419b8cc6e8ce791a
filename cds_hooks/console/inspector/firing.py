"""Firing a hook: the request that an EHR would send, through the service's own pipeline."""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

import orjson

from cds_hooks.app.errors import Unexpected
from cds_hooks.cds_client.server_chart import ChartNotRead
from cds_hooks.console.inspector.inspected import Inspected, Stage
from cds_hooks.console.inspector.inspector_errors import (
    FileUnusable,
    InspectorBusy,
    ServerNotRead,
)
from cds_hooks.console.inspector.observing import observed
from cds_hooks.consult import Consultant, ConsultConfig, Dependencies
from cds_hooks.consultation import Caller, Outcome
from cds_hooks.errors import ChartsideError
from cds_hooks.protocol.json_body import BodyLimits
from cds_hooks.protocol.request import HookRequest, parse_request
from fhir_mapping.errors import MappingError

__all__ = ["CLIENT", "ISSUER", "HookFiring", "MakeRequest"]

_log = logging.getLogger(__name__)
ISSUER = "chartside-inspector"
"""In the ledger it stands where a client's issuer does."""
CLIENT = "(inspector)"
"""No client of a site can have this name: what is fired here is never a client's own answer."""
_AUTHORIZATION = "fhirAuthorization"
"""The member of a request that holds a token: it is not kept."""

MakeRequest = Callable[[], Awaitable[dict[str, Any]]]


class HookFiring:
    """Fires hooks, at most `at_once` at one time; `close` ends what is open."""

    def __init__(
        self, dependencies: Dependencies, config: ConsultConfig, limits: BodyLimits, at_once: int
    ) -> None:
        self._dependencies = dependencies
        self._config = config
        self._limits = limits
        self._at_once = at_once
        self._open: set[asyncio.Task[None]] = set()

    def require_free(self) -> None:
        """Raise InspectorBusy where as many are open as may be."""
        if len(self._open) >= self._at_once:
            raise InspectorBusy

    def start(
        self, inspected: Inspected, make_request: MakeRequest, *, subject: str
    ) -> asyncio.Task[None]:
        """Fire; `inspected` shows how it goes on. `subject` is who fires it. Raises InspectorBusy.

        Each is a patient of its own to the record: neither finds it another's answer, nor does it
        take the place of a patient's last one.
        """
        self.require_free()
        caller = Caller(CLIENT, ISSUER, inspected.id, user=subject, request_id=inspected.id)
        task = asyncio.create_task(
            self._fire(inspected, make_request, caller), name=f"inspect {inspected.id}"
        )
        self._open.add(task)
        task.add_done_callback(self._open.discard)
        return task

    async def close(self) -> None:
        """Cancel what is open and wait until it has ended."""
        for task in self._open:
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)

    async def _fire(self, inspected: Inspected, make: MakeRequest, caller: Caller) -> None:
        consultant = Consultant(observed(self._dependencies, inspected), self._config)
        try:
            request = await self._request(inspected, make)
            await _answer(consultant, inspected, replace(request, caller=caller))
            inspected.becomes(Stage.DONE)
        except MappingError as error:
            inspected.failed(FileUnusable(error.message, where=error.where, hint=error.hint))
        except ChartNotRead as error:
            inspected.failed(ServerNotRead.of(error))
        except ChartsideError as error:
            inspected.failed(error)
        except Exception as error:
            _log.error("a fired hook failed: %s", type(error).__name__)
            inspected.failed(Unexpected())
        finally:
            await consultant.close()

    async def _request(self, inspected: Inspected, make: MakeRequest) -> HookRequest:
        """The request as the service reads one: written, and parsed within its bounds."""
        made = await make()
        # Each in a thread: a chart of some MB would hold up hooks.
        inspected.sent = {key: _count(value) for key, value in _prefetch(made)}
        shown = {key: value for key, value in made.items() if key != _AUTHORIZATION}
        inspected.request = await asyncio.to_thread(orjson.dumps, shown)
        body = (
            await asyncio.to_thread(orjson.dumps, made)
            if _AUTHORIZATION in made
            else inspected.request
        )
        return await asyncio.to_thread(parse_request, body, inspected.service.on, self._limits)


def _prefetch(made: Mapping[str, Any]) -> Iterable[tuple[str, Any]]:
    prefetch = made.get("prefetch")
    return prefetch.items() if isinstance(prefetch, dict) else ()


def _count(value: Any) -> int:
    """How many resources a prefetch value holds."""
    if not isinstance(value, dict):
        return 0
    entries = value.get("entry")
    return len(entries) if isinstance(entries, list) else int(value.get("resourceType") != "Bundle")


async def _answer(consultant: Consultant, inspected: Inspected, request: HookRequest) -> None:
    """The response within the time that an EHR is promised, then the one that it gets once the
    model has answered."""
    response = await consultant.answer(inspected.service, request)
    inspected.keep_answer(response)
    asked = inspected.consultation
    if asked is None or asked.outcome is not Outcome.PENDING:
        return
    done = await consultant.complete(asked)
    inspected.consultation = done
    if not inspected.service.only_starts:
        again = replace(request, hook_instance=str(uuid.uuid4()))
        inspected.keep_answer(await consultant.make_response(done, again))
