"""A client that sends what the CDS Hooks Sandbox sends, in Chromium, from another origin.

The Sandbox itself is in no package registry, so its requests are played by a page of our own
(`page/client.js`): discovery and calls across origins, a token a call, prefetch by its own reads of
a real FHIR server, cards with the HTML of `detail` alive, feedback. The settings are those of
`chartside serve --sandbox`, with this client's key in place of the published one.
"""

from __future__ import annotations

import base64
import json
import os
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from cds_hooks.settings import Settings
from cds_hooks.settings.sandbox import load_sandbox_settings
from tests.console.looking import Looked, watched
from tests.console.sandbox_client.serving import KID, ClientOrigin
from tests.console.whole_service import ROOT, WholeService
from tests.hostile.charts import BENIGN, Hostile, resources

pytestmark = pytest.mark.fhir_server
PATIENT, ATTACKED, ACCEPTING = "sandbox-client-1", "sandbox-client-2", "sandbox-client-3"
TAGS = "<img src=x onerror=window.ran=1><b>bold</b><script>window.ran=1</script>"


def _record(chart: Hostile, patient: str) -> dict[str, Any]:
    """The chart as a bundle under ids of its own, with one order as the Sandbox writes it."""
    found = json.loads(json.dumps(resources(chart)).replace(chart.patient_id, patient))
    for each in found[1:]:
        each["id"] = f"{patient}-{each['id']}"
    [order] = [each for each in found if each["resourceType"] == "MedicationRequest"]
    order["category"] = {"coding": [{"code": "community"}]}
    return {
        "resourceType": "Bundle",
        "type": "collection",
        "entry": [{"resource": r} for r in found],
    }


@pytest.fixture(scope="module")
def origin(fhir_server: Any) -> Iterator[ClientOrigin]:
    places = ("problem-text", "complaint", "lab-text", "allergy-text", "medication-text", "report")
    attacked = replace(BENIGN, id="x", places=places, text=TAGS, says=TAGS, word="bold")
    fhir_server.load(_record(BENIGN, PATIENT))
    fhir_server.load(_record(attacked, ATTACKED))
    fhir_server.load(_record(BENIGN, ACCEPTING))
    served = ClientOrigin(fhir_server.base, fhir_server.token)
    yield served
    served.stop()


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory, origin: ClientOrigin) -> Iterator[Any]:
    def settings(folder: Path, port: int) -> Settings:
        file = folder / "chartside.toml"
        file.write_text(
            f'[store]\npath = "{folder}/r.sqlite"\nsite_key = "{folder}/site.key"\n'
            f"[services]\nanswer_within_s = 20.0\n"
            f'[terminology]\npath = "{ROOT}/build/terminology.sqlite"\n'
        )
        loaded = load_sandbox_settings(
            file, os.environ, origins=[origin.url], fhir_servers=[origin.fhir], port=port
        )
        [client] = loaded.clients
        return loaded.model_copy(
            update={"clients": (client.model_copy(update={"jwks": origin.jwks}),)}
        )

    running = WholeService(tmp_path_factory.mktemp("sandbox"), settings)
    yield running
    running.stop()


class Sandbox:
    """The page, what it sent to the service, and what came of it."""

    def __init__(
        self, page: Any, seen: Looked, origin: ClientOrigin, service: WholeService
    ) -> None:
        self.page, self.seen, self.origin, self.service = page, seen, origin, service
        self.sent: list[Any] = []
        page.on("request", lambda request: self._note(request))

    def _note(self, request: Any) -> None:
        if request.url.startswith(self.service.url) and request.method != "OPTIONS":
            self.sent.append(request)

    def connect(self, patient: str = PATIENT, discovery: str = "") -> None:
        self.page.goto(self.origin.url)
        self.page.fill("[name=discovery]", discovery or f"{self.service.url}/cds-services")
        self.page.fill("[name=fhir]", self.origin.fhir)
        self.page.fill("[name=patient]", patient)
        self.page.click("text=Save")
        self.page.wait_for_selector("#open:not([disabled])")

    def open_chart(self) -> list[dict[str, Any]]:
        """The answers of the services, once all of them are there."""
        self.page.click("#open")
        self.wait_for("Answered.")
        answers: list[dict[str, Any]] = json.loads(self.page.text_content("#response"))
        return answers

    def wait_for(self, state: str) -> None:
        """Until the page's line of state says this."""
        self.page.wait_for_function(
            "state => document.getElementById('state').textContent === state", arg=state
        )

    def posted(self, end: str) -> dict[str, Any]:
        [request] = [r for r in self.sent if r.method == "POST" and r.url.endswith(end)]
        body: dict[str, Any] = json.loads(request.post_data)
        return body


