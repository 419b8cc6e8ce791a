"""The running service, to which charts are handed: one hook a patient, without a card.

The service has the model loaded; a second engine on the machine would take the memory and the
time of the first. So this is a CDS client like an EHR, on the same machine.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import httpx
import orjson

from cds_hooks.consultation import Outcome
from cds_hooks.errors import ChartsideError
from cds_hooks.prewarm.rate_limited_transport import retry_after
from cds_hooks.services import STARTED, ServiceDefinition
from cds_hooks.services.switched_off import ANSWER_HEADER, SWITCHED_OFF

__all__ = ["HandedBack", "RunningService", "ServiceAway"]

# What is answered to a hook of a silent trial, whatever came of it.
_SAYS_NOTHING: dict[str, list[Any]] = {"cards": []}
_TRIES = 6
_PAUSE_S = 5.0
_READY = 200
# The service has other work, which goes first.
_LATER = {Outcome.PENDING, Outcome.OVERLOADED, Outcome.ENGINE_UNAVAILABLE}


@dataclass(frozen=True, slots=True)
class Silent:
    """The service took the chart, and does not say what came of it."""


class ServiceAway(ChartsideError):
    """The service does not run here, is not ready, or does not offer what is needed."""

    code = "prewarm-service-away"
    status = 503


class HandedBack(ChartsideError):
    """The service refused a chart; `reason` is its code."""

    code = "prewarm-refused"
    status = 502

    def __init__(self, reason: str) -> None:
        super().__init__(f"the service refused the chart ({reason})")
        self.reason = reason


class RunningService:
    """A service at a loopback address. `wait_s` is how long the work on one chart may take.

    `fhir_server` is the base under which EHRs name the FHIR server: a patient is one on a server.
    `silent`: by its settings it may take a chart for a silent trial, and say nothing of it.
    """

    def __init__(
        self,
        http: httpx.AsyncClient,
        service: ServiceDefinition,
        *,
        fhir_server: str,
        wait_s: float,
        silent: bool = False,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._http = http
        self._service = service
        self._fhir_server = fhir_server
        self._wait = int(wait_s) + 1
        self._silent = silent
        self._sleep = sleep

    async def require(self) -> None:
        """Raise ServiceAway unless the service is ready and offers what charts are handed to."""
        ready = await self._get("/readyz")
        if ready.status_code != _READY:
            raise _not_ready(ready)
        offered = (await self._get("/cds-services")).json().get("services", [])
        if self._service.id not in [entry.get("id") for entry in offered]:
            raise ServiceAway(
                "the service does not offer what is needed",
                where=self._service.id,
                hint=f"Add it to services.enabled, or switch it on: {_LIST}",
            )

    async def consult(self, patient_id: str, prefetch: Mapping[str, Any]) -> Outcome | None:
        """The outcome of the work on a chart, waiting while charts that are open go first; None
        where the service took it for a silent trial, and says nothing of it.

        Raises HandedBack and ServiceAway.
        """
        body = orjson.dumps(self._hook(patient_id, prefetch))
        outcome = Outcome.PENDING
        for attempt in range(_TRIES):
            if attempt:
                await self._sleep(_PAUSE_S * attempt)
            answered = await self._post(body)
            if answered is None:
                continue
            if isinstance(answered, Silent):
                return None
            outcome = answered
            if outcome not in _LATER:
                return outcome
        if outcome is Outcome.ENGINE_UNAVAILABLE:
            # All that time: the next patient would wait in vain, too.
            await self.require()
        return outcome

    def _hook(self, patient_id: str, prefetch: Mapping[str, Any]) -> dict[str, Any]:
        # The hook wants a user and appointments, of which there are none; neither is read.
        appointments = {"resourceType": "Bundle", "type": "collection", "entry": []}
        return {
            "hook": self._service.hook,
            "hookInstance": str(uuid.uuid4()),
            "fhirServer": self._fhir_server,
            "context": {
                "userId": "Device/chartside-prewarm",
                "patientId": patient_id,
                "appointments": appointments,
            },
            "prefetch": prefetch,
        }

    async def _post(self, body: bytes) -> Outcome | Silent | None:
        """The outcome; None when the service takes no call just now."""
        headers = {"Content-Type": "application/json", "Prefer": f"wait={self._wait}"}
        path = f"/cds-services/{self._service.id}"
        try:
            answer = await self._http.post(
                path, content=body, headers=headers, timeout=self._wait + 60
            )
        except httpx.HTTPError:
            raise ServiceAway("the service went away", where=path, hint=_AGAIN) from None
        if answer.status_code in (429, 503):
            await self._sleep(min(retry_after(answer.headers.get("retry-after", "")) or 0, 60))
            return None
        if answer.headers.get(ANSWER_HEADER) == SWITCHED_OFF:
            raise ServiceAway("the service was switched off", where=path, hint=_LIST)
        return _outcome(answer, silent=self._silent)

    async def _get(self, path: str) -> httpx.Response:
        try:
            return await self._http.get(path)
        except httpx.HTTPError:
            raise ServiceAway("no service answers", where=path, hint=_START) from None


_START = "Start it with `chartside serve`; --port tells another port than the settings'."
_WAIT = "Wait until /readyz answers 200."
_FAILED = "Its engine is out of service: mend the cause and restart the service."
_LIST = "`chartside services list` tells who switched it off and why."
_AGAIN = "Run the command again; what is done is not done again."


def _not_ready(answer: httpx.Response) -> ServiceAway:
    """With what the service says is wrong, and whether waiting helps."""
    try:
        checks = answer.json()["checks"]
        wrong = {name: said for name, said in checks.items() if said != "ok"}
        failed = wrong.pop("engine_state", "") == "failed"
        told = "; ".join(f"{name}: {said}".rstrip(".") for name, said in wrong.items())
    except (ValueError, KeyError, TypeError, AttributeError):
        return ServiceAway("the service is not ready", where="/readyz", hint=_WAIT)
    hint = _FAILED if failed else _WAIT
    return ServiceAway(f"the service is not ready ({told})", where="/readyz", hint=hint)


def _outcome(answer: httpx.Response, *, silent: bool) -> Outcome | Silent:
    """What the service told. Raises HandedBack."""
    try:
        document = orjson.loads(answer.content)
        if answer.status_code != httpx.codes.OK:
            code = document["issue"][0]["details"]["coding"][0]["code"]
            raise HandedBack(code)
        if silent and answer.status_code == httpx.codes.OK and document == _SAYS_NOTHING:
            return Silent()
        return Outcome(document["extension"][STARTED]["outcome"])
    except (ValueError, KeyError, IndexError, TypeError):
        raise HandedBack(f"status {answer.status_code}") from None
