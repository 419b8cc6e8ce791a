"""From a running service to the cards of one's own patient: one command, then three actions.

The command is `make serve`, whose log ends with a link; the actions are to open it, to choose the
patient, and to fire. The model is the embedded one. The seconds are printed, not judged.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.console.sandbox_client.serving import ClientOrigin
from tests.end_to_end.conftest import Running, running_service
from tests.end_to_end.links import one_time_link
from tests.hostile.charts import BENIGN, resources

pytestmark = [pytest.mark.model, pytest.mark.fhir_server]
MOST_ACTIONS = 3
_PATIENCE_MS = 150_000
OWN = "own-patient-1"


class Person:
    """Somebody at a browser, whose actions are counted."""

    def __init__(self, page: Any) -> None:
        self.page, self.actions = page, 0

    def does(self, action: Callable[[Any], None]) -> None:
        """One thing that a person does, and waits for."""
        action(self.page)
        self.actions += 1


@pytest.fixture(scope="module")
def record() -> dict[str, Any]:
    """A bundle under ids of its own."""
    found = json.loads(json.dumps(resources(BENIGN)).replace(BENIGN.patient_id, OWN))
    for each in found[1:]:
        each["id"] = f"{OWN}-{each['id']}"
    entries = [{"resource": each} for each in found]
    return {"resourceType": "Bundle", "type": "collection", "entry": entries}


@pytest.fixture(scope="module")
def open_server(fhir_server: Any, record: dict[str, Any]) -> Iterator[ClientOrigin]:
    """A FHIR server that wants no token, as public sandboxes do not."""
    fhir_server.load(record)
    origin = ClientOrigin(fhir_server.base, fhir_server.token)
    yield origin
    origin.stop()


@pytest.fixture(scope="module")
def own_service(
    tmp_path_factory: pytest.TempPathFactory, open_server: ClientOrigin
) -> Iterator[Running]:
    """What `make serve` starts, with one line for the FHIR server."""
    settings = f'[fhir]\nallowed_bases = ["{open_server.fhir}"]\n'
    with running_service(tmp_path_factory.mktemp("own"), settings) as running:
        running.until_ready()
        yield running


@pytest.fixture
def person(browser: Any) -> Iterator[Person]:
    context = browser.new_context()
    context.set_default_timeout(_PATIENCE_MS)
    yield Person(context.new_page())
    context.close()


def _drop_and_fire(record: dict[str, Any]) -> Callable[[Any], None]:
    file = {"name": "own.json", "mimeType": "application/json"}
    content = {**file, "buffer": json.dumps(record).encode()}
    return lambda page: page.set_input_files("#file", content)


def _cards(page: Any) -> list[str]:
    """The cards, once the model has answered."""
    page.wait_for_selector("text=Once the model had written")
    shown: list[str] = page.locator("article.card").all_text_contents()
    return shown


@pytest.mark.slow
@pytest.mark.long  # a file is quicker; inspector/test_fhir_servers.py asks servers
def test_a_patient_of_a_fhir_server(person: Person, own_service: Running) -> None:
    link, begun = one_time_link(own_service), time.monotonic()
    person.does(lambda page: page.goto(link))
    person.does(lambda page: page.click("text=Find patients"))
    person.does(lambda page: page.get_by_role("row", name=OWN).get_by_role("button").click())
    assert _cards(person.page)
    print(f"cards of a server's patient after {time.monotonic() - begun:.1f} s")
    assert person.actions <= MOST_ACTIONS


def test_a_patient_of_a_file(person: Person, own_service: Running, record: dict[str, Any]) -> None:
    link, begun = one_time_link(own_service), time.monotonic()
    person.does(lambda page: page.goto(link))
    person.does(_drop_and_fire(record))
    person.does(lambda page: page.click("text=Fire for the files"))
    assert _cards(person.page)
    print(f"cards of a file's patient after {time.monotonic() - begun:.1f} s")
    assert person.actions <= MOST_ACTIONS