@pytest.fixture
def sandbox(browser: Any, origin: ClientOrigin, service: Any) -> Iterator[Sandbox]:
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page, seen = watched(context)
    origin.fhir_reads.clear()
    yield Sandbox(page, seen, origin, service)
    origin.refused.clear()
    context.close()


def _parts(token: str) -> tuple[dict[str, Any], dict[str, Any]]:
    raw = [part + "=" * (-len(part) % 4) for part in token.split(".")[:2]]
    header, claims = (json.loads(base64.urlsafe_b64decode(part)) for part in raw)
    return header, claims


def test_discovery_and_the_cards_of_a_chart(sandbox: Sandbox) -> None:
    sandbox.connect()
    answers = sandbox.open_chart()
    shown = sandbox.page.locator("article")
    assert shown.count() == sum(len(answer["cards"]) for answer in answers) >= 1
    assert "Pneumonia" in sandbox.page.inner_text("#cards")
    assert sandbox.seen.complaints == []
    picture = ROOT / "build" / "pictures" / "sandbox-client.png"
    picture.parent.mkdir(parents=True, exist_ok=True)
    sandbox.page.screenshot(path=picture, full_page=True)


def test_what_is_sent_is_what_the_sandbox_sends(sandbox: Sandbox) -> None:
    sandbox.connect()
    sandbox.open_chart()
    body = sandbox.posted("/chartside-patient-view")
    assert list(body) == ["hookInstance", "hook", "fhirServer", "context", "prefetch"]
    assert body["context"] == {
        "patientId": PATIENT,
        "userId": "Practitioner/COREPRACTITIONER1",
    }
    assert body["fhirServer"] == sandbox.origin.fhir
    orders = body["prefetch"]["medicationRequests"]["entry"]
    assert orders[0]["resource"]["category"] == {"coding": [{"code": "community"}]}
    for request in sandbox.sent:
        scheme, _, token = request.headers["authorization"].partition(" ")
        header, claims = _parts(token)
        assert scheme == "Bearer"
        assert (header["alg"], header["kid"]) == ("ES384", KID)
        assert claims["aud"] == request.url
        assert claims["exp"] - claims["iat"] == 300
        assert request.headers["accept"] == "application/json"


def test_a_slash_at_the_end_of_the_typed_address_does_no_harm(sandbox: Sandbox) -> None:
    """`//id`: the Sandbox joins what was typed, `/` and the id."""
    sandbox.connect(discovery=f"{sandbox.service.url}/cds-services/")
    assert sandbox.open_chart()
    assert [r.url for r in sandbox.sent if "cds-services//chartside-" in r.url]
    assert sandbox.page.locator("article").count() >= 1


def test_a_read_that_fails_leaves_its_key_out_and_the_card_says_so(sandbox: Sandbox) -> None:
    sandbox.origin.refused |= {"AllergyIntolerance"}
    sandbox.connect()
    sandbox.open_chart()
    assert "allergies" not in sandbox.posted("/chartside-patient-view")["prefetch"]
    assert "allergies" in sandbox.page.inner_text("#cards").lower()


def test_reads_are_written_as_the_sandbox_writes_them(sandbox: Sandbox) -> None:
    sandbox.connect()
    sandbox.open_chart()
    reads = set(sandbox.origin.fhir_reads)
    assert f"/Patient/{PATIENT}" in reads
    assert f"/Observation?_count=200&_sort=-date&category=laboratory&patient={PATIENT}" in reads
    encoded = sandbox.page.evaluate(
        "encoded('Practitioner?_id={{userPractitionerRoleId}}&date=ge1&date=le2')"
    )
    assert encoded == f"Practitioner?_id={quote('{{userPractitionerRoleId}}')}&date=ge1%2Cle2"


