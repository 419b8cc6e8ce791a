"""Launches that are not what they say, and sessions that are somebody else's."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from tests.console.smart_launch.smart_server import CLIENT_ID, SECRET
from tests.console.smart_launch.smart_service import SmartService
from tests.hostile.charts import Hostile

Somebody = Callable[[], Hostile]


def step(browser: httpx.Client, url: str) -> str:
    """Where an address leads, one redirect further."""
    return str(browser.get(url, follow_redirects=False).headers["location"])


def returned(service: SmartService, browser: httpx.Client, patient: str) -> httpx.URL:
    """The address with which the browser comes back from the EHR."""
    service.ehr.says.patient = patient
    query = {"iss": service.ehr.base, "launch": "l1"}
    address = str(httpx.URL(f"{service.url}/smart/launch", params=query))
    return httpx.URL(step(browser, step(browser, address)))


def refused(page: httpx.Response, code: str, status: int = 403) -> None:
    assert page.status_code == status, page.text
    assert f"<code>{code}</code>" in page.text
    assert "Opened from the EHR" not in page.text


def test_a_made_up_state_opens_nothing(service: SmartService) -> None:
    back = returned(service, browser := service.browser(), "p")
    for state in ("x" * 43, ""):
        page = browser.get(back.copy_set_param("state", state))
        refused(page, "state-unknown" if state else "return-malformed")
    assert service.ehr.redeemed == 0 or "code" in str(back)


def test_what_another_browser_began_cannot_be_finished(service: SmartService) -> None:
    """An attacker's code in a victim's browser, and a victim's in an attacker's."""
    back = returned(service, service.browser(), "p")
    refused(service.browser().get(back), "another-browser")


def test_an_address_of_return_works_once(service: SmartService, somebody: Somebody) -> None:
    chart, browser = somebody(), service.browser()
    service.opened(chart)
    back = returned(service, browser, chart.patient_id)
    assert browser.get(back).status_code == 200
    refused(browser.get(back), "state-unknown")


def test_a_code_that_was_used_is_refused_by_the_server(service: SmartService) -> None:
    browser = service.browser()
    first = returned(service, browser, "p")
    browser.get(first)
    second = returned(service, browser, "p").copy_set_param("code", first.params["code"])
    refused(browser.get(second), "launch-code-refused")


def test_a_stolen_code_is_of_no_use_without_its_verifier(service: SmartService) -> None:
    back = returned(service, service.browser(), "p")
    form = {
        "grant_type": "authorization_code",
        "code": back.params["code"],
        "redirect_uri": service.ehr.redirect_uri,
    }
    for verifier in ({}, {"code_verifier": "v" * 43}):
        answer = httpx.post(
            f"{service.ehr.url}/token", data=form | verifier, auth=(CLIENT_ID, SECRET)
        )
        assert answer.status_code == 400


@pytest.mark.parametrize(
    "server",
    [
        "https://fhir.evil.example/r4",
        "{base}.evil.example",
        "{base}x",
        "http://user@127.0.0.1/fhir",
        "{url}/other",
        "{base}/../other",
        "{base}/%2e%2e/other",
        "http://169.254.169.254/latest",
        "file:///etc/passwd",
        "",
    ],
)
def test_a_server_that_is_not_listed_is_not_asked(service: SmartService, server: str) -> None:
    named = server.format(base=service.ehr.base, url=service.ehr.url)
    asked = len(service.ehr.authorized)
    page = service.browser().get(
        f"{service.url}/smart/launch", params={"iss": named, "launch": "l"}
    )
    assert page.status_code == 403
    assert re.search(r"<code>launch-(server-not-listed|malformed)</code>", page.text)
    assert len(service.ehr.authorized) == asked


def test_an_unlisted_server_comes_with_the_lines_that_would_list_it(service: SmartService) -> None:
    query = {"iss": "https://fhir.other.example/r4", "launch": "l"}
    page = service.browser().get(f"{service.url}/smart/launch", params=query)
    refused(page, "launch-server-not-listed")
    assert "smart_launch = true" in page.text
    assert "https://fhir.other.example/r4" in page.text


@pytest.mark.parametrize("query", ["iss=a", "launch=a", "iss=a&iss=b&launch=c", "%ff", ""])
def test_a_malformed_launch_is_refused(service: SmartService, query: str) -> None:
    refused(service.browser().get(f"{service.url}/smart/launch?{query}"), "launch-malformed")


@pytest.mark.parametrize(
    ("claims", "code"),
    [
        ({"aud": "another-app"}, "id-token-audience"),
        ({"aud": [CLIENT_ID, "another-app"], "azp": "another-app"}, "id-token-authorized-party"),
        ({"iss": "https://idp.evil.example"}, "id-token-issuer"),
        ({"nonce": "another"}, "id-token-nonce"),
        ({"exp": 1}, "id-token-expired"),
        ({"iat": 4_000_000_000}, "id-token-from-future"),
    ],
)
def test_a_token_of_another_is_refused(
    service: SmartService, claims: dict[str, Any], code: str
) -> None:
    refused(service.launch(service.browser(), "p", claims=claims), code)


def test_a_token_by_another_key_is_refused(service: SmartService) -> None:
    refused(service.launch(service.browser(), "p", other_key=True), "id-token-signature")


@pytest.mark.parametrize(
    ("said", "code"),
    [
        (None, "launch-user-missing"),
        ("", "launch-user-missing"),
        ("Dr. Example", "launch-user-missing"),
        ("Patient/1", "launch-user-no-clinician"),
        ("RelatedPerson/1", "launch-user-no-clinician"),
        ("https://fhir.evil.example/Practitioner/7", "launch-user-of-another-server"),
        ("Practitioner/<b>", "launch-user-missing"),
    ],
)
def test_a_launch_without_a_clinician_shows_nothing(
    service: SmartService, somebody: Somebody, said: str | None, code: str
) -> None:
    chart = somebody()
    link = service.opened(chart)
    refused(service.launch(service.browser(), chart.patient_id, link, fhir_user=said), code)


def test_a_clinician_may_be_named_by_a_whole_address(
    service: SmartService, somebody: Somebody
) -> None:
    chart = somebody()
    link = service.opened(chart)
    user = f"{service.ehr.base}/Practitioner/abc"
    page = service.launch(service.browser(), chart.patient_id, link, fhir_user=user)
    assert "Opened from the EHR as Practitioner/abc" in page.text


@pytest.mark.parametrize("patient", [None, "", "a/b", "x" * 65])
def test_a_launch_without_a_patient_shows_nothing(
    service: SmartService, patient: str | None
) -> None:
    service.ehr.says.fhir_user = "Practitioner/7"
    page = service.launch(service.browser(), patient)  # type: ignore[arg-type]
    refused(page, "launch-patient-missing")


def test_a_token_answer_without_id_token_is_refused(service: SmartService) -> None:
    page = service.launch(service.browser(), "p", without=("id_token",))
    refused(page, "launch-id-token-missing")


def test_a_card_of_another_patient_shows_neither(service: SmartService, somebody: Somebody) -> None:
    one, other = somebody(), somebody()
    service.opened(one)
    page = service.launch(service.browser(), one.patient_id, service.opened(other))
    refused(page, "card-of-another-patient")
    assert "From the chart, by rules" not in page.text


@pytest.mark.parametrize(
    "context",
    ["", "not json", "[]", '{"consultation": 7}', '{"consultation": "nothing"}', "{" * 500],
)
def test_another_apps_context_is_passed_over(
    service: SmartService, somebody: Somebody, context: str
) -> None:
    chart = somebody()
    service.opened(chart)
    service.ehr.says.app_context = context
    browser = service.browser()
    page = browser.get(returned(service, browser, chart.patient_id))
    assert page.status_code == 200
    assert "Opened from the EHR" in page.text


def test_the_address_of_a_session_opens_nothing_in_another_browser(
    service: SmartService, somebody: Somebody
) -> None:
    chart = somebody()
    page = service.launch(service.browser(), chart.patient_id, service.opened(chart))
    other = service.browser()
    for part in ("", "/content", "/events"):
        answer = other.get(f"{page.url}{part}")
        assert answer.status_code == 401
        assert "Your session is over" in answer.text
    service.launch(other, "never-seen")  # a session of its own does not help
    assert other.get(page.url).status_code == 401


def test_two_patients_in_one_browser_stay_apart(service: SmartService, somebody: Somebody) -> None:
    one, other, browser = somebody(), somebody(), service.browser()
    first = service.launch(browser, one.patient_id, service.opened(one))
    second = service.launch(browser, other.patient_id, service.opened(other))
    shown = [
        re.search(r"Consultation ([0-9a-f-]{36})", browser.get(page.url).text)[1]  # type: ignore[index]
        for page in (first, second)
    ]
    assert shown[0] != shown[1]
    assert shown[0] in first.text
    assert shown[1] in second.text


def test_a_session_that_ends_meanwhile_loses_nothing(
    service: SmartService, somebody: Somebody, monkeypatch: pytest.MonkeyPatch
) -> None:
    chart, browser = somebody(), service.browser()
    page = service.launch(browser, chart.patient_id, service.opened(chart))
    launched = service.runtime.launched
    assert launched is not None
    idle = service.runtime.settings.console.idle_s
    monkeypatch.setattr(launched._sessions, "_clock", lambda: time.time() + idle - 5)
    assert browser.get(page.url).status_code == 200
    monkeypatch.setattr(launched._sessions, "_clock", lambda: time.time() + 2 * idle)
    kept = len(service.records("feedback"))
    for method, part in (("GET", ""), ("GET", "/content"), ("POST", "/feedback")):
        answer = browser.request(method, f"{page.url}{part}", data={"said-1": "wrong"})
        assert answer.status_code == 401
        assert "Open the card in the EHR again" in answer.text
        assert answer.headers["content-type"].startswith("text/html")
    assert len(service.records("feedback")) == kept


def test_a_server_without_pkce_is_not_used(service: SmartService) -> None:
    service.ehr.configuration = {"code_challenge_methods_supported": ["plain"]}
    refused(service.launch(service.browser(), "p"), "launch-server-unusable", 503)


@pytest.mark.parametrize("name", ["token_endpoint", "jwks_uri"])
def test_a_document_cannot_send_us_to_a_host_that_is_not_listed(
    service: SmartService, name: str
) -> None:
    service.ehr.configuration = {name: "https://login.other.example/x"}
    page = service.launch(service.browser(), "p")
    refused(page, "launch-server-unusable", 503)
    assert "[egress] allow" in page.text
    assert "https://login.other.example" in page.text


@pytest.mark.parametrize(
    "url", ["http://login.other.example/x", "javascript:alert(1)", "//evil.example", "x", None, 7]
)
def test_a_browser_is_sent_to_no_address_without_tls(service: SmartService, url: Any) -> None:
    service.ehr.configuration = {"authorization_endpoint": url}
    refused(service.launch(service.browser(), "p"), "launch-server-unusable", 503)


def test_the_ehrs_own_refusal_is_told_as_one(service: SmartService) -> None:
    browser = service.browser()
    back = returned(service, browser, "p")
    url = f"{service.url}/smart/callback?state={back.params['state']}&error=access_denied"
    refused(browser.get(url), "provider-refused")
