"""A consultation reviewed at the desk by several people, with the real service."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import httpx
import orjson
import pytest

from cds_hooks.console.access import Role
from cds_hooks.console.reviews.review_settings import ReviewSettings
from tests.console.desking import open_consultation
from tests.console.whole_service import TESTER, WholeService

REVIEWERS = frozenset({Role.REVIEWER})
WHY = "=the chart has no lactate"


class Person:
    """Somebody in a browser of their own."""

    def __init__(self, service: WholeService, name: str, roles: frozenset[Role]) -> None:
        access, self._url = service.runtime.access, service.url
        reader = replace(TESTER, subject=name, name=name.title(), roles=roles)
        cookies = {access.cookie.name: access.sessions.begin(reader)}
        headers = {"Sec-Fetch-Site": "same-origin", "Accept": "text/html"}
        self.http = httpx.Client(cookies=cookies, headers=headers, timeout=60)

    def get(self, path: str) -> httpx.Response:
        return self.http.get(self._url + path)

    def send(self, what: str, **fields: str) -> httpx.Response:
        """A form of the desk."""
        csrf = re.findall('name="csrf" value="([^"]+)"', self.get("/desk/reviews").text)[0]
        data = {"csrf": csrf, **{key.replace("_", "-"): text for key, text in fields.items()}}
        return self.http.post(f"{self._url}/desk/reviews/{what}", data=data)


@pytest.fixture
def people(whole_service: WholeService) -> Iterator[tuple[Person, ...]]:
    found = tuple(Person(whole_service, name, REVIEWERS) for name in ("ann", "bob", "cay"))
    yield found
    for each in found:
        each.http.close()


def _records(service: WholeService, type_: str) -> list[dict[str, Any]]:
    found = service.run(service.runtime.store.ledger.records_of(type_))
    return [orjson.loads(each) for each in found]


def test_two_review_one_consultation_without_seeing_each_other(
    whole_service: WholeService, people: tuple[Person, ...]
) -> None:
    ann, bob, cay = people
    path = open_consultation(whole_service)
    id_ = path.rpartition("/")[2]
    assert "not in the review queue" in ann.get(path).text
    led = ann.send("queue", consultation=id_)
    assert (led.status_code, led.headers["location"]) == (303, f"../consultations/{id_}")
    assert ann.send("take", consultation=id_, kind="clinician").status_code == 303
    assert bob.send("take", consultation=id_, kind="engineer").status_code == 409
    assert "Other reviewers have it" in bob.get(path).text
    assert bob.send("another", consultation=id_).status_code == 303
    assert bob.send("take", consultation=id_, kind="engineer").status_code == 303
    assert ann.send("answer", consultation=id_, said="disagree").status_code == 400  # no reason
    said = {"said": "disagree", "why": WHY, "said_1": "disagree", "why_1": "not of this chart"}
    assert ann.send("answer", consultation=id_, **said).status_code == 303
    for each in (bob, cay):
        assert "has no lactate" not in each.get(path).text
        assert "disagree</td>" not in each.get(path).text
        assert "lactate" not in each.send("export", format="json").text
    assert bob.send("answer", consultation=id_, said="agree").status_code == 303
    assert "has no lactate" in bob.get(path).text
    assert bob.send("answer", consultation=id_, said="agree").status_code == 409  # once
    assert "answered by you" in bob.get("/desk/reviews").text
    records = _records(whole_service, "review-answered")[-2:]
    assert [each["details"]["said"] for each in records] == ["disagree", "agree"]
    assert records[0]["details"]["entries_disagreed"] == 1
    assert "lactate" not in str(records)
    assert "ann" not in str(records)


def test_what_is_taken_away(whole_service: WholeService, people: tuple[Person, ...]) -> None:
    ann, _, cay = people
    id_ = open_consultation(whole_service).rpartition("/")[2]
    ann.send("queue", consultation=id_)
    ann.send("take", consultation=id_, kind="compliance")
    ann.send("answer", consultation=id_, said="disagree", why=WHY)
    answer = ann.send("export", format="json")
    [row] = [row for row in answer.json()["reviews"] if row["consultation"] == id_]
    assert row["kind"] == "compliance"
    assert row["answers"] == [{"diagnosis": "", "said": "disagree", "reason": WHY}]
    lines = list(csv.DictReader(io.StringIO(ann.send("export", format="csv").text)))
    [line] = [line for line in lines if line["consultation"] == id_]
    assert line["reason"] == f"'{WHY}"  # no formula
    assert WHY not in cay.send("export", format="csv").text
    assert _records(whole_service, "reviews-exported")[-1]["details"]["format"] == "csv"


def test_what_was_taken_is_given_back(
    whole_service: WholeService, people: tuple[Person, ...]
) -> None:
    ann, bob, _ = people
    id_ = open_consultation(whole_service).rpartition("/")[2]
    ann.send("queue", consultation=id_)
    ann.send("take", consultation=id_, kind="clinician")
    assert ann.send("return", consultation=id_).headers["location"] == "../reviews"
    assert bob.send("take", consultation=id_, kind="clinician").status_code == 303


def test_chance_fills_the_queue_and_few_answers_are_not_counted(
    whole_service: WholeService, people: tuple[Person, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    ann = people[0]
    id_ = open_consultation(whole_service).rpartition("/")[2]
    reviewing = whole_service.runtime.reviewing
    monkeypatch.setattr(reviewing, "settings", ReviewSettings(share=1.0))
    monkeypatch.setattr(reviewing, "_filled", float("-inf"))
    page = ann.get("/desk/reviews").text
    assert f"desk/consultations/{id_}" in page
    assert "<td>random</td>" in page
    assert "<td>few</td>" in page or "none yet" in page


def test_only_reviewers_review(whole_service: WholeService) -> None:
    dan = Person(whole_service, "dan", frozenset({Role.ADMINISTRATOR}))
    assert dan.get("/desk/reviews").status_code == 403
    dan.http.close()
