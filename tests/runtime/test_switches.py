"""Services that are switched off while they run: by a command, another process, and by the page."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
from prometheus_client import CollectorRegistry

from cds_hooks.audit import StoreUnavailable
from cds_hooks.audit.switches import ALL_SERVICES, SwitchedOff, make_change
from cds_hooks.cds_client.requests import hook_request
from cds_hooks.console.discovery import example_call
from cds_hooks.runtime import switches as switches_module
from cds_hooks.runtime.switches import ServiceSwitches
from cds_hooks.services import REGISTRY, find
from cds_hooks.services.switched_off import ANSWER_HEADER, ServiceSwitchedOff
from cds_hooks.settings import Settings
from tests.console.whole_service import PATIENT_VIEW, ROOT, WholeService
from tests.hostile.charts import resources

CHECK, BOOKED = "chartside-problem-check", "chartside-appointment-book"
STARTED = "chartside-encounter-start"
METRIC = 'chartside_service_switched_off{service="chartside-patient-view"} '


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("switches")


@pytest.fixture(scope="module")
def running(folder: Path) -> Iterator[WholeService]:
    """The service, with the settings file that commands take."""
    (folder / "c.toml").write_text(
        f'[store]\npath = "{folder / "r.sqlite"}"\nsite_key = "{folder / "site.key"}"\n'
        "[services]\nanswer_within_s = 60\nrecall_s = 0\nonly_start = []\n"
        f'enabled = ["{PATIENT_VIEW}", "{BOOKED}", "{CHECK}", "{STARTED}"]\n'
        f"[services.answer_within]\n{STARTED} = 0.2\n"
        f'[terminology]\npath = "{ROOT / "build" / "terminology.sqlite"}"\n'
    )
    values = tomllib.loads((folder / "c.toml").read_text())
    service = WholeService(folder, lambda *_: Settings.model_validate(values))
    yield service
    service.stop()


def _command(folder: Path, *arguments: str) -> dict[str, Any]:
    """A process of its own, as an operator starts it."""
    command = (sys.executable, "-m", "cds_hooks", "services", *arguments, "--json")
    done = subprocess.run(
        [*command, "--config", str(folder / "c.toml")], capture_output=True, cwd=ROOT, timeout=300
    )
    answer: dict[str, Any] = orjson.loads(done.stdout)
    return answer


def _offered(service: WholeService) -> set[str]:
    return {each["id"] for each in service.get("/cds-services").json()["services"]}


def _call(service: WholeService, service_id: str) -> httpx.Response:
    definition = find(service_id)
    assert definition is not None
    body = orjson.dumps(example_call(definition)).decode()
    return service.send(f"/cds-services/{service_id}", body)


def _start(service: WholeService) -> dict[str, Any]:
    """The answer to a hook that is answered before the model has."""
    definition, chart = find(STARTED), service.somebody()
    assert definition is not None
    service.engine.chart = chart
    who = {"patient_id": chart.patient_id, "encounter_id": "e1"}
    body = hook_request(definition.hook, definition.prefetch, resources(chart), **who)
    answer = service.send(f"/cds-services/{STARTED}", orjson.dumps(body).decode())
    found: dict[str, Any] = answer.json()
    return found


def _records(service: WholeService, type_: str) -> list[dict[str, Any]]:
    found = service.run(service.runtime.store.ledger.records_of(type_))
    return [orjson.loads(each) for each in found]


def _switch(service: WholeService, scope: str, *, off: bool) -> None:
    """In the store, from where the service has to learn of it."""
    change = make_change(scope, "wrong cards", off=off, now=time.time(), user="ann")
    service.run(service.runtime.store.switches.change(change))


@pytest.fixture
def service(running: WholeService) -> Iterator[WholeService]:
    """The service, with everything on before and after."""
    yield running
    running.engine.released.set()
    for scope in (ALL_SERVICES, PATIENT_VIEW, BOOKED, STARTED):
        _switch(running, scope, off=False)
    running.until(lambda: _offered(running) == {PATIENT_VIEW, CHECK, BOOKED, STARTED})


def test_a_command_switches_a_service_off(service: WholeService, folder: Path) -> None:
    before = service.fire(service.somebody())
    link = service.link_of(before)
    told = _command(folder, "off", PATIENT_VIEW, "--reason", "wrong cards", "--by", "Ann")
    assert told["changed"]
    service.until(lambda: _offered(service) == {CHECK, BOOKED, STARTED})
    answer = _call(service, PATIENT_VIEW)
    assert (answer.status_code, answer.content) == (200, b'{"cards":[]}')
    assert answer.headers[ANSWER_HEADER] == "service-switched-off"
    assert ANSWER_HEADER not in _call(service, CHECK).headers
    ready = service.get("/readyz")
    assert ready.status_code == 200  # a service that is off is nothing wrong with the process
    assert ready.json()["checks"]["services"] == f"switched off: {PATIENT_VIEW}"
    assert METRIC + "1.0" in service.get("/metrics").text
    (off,) = _records(service, "service-switched-off")[-1:]
    assert off["details"]["reason"] == "wrong cards"
    assert "Ann" not in str(off)  # people are keyed hashes; the list tells who it was
    (unanswered,) = _records(service, "hook-not-answered")
    assert unanswered["details"] == {"switch": off["event_id"]}
    assert unanswered["service_id"] == PATIENT_VIEW
    assert unanswered["user_ref"]
    assert unanswered["hook_instance"]
    # What was answered before stays: its page, and feedback on its card.
    assert service.get(link).status_code == 200
    given = {"card": before["cards"][0]["uuid"], "outcome": "accepted"}
    given["outcomeTimestamp"] = "2026-11-29T09:00:00Z"
    body = orjson.dumps({"feedback": [given]}).decode()
    assert service.send(f"/cds-services/{PATIENT_VIEW}/feedback", body).status_code == 200
    assert _command(folder, "on", PATIENT_VIEW, "--reason", "mended")["changed"]
    service.until(lambda: PATIENT_VIEW in _offered(service))
    assert METRIC + "0.0" in service.get("/metrics").text


def test_a_hook_that_is_being_answered_gets_no_card(service: WholeService) -> None:
    answers: list[dict[str, Any]] = []
    shown = len(_records(service, "hook-answered"))
    service.engine.released.clear()
    hook = threading.Thread(target=lambda: answers.append(service.fire(service.somebody())))
    hook.start()
    service.until(lambda: service.runtime.consultant.works_on)
    _switch(service, ALL_SERVICES, off=True)
    hook.join(60)
    assert answers == [{"cards": []}]
    assert not service.engine.released.is_set()  # the model's work was stopped, not waited for
    assert len(_records(service, "hook-answered")) == shown
    assert service.get("/cds-services").json() == {"services": []}


def test_a_page_that_waits_says_that_no_answer_comes(service: WholeService) -> None:
    service.engine.released.clear()
    path = service.link_of(_start(service))
    assert 'id="waiting"' in service.get(path).text
    _switch(service, STARTED, off=True)
    service.until(lambda: "switched this service off" in service.get(path).text)
    assert 'id="waiting"' not in service.get(path).text
    assert not service.runtime.consultant.works_on


def test_work_for_a_service_that_is_on_goes_on(service: WholeService) -> None:
    answers: list[dict[str, Any]] = []
    service.engine.released.clear()
    hook = threading.Thread(target=lambda: answers.append(service.fire(service.somebody())))
    hook.start()
    service.until(lambda: service.runtime.consultant.works_on)
    _switch(service, BOOKED, off=True)
    service.until(lambda: BOOKED not in _offered(service))
    service.engine.released.set()
    hook.join(60)
    assert answers[0]["cards"]


def test_an_administrator_switches_on_a_page(service: WholeService) -> None:
    browser = service.signed_in()
    assert '<a href="services">' in browser.get(f"{service.url}/").text
    page = browser.get(f"{service.url}/services")
    csrf = page.text.split('name="csrf" value="', 1)[1].split('"', 1)[0]
    form = {"csrf": csrf, "scope": PATIENT_VIEW, "to": "off", "reason": "Mrs Quellfeld is wrong"}
    refused = browser.post(f"{service.url}/services/switch", data=form)
    assert refused.status_code == 400  # not confirmed
    assert "Nothing was switched." in refused.text
    assert "Mrs Quellfeld is wrong" in refused.text  # what was typed is there
    assert PATIENT_VIEW in _offered(service)
    done = browser.post(f"{service.url}/services/switch", data={**form, "confirmed": "yes"})
    assert done.status_code == 303
    assert PATIENT_VIEW not in _offered(service)  # here it is so at once
    page = browser.get(f"{service.url}/services")
    assert "Tess Ter" in page.text
    assert "Quellfeld" not in page.text
    off = _records(service, "service-switched-off")[-1]["details"]
    assert "Quellfeld" not in off["reason"]
    assert "administrator" in off["roles"]
    assert httpx.get(f"{service.url}/services").status_code == 401


class _Store:
    """Has `off`, or fails with it."""

    def __init__(self, off: list[SwitchedOff] | StoreUnavailable) -> None:
        self.switches = self
        self.off = off

    async def switched_off(self) -> tuple[SwitchedOff, ...]:
        if isinstance(self.off, StoreUnavailable):
            raise self.off
        return tuple(self.off)


def _row(scope: str) -> SwitchedOff:
    return make_change(scope, "wrong", off=True, now=1.7e9, user="ann").row


async def test_who_cannot_read_keeps_what_is_known_and_says_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = [100.0]
    monkeypatch.setattr(switches_module.time, "monotonic", lambda: clock[0])
    store: Any = _Store([_row(PATIENT_VIEW)])
    found = ServiceSwitches(store, REGISTRY, CollectorRegistry())
    await found.read()
    assert found.trouble == ""
    store.off = StoreUnavailable("timeout")
    with pytest.raises(StoreUnavailable):
        await found.read()
    clock[0] += 5.0
    assert found.trouble == ""
    clock[0] += 0.5
    assert "last known state holds" in found.trouble
    with pytest.raises(ServiceSwitchedOff):
        found.require_on(PATIENT_VIEW)
    found.require_on(CHECK)


@pytest.mark.parametrize("scope", [PATIENT_VIEW, ALL_SERVICES])
async def test_nothing_is_answered_before_the_state_is_known(scope: str) -> None:
    store: Any = _Store(StoreUnavailable("timeout"))
    found = ServiceSwitches(store, REGISTRY, CollectorRegistry())
    async with found.kept():
        assert found.trouble == "not read yet"
        with pytest.raises(StoreUnavailable):
            found.require_on(PATIENT_VIEW)
        store.off = [_row(scope)]
        await found.read()
        with pytest.raises(ServiceSwitchedOff):
            found.require_on(PATIENT_VIEW)