def test_html_of_a_chart_and_of_a_model_stays_text_where_html_is_alive(sandbox: Sandbox) -> None:
    sandbox.connect()
    sandbox.page.evaluate(
        "async () => document.body.append(await renderDetail('<img src=x onerror=\"ran = 1\">'))"
    )
    sandbox.page.wait_for_function("window.ran === 1")  # this client does run what it is given
    chart = replace(BENIGN, id="x", text=TAGS, says=TAGS)
    sandbox.service.engine.chart = chart
    sandbox.connect(ATTACKED)
    sandbox.open_chart()
    assert sandbox.page.locator("article").count() >= 1
    assert "bold" in sandbox.page.inner_text("#cards")
    assert sandbox.page.locator(".detail :is(img, script, b, a, iframe, svg, style)").count() == 0
    assert sandbox.page.evaluate("window.ran") is None
    sandbox.service.engine.chart = BENIGN


def test_cards_stand_by_severity(sandbox: Sandbox) -> None:
    sandbox.connect()
    sandbox.open_chart()
    order = ["critical", "warning", "info"]
    kinds = [order.index(a.get_attribute("class")) for a in sandbox.page.locator("article").all()]
    assert kinds == sorted(kinds)
    played = sandbox.page.evaluate(
        """async () => { const card = (indicator) => ({ indicator, summary: "", source: {} });
        await show([{ url: "u", answer: { cards: ["info", "critical", "warning"].map(card) } }]);
        return [...document.querySelectorAll("article")].map((each) => each.className); }"""
    )
    assert played == order


def test_a_suggestion_that_is_taken_is_recorded(sandbox: Sandbox) -> None:
    sandbox.service.engine.truthful = True
    sandbox.connect(ACCEPTING)
    [card] = [c for answer in sandbox.open_chart() for c in answer["cards"] if c.get("suggestions")]
    sandbox.service.engine.truthful = False
    suggestion = card["suggestions"][0]
    sandbox.page.get_by_role("button", name=suggestion["label"]).click()
    sandbox.wait_for("Feedback was sent.")
    [told] = sandbox.posted("/feedback")["feedback"]
    assert told["outcome"] == "accepted"
    assert told["acceptedSuggestions"] == [{"id": suggestion["uuid"]}]


def test_a_dismissal_with_its_reason_is_recorded(sandbox: Sandbox) -> None:
    sandbox.connect()
    [answer] = [a for a in sandbox.open_chart() if a["cards"]][:1]
    card = answer["cards"][0]
    reason = card["overrideReasons"][0]
    article = sandbox.page.locator("article").filter(has_text=card["summary"]).first
    article.get_by_text(f"Dismiss: {reason['display']}").click()
    sandbox.wait_for("Feedback was sent.")
    [told] = sandbox.posted("/feedback")["feedback"]
    assert told["card"] == card["uuid"]
    assert told["overrideReason"]["reason"] == {
        "code": reason["code"],
        "system": reason["system"],
    }
    html = _page_of(sandbox.service, card)
    assert re.search(re.escape(reason["display"]), html) or reason["code"] in html


def test_a_token_of_another_address_is_refused(sandbox: Sandbox) -> None:
    sandbox.connect()
    refused = sandbox.page.evaluate(
        """async (url) => { const other = await signedBy(url.replace("127.0.0.1", "example.org"));
        return (await fetch(url, { headers: other })).status; }""",
        f"{sandbox.service.url}/cds-services",
    )
    assert refused == 401


def test_an_origin_that_is_not_listed_is_kept_out(browser: Any, service: Any, origin: Any) -> None:
    other = ClientOrigin(origin.fhir, "")
    context = browser.new_context()
    page, _ = watched(context)
    page.goto(other.url)
    page.fill("[name=discovery]", f"{service.url}/cds-services")
    page.fill("[name=fhir]", other.fhir)
    page.fill("[name=patient]", PATIENT)
    page.click("text=Save")
    page.wait_for_selector("text=Failed to connect")
    context.close()
    other.stop()


def _page_of(service: WholeService, card: dict[str, Any]) -> str:
    [url] = [link["url"] for link in card["links"] if "/consultations/" in link["url"]]
    return service.get(url.removeprefix(service.url)).text
