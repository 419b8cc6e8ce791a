"""Nobody but the trial's role reads what a silent trial recorded."""

from __future__ import annotations

import time

import orjson
import pytest
from sqlalchemy import Connection, update

from cds_hooks.audit import RecordUnreadable, SiteKey, tables
from cds_hooks.audit.day_counts import Counts, Position
from cds_hooks.audit.encryption import PayloadCipher
from cds_hooks.audit.ledger.record import Record
from cds_hooks.audit.reviews import ReviewRefused
from cds_hooks.audit.uncounted import UncountedRecords
from cds_hooks.console.access import Role
from cds_hooks.consult.links import make_link
from cds_hooks.consult.pages import NoConsultation, PatientScope
from cds_hooks.runtime.consultation_reading import (
    ConsultationUnknown,
    MayRead,
    read_consultation,
)
from cds_hooks.statistics.counting import Counting
from tests.console.inspecting import send as drop
from tests.console.whole_service import WholeService
from tests.hostile.charts import Hostile, resources
from tests.trial.silent.hooks import (
    NOTHING,
    encounter,
    opened,
    records,
    signed_in,
)


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
