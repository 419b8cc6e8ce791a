"""The page that a card's link opens: the answer, or that there is none yet."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from cds_hooks.audit import Store
from cds_hooks.console import LinkedPages
from cds_hooks.consult import Consultant, ConsultationPages, LinkUnknown
from cds_hooks.consultation import Consultation
from cds_hooks.evaluation.clinicians import judged
from cds_hooks.protocol.cards import Card
from cds_hooks.protocol.judgements import Judgement
from cds_hooks.protocol.protocol_errors import FeedbackInvalid
from cds_hooks.protocol.request import HookRequest
from cds_hooks.services import ServiceDefinition
from tests.console.conftest import make_site
from tests.consult.held_engine import HeldEngine, recorded
from tests.consult.test_stale import result
from tests.fake_engine import FakeEngine, FakeReply

Make = Callable[..., Consultant]
Resources = list[dict[str, Any]]
MakeRequest = Callable[[Resources], HookRequest]
PagesOf = Callable[[Consultant], ConsultationPages]


def _link(card: Card) -> str:
    [url] = [link.url for link in card.links if "/consultations/" in link.url]
    return url.rpartition("/")[2]


async def html_of(pages: ConsultationPages, link: str) -> str:
    response = await LinkedPages(make_site(), pages).page(link)
    return bytes(response.body).decode()


async def test_the_page_of_pending_work_becomes_that_of_its_answer(
    make_consultant: Make,
    pages_of: PagesOf,
    make_request: MakeRequest,
    service: ServiceDefinition,
    resources: Resources,
    answer_of: Callable[..., str],
    seen: list[Consultation],
) -> None:
    engine = HeldEngine(answer_of("Gout"))
    consultant = make_consultant(engine, answer_within_s=0.05)
    [card] = (await consultant.answer(service, make_request(resources))).cards
    pages = pages_of(consultant)
    page = await html_of(pages, _link(card))
    assert 'http-equiv="refresh"' in page
    assert "Gout" not in page
    pending = await pages.pending(_link(card))
    assert pending is not None
    assert not await pages.is_answered(pending)
    engine.released.set()
    await recorded(seen)
    assert await pages.is_answered(pending)
    assert await pages.pending(_link(card)) is None
    page = await html_of(pages_of(consultant), _link(card))
    assert 'http-equiv="refresh"' not in page
    assert "Gout" in page


async def test_it_shows_facts_and_says_nothing_of_who_it_is(
    make_consultant: Make,
    pages_of: PagesOf,
    make_request: MakeRequest,
    service: ServiceDefinition,
    resources: Resources,
    answer_of: Callable[..., str],
) -> None:
    hostile = {
        "resourceType": "Condition",
        "id": "x",
        "subject": {"reference": "Patient/demo-1"},
        "clinicalStatus": {"coding": [{"code": "active"}]},
        "code": {"text": "<script>alert(1)</script> ![x](https://evil.example/x.png)"},
    }
    text = answer_of("Pulmonary embolism", "<img src=x onerror=y>")
    consultant = make_consultant(FakeEngine([FakeReply((text,))]))
    [card, *_] = (await consultant.answer(service, make_request([*resources, hostile]))).cards
    page = await html_of(pages_of(consultant), _link(card))
    assert "alert(1)</script>" not in page
    assert "<img src=x" not in page
    assert "demo-1" not in page
    names = [name for r in resources if r["resourceType"] == "Patient" for name in r["name"]]
    assert all(name["family"] not in page for name in names)
    assert "What the model was shown" in page


async def test_a_link_to_nothing_is_told_so(make_consultant: Make, pages_of: PagesOf) -> None:
    with pytest.raises(LinkUnknown):
        await pages_of(make_consultant(FakeEngine())).open("nothing")


async def test_without_a_time_there_are_no_links(
    make_consultant: Make,
    make_request: MakeRequest,
    service: ServiceDefinition,
    resources: Resources,
) -> None:
    response = await make_consultant(FakeEngine(), link_s=0).answer(
        service, make_request(resources)
    )
    assert not [
        link for card in response.cards for link in card.links if "consultations" in link.url
    ]


async def test_it_says_what_was_not_sent_as_fhir_asks(
    make_consultant: Make,
    pages_of: PagesOf,
    make_request: MakeRequest,
    service: ServiceDefinition,
    resources: Resources,
    answer_of: Callable[..., str],
) -> None:
    odd = {
        "resourceType": "Observation",
        "id": "odd.one",
        "status": "final",
        "subject": {"reference": "Patient/demo-1"},
        "category": [{"coding": [{"code": "laboratory"}]}],
        "code": {"text": "Creatinine"},
        "effectiveDateTime": "2024-06-14T08:00:00Z",
        "valueQuantity": {"value": "1.2", "unit": "mg/dL"},
    }
    consultant = make_consultant(FakeEngine([FakeReply((answer_of("Pulmonary embolism"),))]))
    [card, *_] = (await consultant.answer(service, make_request([*resources, odd]))).cards
    page = await html_of(pages_of(consultant), _link(card))
    assert "value of Observation" in page
    assert "Send a JSON number." in page
    assert "odd.one" not in page


async def test_a_diagnosis_judged_on_the_page_is_kept_with_its_consultation(
    make_consultant: Make,
    pages_of: PagesOf,
    make_request: MakeRequest,
    service: ServiceDefinition,
    resources: Resources,
    answer_of: Callable[..., str],
    store: Store,
) -> None:
    names = ("Pulmonary embolism", "Sepsis")
    consultant = make_consultant(FakeEngine([FakeReply((answer_of(*names),))]))
    [card] = (await consultant.answer(service, make_request(resources))).cards
    link = _link(card)
    page = await html_of(pages_of(consultant), link)
    assert f'action="{link}/feedback"' in page
    assert 'name="said-2" value="wrong"' in page
    said = (Judgement(2, "wrong", "need-more-info"),)
    service_id, entry = await pages_of(consultant).feedback(link, said, "seen at the bedside")
    receipt = await store.record_feedback(service_id, (entry,))
    assert (receipt.recorded, receipt.unknown) == (1, 0)
    page = await html_of(pages_of(consultant), link)
    assert "said before: wrong; Not enough information in the chart" in page
    [kept] = await store.consultations_with_feedback()
    [again] = await store.feedback_for(kept)
    assert (again.judgements, again.user_comment) == (said, "seen at the bedside")
    found = judged([(await store.get(kept), (again,))])
    assert (found.consultations, [(v.useful, v.wrong) for v in found.verdicts]) == (1, [(0, 1)])


async def test_a_place_without_a_diagnosis_and_a_made_up_link_are_refused(
    make_consultant: Make,
    pages_of: PagesOf,
    make_request: MakeRequest,
    service: ServiceDefinition,
    resources: Resources,
    answer_of: Callable[..., str],
) -> None:
    consultant = make_consultant(FakeEngine([FakeReply((answer_of("Sepsis"),))]))
    [card] = (await consultant.answer(service, make_request(resources))).cards
    with pytest.raises(FeedbackInvalid):
        await pages_of(consultant).feedback(_link(card), (Judgement(2, "wrong"),), "")
    with pytest.raises(LinkUnknown):
        await pages_of(consultant).feedback("abc", (Judgement(1, "wrong"),), "")


async def test_a_page_tells_of_a_newer_consultation_and_what_changed(
    make_consultant: Make,
    pages_of: PagesOf,
    make_request: MakeRequest,
    service: ServiceDefinition,
    resources: Resources,
    answer_of: Callable[..., str],
) -> None:
    engine = FakeEngine([FakeReply((answer_of("Gout"),)), FakeReply((answer_of("Sepsis"),))])
    consultant = make_consultant(engine)
    [first] = (await consultant.answer(service, make_request(resources))).cards
    pages = pages_of(consultant)
    assert "newer consultation" not in await html_of(pages, _link(first))
    changed = make_request([*resources, result(6.1, days_ago=0.01)])
    [second] = (await consultant.answer(service, changed)).cards
    opened = await pages.open(_link(first))
    assert opened.newer is not None
    page = await html_of(pages, _link(first))
    assert "There is a newer consultation of this patient" in page
    assert "Lactate 6.1 mmol/L" in page
    assert f'href="{opened.newer_link}"' in page
    assert opened.newer_link.split(".")[1] == _link(first).split(".")[1]
    assert "newer consultation" not in await html_of(pages, _link(second))
    response = await LinkedPages(make_site(profile="production"), pages).page(_link(first))
    assert opened.newer_link not in bytes(response.body).decode()


async def test_the_page_of_an_answer_that_stands_shows_that_answer(
    make_consultant: Make,
    pages_of: PagesOf,
    make_request: MakeRequest,
    service: ServiceDefinition,
    resources: Resources,
    answer_of: Callable[..., str],
) -> None:
    engine = FakeEngine([FakeReply((answer_of("Pulmonary embolism"),))])
    consultant = make_consultant(engine)
    await consultant.answer(service, make_request(resources))
    unimportant = make_request([*resources, result(1.1, days_ago=800)])
    [card] = (await consultant.answer(service, unimportant)).cards
    assert len(engine.requests) == 1
    pages = pages_of(consultant)
    page = await html_of(pages, _link(card))
    assert "Pulmonary embolism" in page
    assert "This list is from" in page
    assert "The last answer is no longer on record" not in page
    opened = await pages.open(_link(card))
    assert opened.listed is not None
    assert opened.listed.id != opened.consultation.id
    _, entry = await pages.feedback(_link(card), (Judgement(1, "useful"),), "")
    assert entry.consultation == opened.listed.id


async def test_a_consultation_that_gave_no_card_says_so(
    make_consultant: Make,
    pages_of: PagesOf,
    make_request: MakeRequest,
    service: ServiceDefinition,
    resources: Resources,
    answer_of: Callable[..., str],
) -> None:
    quiet = [r for r in resources if r["resourceType"] == "Patient"]
    consultant = make_consultant(FakeEngine([FakeReply((answer_of(),))]))
    [card] = (await consultant.answer(service, make_request(quiet))).cards
    assert "given no card" not in await html_of(pages_of(consultant), _link(card))
    silent = make_consultant(FakeEngine([FakeReply((answer_of(),))]), speak="when-it-matters")
    assert "given no card" in await html_of(pages_of(silent), _link(card))
