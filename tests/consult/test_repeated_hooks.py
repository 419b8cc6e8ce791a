"""One chart fired several times in a moment: the same words, under ids of their own."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from cds_hooks.audit import Store
from cds_hooks.consult import Consultant
from cds_hooks.consult.hook_cache import HookCache
from cds_hooks.consultation import CheckedConsultation, Consultation, Outcome
from cds_hooks.protocol.cards import Card, Response, Source, Suggestion
from cds_hooks.protocol.feedback import FeedbackEntry
from cds_hooks.protocol.request import HookContext, HookRequest
from cds_hooks.services import ServiceDefinition
from fhir_mapping.chart import Chart, PatientFacts
from tests.fake_engine import FakeEngine, FakeReply

CARD = Card(
    "one sentence", "info", Source("label"), uuid="first", suggestions=(Suggestion("add", "s"),)
)
SHOWN = Response((CARD,))


class Moment:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Moment:
    return Moment()


@pytest.fixture
def cache(clock: Moment) -> HookCache:
    numbers = itertools.count(1)
    return HookCache(300.0, lambda: f"new-{next(numbers)}", clock)


CONTEXT = HookContext("Practitioner/1", "p")
REQUEST = HookRequest("patient-view", "i", CONTEXT)


def answer(outcome: Outcome = Outcome.ANSWERED) -> Consultation:
    chart = Chart(PatientFacts(), (), ())
    return CheckedConsultation(
        id="c", key="k", service="s", created=1.0, patient_key="p", chart=chart, outcome=outcome
    )


def put(cache: HookCache, digest: bytes, outcome: Outcome = Outcome.ANSWERED) -> Consultation:
    done = answer(outcome)
    cache.put(digest, done, REQUEST)
    cache.put_cards(digest, done, SHOWN)
    return done


def test_the_same_words_come_under_ids_of_their_own(cache: HookCache) -> None:
    done = put(cache, b"d")
    for number in (1, 3):
        found = cache.cards(b"d")
        assert found is not None
        assert found[0] is done
        [card] = found[1].cards
        [suggestion] = card.suggestions
        assert {card.uuid, suggestion.uuid} == {f"new-{number}", f"new-{number + 1}"}
        assert replace(card, uuid="first", suggestions=CARD.suggestions) == CARD


def test_another_hook_gets_cards_of_its_own(cache: HookCache) -> None:
    put(cache, b"d")
    assert cache.cards(b"e") is None


def test_a_hook_that_is_not_kept_has_no_cards(cache: HookCache) -> None:
    cache.put_cards(b"d", answer(), SHOWN)
    assert cache.cards(b"d") is None


@pytest.mark.parametrize(("seconds", "kept"), [(0.0, True), (4.9, True), (5.0, False)])
def test_a_moment_passes(cache: HookCache, clock: Moment, seconds: float, kept: bool) -> None:
    put(cache, b"d")
    clock.now += seconds
    assert (cache.cards(b"d") is not None) is kept
    assert cache.get(b"d") is not None, "what was prepared is kept for longer"


@pytest.mark.parametrize("outcome", [o for o in Outcome if o is not Outcome.ANSWERED])
def test_only_the_cards_of_answers_are_kept(cache: HookCache, outcome: Outcome) -> None:
    put(cache, b"d", outcome)
    assert cache.cards(b"d") is None


def test_no_more_than_so_many(cache: HookCache) -> None:
    for number in range(40):
        put(cache, bytes([number]))
    assert cache.cards(bytes([7])) is None
    assert cache.cards(bytes([8])) is not None


async def test_each_card_of_a_moment_is_on_record_by_itself(
    make_consultant: Callable[..., Consultant],
    make_request: Callable[[list[dict[str, Any]]], HookRequest],
    service: ServiceDefinition,
    resources: list[dict[str, Any]],
    answer_of: Callable[..., str],
    store: Store,
) -> None:
    consultant = make_consultant(FakeEngine([FakeReply((answer_of("Pulmonary embolism"),))]))
    request = make_request(resources)
    cards = [(await consultant.answer(service, request, digest=b"d")).cards[0] for _ in range(4)]
    assert len({card.uuid for card in cards}) == 4
    assert {card.detail for card in cards} == {cards[0].detail}
    entries = [FeedbackEntry(card.uuid, "accepted") for card in cards]
    receipt = await store.record_feedback(service.id, entries)
    assert (receipt.recorded, receipt.unknown) == (4, 0)
