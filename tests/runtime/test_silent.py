"""Hooks of a silent trial, through the whole service: what an EHR gets, and that nobody else reads
what was recorded."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
from sqlalchemy import Connection, update

from cds_hooks.audit import RecordUnreadable, SiteKey, tables
from cds_hooks.audit.day_counts import Counts, Position
from cds_hooks.audit.encryption import PayloadCipher
from cds_hooks.audit.ledger.record import Record
from cds_hooks.audit.reviews import ReviewRefused
from cds_hooks.audit.uncounted import UncountedRecords
from cds_hooks.cds_client.requests import hook_request
from cds_hooks.console.access import Reader, Role
from cds_hooks.consult.links import make_link
from cds_hooks.consult.pages import NoConsultation, PatientScope
from cds_hooks.consultation import CheckedConsultation
from cds_hooks.inference.engine import Priority
from cds_hooks.prewarm.hand_over import RunningService
from cds_hooks.protocol.json_output import to_json
from cds_hooks.runtime.consultation_reading import (
    ConsultationUnknown,
    MayRead,
    read_consultation,
)
from cds_hooks.services import REGISTRY, discovery_of, find
from cds_hooks.services.switched_off import ANSWER_HEADER
from cds_hooks.settings import Settings
from cds_hooks.statistics.counting import Counting
from cds_hooks.trial.assignment import Subject, draw
from tests.console.inspecting import send as drop
from tests.console.whole_service import PATIENT_VIEW, ROOT, WholeService
from tests.hostile.charts import Hostile, resources

CHECK, BOOKED = "chartside-problem-check", "chartside-appointment-book"
NOTHING = b'{"cards":[]}'
SHARE = 0.5


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("silent")


@pytest.fixture(scope="module")
def service(folder: Path) -> Iterator[WholeService]:
    """Half of all encounters are silent, and checks of problems always are."""
    values: dict[str, Any] = {
        "store": {"path": str(folder / "r.sqlite"), "site_key": str(folder / "site.key")},
        "services": {"answer_within_s": 60, "mode_by_service": {CHECK: "silent"}},
        "trial": {"silent_share": SHARE},
        "terminology": {"path": str(ROOT / "build" / "terminology.sqlite")},
    }
    running = WholeService(folder, lambda *_: Settings.model_validate(values))
    yield running
    running.stop()


@pytest.fixture(scope="module")
def key(service: WholeService, folder: Path) -> SiteKey:
    return SiteKey.load(folder / "site.key")


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


@pytest.fixture
def silenced(service: WholeService, key: SiteKey) -> tuple[Hostile, str, str]:
    """A chart of a silent encounter, and the ids of what was asked and of what was answered."""
    chart = service.somebody()
    assert opened(service, chart, encounter(key, silent=True)).content == NOTHING
    service.until(lambda: records(service, "silent-consulted", chart, key))
    [asked] = records(service, "silent-hook-answered", chart, key)
    [answered] = records(service, "silent-consulted", chart, key)
    return chart, asked["consultation"], answered["consultation"]


@contextmanager
def signed_in(service: WholeService, *roles: Role) -> Iterator[httpx.Client]:
    access = service.runtime.access
    reader = Reader("r", "R", frozenset(roles), "link")
    headers = {"Accept": "text/html", "Sec-Fetch-Site": "same-origin"}
    with httpx.Client(timeout=60, headers=headers) as browser:
        browser.cookies.set(access.cookie.name, access.sessions.begin(reader), domain="127.0.0.1")
        yield browser


# --- what an EHR gets ---------------------------------------------------------------------------


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


# --- what is recorded ---------------------------------------------------------------------------


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


# --- who reads it -------------------------------------------------------------------------------


def test_a_link_to_it_opens_nothing(
    service: WholeService, key: SiteKey, silenced: tuple[Hostile, str, str]
) -> None:
    """Not even one that the site's own key signed."""
    for id_ in silenced[1:]:
        link = make_link(key, id_, until=time.time() + 3600)
        for path in ("", "/content", "/events"):
            assert service.get(f"/consultations/{link}{path}").status_code == 404, path
        said = service.post(f"/consultations/{link}/feedback", **{"said-1": "useful"})
        assert said.status_code == 404


def test_no_reader_of_the_store_finds_it(
    service: WholeService, key: SiteKey, silenced: tuple[Hostile, str, str]
) -> None:
    chart, *ids = silenced
    store, patient = service.runtime.store, key.patient_key(chart.patient_id)
    silent = service.run(store.silent.get(ids[1]))
    assert silent is not None
    for id_ in ids:
        assert service.run(store.get(id_)) is None
    assert service.run(store.find_by_key(silent.key, not_older_than=0)) is None
    assert service.run(store.last_for_patient(patient)) is None
    assert service.run(store.newest_for_patient(patient, after=0)) is None
    with pytest.raises(NoConsultation):  # as an EHR starts the SMART page of the patient
        service.run(service.runtime.pages.open_of(PatientScope((patient,), ids[1])))
    with pytest.raises(ReviewRefused):
        service.run(store.reviews.enqueue(ids[1], "by hand"))
    assert not set(ids) & {id_ for id_, _ in service.run(store.reviews.not_queued())}


