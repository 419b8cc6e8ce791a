"""A clinician opens a card's link of type `smart`: who they are and of whom, the EHR says."""

from __future__ import annotations

import re
from collections.abc import Callable

from tests.console.smart_launch.smart_service import SmartService
from tests.hostile.charts import Hostile

Somebody = Callable[[], Hostile]


def test_a_launch_leads_to_the_patients_consultation(
    service: SmartService, somebody: Somebody
) -> None:
    chart = somebody()
    link = service.opened(chart)
    assert link["url"] == f"{service.url}/smart/launch"
    page = service.launch(service.browser(), chart.patient_id, link)
    assert page.status_code == 200, page.text
    assert re.fullmatch(r"/smart/[A-Za-z0-9_-]{16}/consultation", page.url.path)
    assert "Opened from the EHR as Practitioner/7" in page.text
    assert "The model&#39;s list (AI)" in page.text or "The model's list (AI)" in page.text
    assert chart.patient_id not in page.text
    assert page.headers["cache-control"] == "no-store"


def test_the_request_is_as_smart_asks(service: SmartService, somebody: Somebody) -> None:
    chart = somebody()
    service.launch(service.browser(), chart.patient_id, service.opened(chart))
    sent = service.ehr.authorized[-1]
    assert sent["scope"].split() == ["launch", "openid", "fhirUser"]
    assert sent["aud"] == service.ehr.base
    assert sent["code_challenge_method"] == "S256"
    assert len(sent["code_challenge"]) == 43
    assert min(len(sent["state"]), len(sent["nonce"])) >= 32
    assert sent["redirect_uri"] == f"{service.url}/smart/callback"


def test_who_opened_what_is_on_record(service: SmartService, somebody: Somebody) -> None:
    chart = somebody()
    before = len(service.records("consultation-opened"))
    service.launch(service.browser(), chart.patient_id, service.opened(chart))
    [record] = service.records("consultation-opened")[before:]
    assert record["user_ref"].startswith("h1:")
    assert record["patient_pseudonym"].startswith("p1:")
    assert record["consultation"]
    assert record["details"] == {"client": "ehr", "how": "smart"}
    assert chart.patient_id not in str(record)


def test_a_later_consultation_is_shown_and_said_to_be_later(
    service: SmartService, somebody: Somebody
) -> None:
    chart = somebody()
    first = service.opened(chart)
    browser = service.browser()
    page = service.launch(browser, chart.patient_id, first)
    assert "newer consultation than the one of the card" not in page.text
    second = service.opened(chart)
    if second["appContext"] != first["appContext"]:
        page = service.launch(browser, chart.patient_id, first)
        assert "newer consultation than the one of the card" in page.text


def test_a_launch_without_a_card_shows_the_newest(
    service: SmartService, somebody: Somebody
) -> None:
    chart = somebody()
    service.opened(chart)
    page = service.launch(service.browser(), chart.patient_id)
    assert page.status_code == 200
    assert "Opened from the EHR" in page.text


def test_a_patient_of_whom_nothing_is_known_is_said_so(service: SmartService) -> None:
    page = service.launch(service.browser(), "never-seen")
    assert page.status_code == 404
    assert "There is nothing of this patient yet" in page.text


def test_a_judgement_is_kept_with_whoever_the_ehr_says(
    service: SmartService, somebody: Somebody
) -> None:
    service.engine.truthful = True
    chart = somebody()
    browser = service.browser()
    link = service.opened(chart)
    page = service.launch(browser, chart.patient_id, link)
    service.until(lambda: 'name="said-1"' in browser.get(page.url).text)
    page = browser.get(page.url)
    fields = dict(re.findall(r'<input type="hidden" name="(csrf|of)" value="([^"]+)">', page.text))
    own = {"Sec-Fetch-Site": "same-origin"}
    form = {**fields, "said-1": "wrong", "words": "seen at the bedside"}
    url = f"{page.url}/feedback"
    before = len(service.records("feedback"))
    after = browser.post(url, data=form, headers=own)
    assert after.status_code == 200, after.text
    assert "said before: wrong" in after.text
    [record] = service.records("feedback")[before:]
    assert record["user_ref"].startswith("h1:")
    # Without its token, from elsewhere, and of another list it is not.
    for changed, headers in (
        ({"csrf": "x" * 43}, own),
        ({}, {"Sec-Fetch-Site": "cross-site"}),
    ):
        assert browser.post(url, data={**form, **changed}, headers=headers).status_code == 403
    stale = browser.post(url, data={**form, "of": "0" * 36}, headers=own)
    assert stale.status_code == 400
    assert "older version of the page" in stale.text
    assert len(service.records("feedback")) == before + 1


def test_a_pending_page_follows_until_the_answer_is_there(
    service: SmartService, somebody: Somebody
) -> None:
    chart = somebody()
    service.engine.released.clear()
    browser = service.browser()
    page = service.launch(browser, chart.patient_id, service.opened(chart))
    assert 'id="waiting"' in page.text
    service.engine.released.set()
    with browser.stream("GET", f"{page.url}/events") as events:
        assert b"event: answered" in b"".join(events.iter_raw())
    assert 'id="waiting"' not in browser.get(f"{page.url}/content").text


def test_a_session_can_be_ended(service: SmartService, somebody: Somebody) -> None:
    chart = somebody()
    browser = service.browser()
    page = service.launch(browser, chart.patient_id, service.opened(chart))
    [token] = set(re.findall(r'name="csrf" value="([^"]+)"', page.text))
    end = str(page.url).replace("/consultation", "/end")
    own = {"Sec-Fetch-Site": "same-origin"}
    assert browser.post(end, data={"csrf": token}, headers=own).url.path == "/basis"
    assert browser.get(page.url).status_code == 401
    assert service.records("signed-out")
