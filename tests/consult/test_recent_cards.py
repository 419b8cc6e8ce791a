"""One chart fired several times in a moment: the same words, under ids of their own."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from cds_hooks.audit import Store
from cds_hooks.consult import Consultant
from cds_hooks.consult.recent_cards import RecentCardCache
from cds_hooks.consultation import Consultation, Outcome
from cds_hooks.inference.fake import FakeEngine, FakeReply
from cds_hooks.protocol.cards import Card, Response, Source, Suggestion
from cds_hooks.protocol.feedback import FeedbackEntry
from cds_hooks.protocol.request import HookRequest
from cds_hooks.services import ServiceDefinition
from fhir_mapping.chart import Chart, PatientFacts

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
def shown(clock: Moment) -> RecentCardCache:
    numbers = itertools.count(1)
    return RecentCardCache(lambda: f"new-{next(numbers)}", clock)


def answer(key: str = "k", outcome: Outcome = Outcome.ANSWERED) -> Consultation:
    chart = Chart(PatientFacts(), (), ())
    return Consultation(
        id="c", key=key, service="s", created=1.0, patient_key="p", chart=chart, outcome=outcome
    )


def test_the_same_words_come_under_ids_of_their_own(shown: RecentCardCache) -> None:
    done = answer()
    shown.put(done, "about", SHOWN)
    assert shown.answer("k") is done
    for number in (1, 3):
        again = shown.again(done, "about")
        assert again is not None
        [card] = again.cards
        assert (card.uuid, card.suggestions[0].uuid) == (f"new-{number}", f"new-{number + 1}")
        assert replace(card, uuid="first", suggestions=CARD.suggestions) == CARD


def test_another_patient_encounter_or_profile_is_something_else(shown: RecentCardCache) -> None:
    done = answer()
    shown.put(done, ("p", "e"), SHOWN)
    assert shown.again(done, ("p", "other")) is None


def test_another_reading_of_the_answer_is_shown_anew(shown: RecentCardCache) -> None:
    done = answer()
    shown.put(done, "about", SHOWN)
    assert shown.again(replace(done), "about") is None


def test_a_moment_passes(shown: RecentCardCache, clock: Moment) -> None:
    done = answer()
    shown.put(done, "about", SHOWN)
    clock.now += 4
    shown.put(done, "more", SHOWN)  # does not make the moment longer
    clock.now += 2
    assert shown.answer("k") is None
    assert shown.again(done, "about") is None


@pytest.mark.parametrize("outcome", [o for o in Outcome if o is not Outcome.ANSWERED])
def test_only_answers_are_kept(shown: RecentCardCache, outcome: Outcome) -> None:
    shown.put(answer(outcome=outcome), "about", SHOWN)
    assert shown.answer("k") is None


def test_no_more_than_so_many(shown: RecentCardCache) -> None:
    for number in range(40):
        shown.put(answer(str(number)), "about", SHOWN)
    assert shown.answer("7") is None
    assert shown.answer("8") is not None


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
