"""Hooks of a site that runs a silent trial, and what its ledger has of them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import orjson

from cds_hooks.audit import SiteKey
from cds_hooks.cds_client.requests import hook_request
from cds_hooks.console.access import Reader, Role
from cds_hooks.services import find
from cds_hooks.trial.assignment import Subject, draw
from tests.console.whole_service import PATIENT_VIEW, WholeService
from tests.hostile.charts import Hostile, resources

CHECK, BOOKED = "chartside-problem-check", "chartside-appointment-book"
NOTHING = b'{"cards":[]}'
SHARE = 0.5


def encounter(key: SiteKey, *, silent: bool) -> str:
    """The first encounter's id that is drawn so."""
    drawn = (f"e{n}" for n in range(1000))
    return next(e for e in drawn if (draw(key.digest, Subject("", e)) < SHARE) is silent)


def opened(
    service: WholeService, chart: Hostile, encounter_id: str, service_id: str = PATIENT_VIEW
) -> httpx.Response:
    """The answer to a hook for a chart within an encounter."""
    service.engine.chart = chart
    definition = find(service_id)
    assert definition is not None
    who = {"patient_id": chart.patient_id, "encounter_id": encounter_id}
    body = hook_request(definition.hook, definition.prefetch, resources(chart), **who)
    return service.send(f"/cds-services/{service_id}", orjson.dumps(body).decode())


def records(service: WholeService, type_: str, chart: Hostile, key: SiteKey) -> list[Any]:
    """The ledger's records of one type and one patient."""
    patient = key.patient_key(chart.patient_id)
    found = map(orjson.loads, service.run(service.runtime.store.ledger.records_of(type_)))
    return [each for each in found if each.get("patient_pseudonym") == patient]


@contextmanager
def signed_in(service: WholeService, *roles: Role) -> Iterator[httpx.Client]:
    access = service.runtime.access
    reader = Reader("r", "R", frozenset(roles), "link")
    headers = {"Accept": "text/html", "Sec-Fetch-Site": "same-origin"}
    with httpx.Client(timeout=60, headers=headers) as browser:
        browser.cookies.set(access.cookie.name, access.sessions.begin(reader), domain="127.0.0.1")
        yield browser
