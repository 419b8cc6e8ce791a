"""What an EHR gets of a silent trial, and what is recorded meanwhile."""

from __future__ import annotations

import httpx
import orjson

from cds_hooks.audit import SiteKey
from cds_hooks.consultation import CheckedConsultation
from cds_hooks.inference.engine import Priority
from cds_hooks.prewarm.hand_over import RunningService
from cds_hooks.protocol.json_output import to_json
from cds_hooks.services import REGISTRY, discovery_of, find
from cds_hooks.services.switched_off import ANSWER_HEADER
from cds_hooks.trial.assignment import Subject, draw
from tests.console.whole_service import WholeService
from tests.hostile.charts import Hostile, resources
from tests.trial.silent.hooks import (
    BOOKED,
    CHECK,
    NOTHING,
    SHARE,
    encounter,
    opened,
    records,
)


def test_an_ehr_gets_an_answer_that_says_nothing(service: WholeService, key: SiteKey) -> None:
    chart, of = service.somebody(), encounter(key, silent=True)
    first = opened(service, chart, of)
    service.until(lambda: records(service, "silent-consulted", chart, key))
    again = opened(service, chart, of)  # within the seconds in which cards are shown again
    plain = opened(service, service.somebody(), encounter(key, silent=False))
    for answer in (first, again):
        assert (answer.status_code, answer.content) == (200, NOTHING)
        assert answer.headers.keys() == plain.headers.keys()
        assert ANSWER_HEADER not in answer.headers
    assert orjson.loads(plain.content)["cards"]


def test_discovery_does_not_say_what_is_silent(service: WholeService) -> None:
    assert service.get("/cds-services").content == to_json(discovery_of(REGISTRY))


def test_a_problem_that_was_entered_is_checked_and_nothing_is_said(
    service: WholeService, key: SiteKey
) -> None:
    definition = find(CHECK)
    assert definition is not None
    patient = {
        "resourceType": "Patient",
        "id": "man-1",
        "gender": "male",
        "birthDate": "1960-01-01",
    }
    ovarian = {"coding": [{"system": "http://hl7.org/fhir/sid/icd-10-cm", "code": "C56.9"}]}
    entered = {"resourceType": "Condition", "id": "c1", "code": ovarian}
    body = {
        "hook": definition.hook,
        "hookInstance": "2",
        "context": {"userId": "Practitioner/1", "patientId": "man-1", "conditions": [entered]},
        "prefetch": {"patient": patient},
    }
    answer = service.send(f"/cds-services/{CHECK}", orjson.dumps(body).decode())
    assert (answer.status_code, answer.content) == (200, NOTHING)
    ledger = service.runtime.store.ledger
    [record] = map(orjson.loads, service.run(ledger.records_of("silent-hook-answered"))[-1:])
    assert (record["outcome"], record["service_id"]) == ("entry-checked", CHECK)
    found = service.run(service.runtime.store.silent.get(record["consultation"]))
    assert isinstance(found, CheckedConsultation)
    assert found.assessments  # the check was made: only nobody is told


def test_a_chart_that_is_read_ahead_tells_no_outcome(service: WholeService, key: SiteKey) -> None:
    """A hook without an encounter is drawn by its patient."""
    definition = find(BOOKED)
    assert definition is not None

    async def handed(chart: Hostile) -> object:
        async with httpx.AsyncClient(base_url=service.url) as http:
            running = RunningService(http, definition, fhir_server="", wait_s=1, silent=True)
            record = {"patient": resources(chart)[0]}
            return await running.consult(chart.patient_id, record)

    outcomes = []
    for silent in (True, False):
        chart = service.somebody()
        while (draw(key.digest, Subject("", "", chart.patient_id)) < SHARE) is not silent:
            chart = service.somebody()
        service.engine.chart = chart
        outcomes.append(service.run(handed(chart)))
    assert outcomes[0] is None
    assert outcomes[1] is not None


def test_it_is_made_and_recorded_in_the_background(
    service: WholeService, key: SiteKey, silenced: tuple[Hostile, str, str]
) -> None:
    chart, asked, answered = silenced
    store = service.runtime.store
    found = service.run(store.silent.get(answered))
    assert isinstance(found, CheckedConsultation)
    assert found.silent
    assert found.assessments
    assert service.run(store.silent.get(asked)) is not None
    assert service.engine.requests[-1].priority is Priority.BACKGROUND
    [hook] = records(service, "silent-hook-answered", chart, key)
    assert hook["encounter_pseudonym"]
    assert "cards" not in hook
    [ended] = records(service, "silent-consulted", chart, key)
    assert ended["payload_sha256"]
    assert "checks" not in ended  # verdicts are in the encrypted record alone


def test_work_of_another_mode_is_neither_joined_nor_shown(
    service: WholeService, key: SiteKey, silenced: tuple[Hostile, str, str]
) -> None:
    chart, _, answered = silenced
    before = len(service.engine.requests)
    shown = opened(service, chart, encounter(key, silent=False)).json()
    assert shown["cards"]
    assert len(service.engine.requests) == before + 1  # its own question, though the same
    assert answered not in str(shown)
    opened(service, chart, encounter(key, silent=True))
    assert len(service.engine.requests) == before + 1  # the silent answer stands for silent hooks
    assert len(records(service, "silent-consulted", chart, key)) == 1


def test_those_who_run_it_see_that_it_is_silent(service: WholeService) -> None:
    ready = service.get("/readyz").json()
    assert ready["status"] == "ready"
    told = ready["checks"]["silent_trial"]
    assert told == f"silent: {CHECK}; 50.00% of encounters are silent"
    assert "silent for 50.00% of encounters" in service.get("/").text
    assert "silent for 50.00%" in service.get("/services", signed_in=True).text