def test_a_record_that_is_said_to_be_shown_is_not(
    service: WholeService, key: SiteKey, silenced: tuple[Hostile, str, str]
) -> None:
    """Whoever can write into the database cannot make it one that pages open."""
    store, answered = service.runtime.store, silenced[2]
    silent = service.run(store.silent.get(answered))
    assert silent is not None
    column = tables.consultations.c
    change = update(tables.consultations).where(column.id == answered)
    forged = change.values(payload_format="consultation/1+zlib")

    def write(connection: Connection) -> None:
        connection.execute(forged)

    service.run(store._transactions.write(write))
    with pytest.raises(RecordUnreadable):
        service.run(store.get(answered))
    assert service.run(store.find_by_key(silent.key, not_older_than=0)) is None
    patient = key.patient_key(silenced[0].patient_id)
    assert service.run(store.newest_for_patient(patient, after=0)) is None


def test_a_page_that_was_shown_before_tells_of_nothing_newer(
    service: WholeService, key: SiteKey
) -> None:
    chart = service.somebody()
    shown = opened(service, chart, encounter(key, silent=False)).json()
    page = service.link_of(shown)
    before = service.get(page).text
    assert opened(service, chart, encounter(key, silent=True)).content == NOTHING
    service.until(lambda: records(service, "silent-consulted", chart, key))
    assert len(service.get(page).text) == len(before)


def test_the_desk_shows_it_to_investigators_alone(
    service: WholeService, key: SiteKey, silenced: tuple[Hostile, str, str]
) -> None:
    chart, asked, answered = silenced
    path = f"{service.url}/desk/consultations/"
    with signed_in(service, Role.REVIEWER, Role.INTEGRATOR, Role.ADMINISTRATOR) as others:
        assert [others.get(path + id_).status_code for id_ in (asked, answered)] == [404, 404]
    assert not records(service, "consultation-read", chart, key)
    with signed_in(service, Role.INVESTIGATOR) as investigator:
        page = investigator.get(path + asked)
        assert (page.status_code, "Nobody was shown anything" in page.text) == (200, True)
        assert "No card: the hook was silent" in page.text
        assert investigator.get(f"{service.url}/desk").status_code == 403
        shown = opened(service, service.somebody(), encounter(key, silent=False)).json()
        visible = service.link_of(shown).rpartition("/")[2].partition(".")[0]
        assert investigator.get(path + visible).status_code == 404
    [read] = records(service, "consultation-read", chart, key)
    assert read["details"]["silent_trial"] is True
    assert read["details"]["roles"] == ["investigator"]


def test_a_command_reads_it_with_the_trials_option_alone(
    service: WholeService, silenced: tuple[Hostile, str, str]
) -> None:
    store, who = service.runtime.store, {"command": "explain"}

    def read(may: MayRead) -> str:
        work = read_consultation(store, silenced[1], who, fresh_for_s=3600, may=may)
        return service.run(work).consultation.id

    with pytest.raises(ConsultationUnknown):
        read(MayRead())
    assert read(MayRead(shown=False, silent=True)) == silenced[2]


def test_nothing_of_it_is_counted(
    service: WholeService, key: SiteKey, silenced: tuple[Hostile, str, str]
) -> None:
    """Neither by the statistics, which read the ledger, nor as a verdict in the metrics."""
    ledger = service.runtime.store.ledger
    before = _verdicts(service)
    types = ("silent-hook-answered", "silent-consulted")
    found = [each for type_ in types for each in service.run(ledger.records_of(type_))]
    read = tuple(Record(seq, "", orjson.loads(each)) for seq, each in enumerate(found))

    def counted(connection: Connection) -> tuple[Counts, object]:
        cipher = PayloadCipher(service.runtime._key)
        records = UncountedRecords(connection, cipher, Position(0, 0), read, ())
        return Counting().count(records), records.consultation(silenced[2])

    assert service.run(service.runtime.store._transactions.read(counted)) == ({}, None)
    chart = service.somebody()
    assert opened(service, chart, encounter(key, silent=True)).content == NOTHING
    service.until(lambda: records(service, "silent-consulted", chart, key))
    assert _verdicts(service) == before


def _verdicts(service: WholeService) -> list[str]:
    lines = service.get("/metrics").text.splitlines()
    return [each for each in lines if "verdict" in each and not each.startswith("#")]


def test_an_integrator_is_not_shown_what_the_trial_keeps(
    service: WholeService, silenced: tuple[Hostile, str, str]
) -> None:
    chart = silenced[0]
    service.sign_in_as("Tess")  # with every role
    assert drop(service, resources(chart)).status_code == 303
    with signed_in(service, Role.INTEGRATOR) as integrator:
        service._client, own = integrator, service._client
        try:
            refused = drop(service, resources(chart))
        finally:
            service._client = own
    assert refused.status_code == 403
    assert "silent-trial" in refused.text


def test_those_who_run_it_see_that_it_is_silent(service: WholeService) -> None:
    ready = service.get("/readyz").json()
    assert ready["status"] == "ready"
    told = ready["checks"]["silent_trial"]
    assert told == f"silent: {CHECK}; 50.00% of encounters are silent"
    assert "silent for 50.00% of encounters" in service.get("/").text
    assert "silent for 50.00%" in service.get("/services", signed_in=True).text
