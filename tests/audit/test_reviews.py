"""The review queue: one reviewer a place, nobody sees another's answer before the own one."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import orjson
import pytest

from cds_hooks.audit import Store, reviews
from cds_hooks.audit.key_operations import KeyOperations
from cds_hooks.audit.reviews import EntryReview, Queued, ReviewAnswer, ReviewRefused
from cds_hooks.audit.store_errors import RecordUnreadable
from cds_hooks.consultation import Consultation
from tests.audit.ledger_events import SENTINEL
from tests.audit.tampering import execute

ANN, BOB, CAY = ({"user": name, "how": "link"} for name in ("ann", "bob", "cay"))
NO = ReviewAnswer("disagree", SENTINEL, (EntryReview(1, "disagree", SENTINEL),))
YES = ReviewAnswer("agree", "as I would")


async def _queued(store: Store, consultation: Consultation) -> str:
    await store.save_consultation(consultation)
    assert await store.reviews.enqueue(consultation.id, "by-hand", ANN)
    assert not await store.reviews.enqueue(consultation.id, "random")
    return consultation.id


async def _seen(store: Store, id_: str, who: dict[str, str]) -> Queued:
    found = await store.reviews.of(id_, who)
    assert found is not None
    return found


async def _records(store: Store, type_: str) -> list[dict[str, object]]:
    return [orjson.loads(each) for each in await store.ledger.records_of(type_)]


async def test_a_place_is_held_by_one(store: Store, consultation: Consultation) -> None:
    id_ = await _queued(store, consultation)
    takes = [store.reviews.take(id_, "clinician", who) for who in (ANN, BOB)]
    results = await asyncio.gather(*takes, return_exceptions=True)
    assert sum(isinstance(each, ReviewRefused) for each in results) == 1
    assert len((await store.reviews.queue())[0].reviews) == 1
    assert len(await _records(store, "review-assigned")) == 1


async def test_a_second_opinion_is_asked_for_and_nobody_gives_both(
    store: Store, consultation: Consultation
) -> None:
    id_ = await _queued(store, consultation)
    await store.reviews.take(id_, "clinician", ANN)
    assert await store.reviews.take(id_, "clinician", ANN) is None  # it is theirs already
    assert await store.reviews.ask_another(id_, BOB) == 2
    with pytest.raises(ReviewRefused, match="free"):
        await store.reviews.ask_another(id_, BOB)
    assert await store.reviews.take(id_, "clinician", ANN) is None
    taken = await store.reviews.take(id_, "engineer", BOB)
    assert taken is not None
    assert taken.place == 2
    assert await store.reviews.ask_another(id_, BOB) == 3
    await store.reviews.take(id_, "compliance", CAY)
    with pytest.raises(ReviewRefused, match="as many"):
        await store.reviews.ask_another(id_, BOB)


async def test_others_are_seen_once_one_has_answered(
    store: Store, consultation: Consultation
) -> None:
    id_ = await _queued(store, consultation)
    await store.reviews.take(id_, "clinician", ANN)
    await store.reviews.ask_another(id_, ANN)
    await store.reviews.take(id_, "engineer", BOB)
    await store.reviews.answer(id_, NO, ANN)
    for found in (await _seen(store, id_, BOB), *(await store.reviews.all_seen_by(BOB))):
        assert [(each.said, each.answer) for each in found.reviews] == [("", None), ("", None)]
    assert [each.said for each in (await store.reviews.queue())[0].reviews] == ["", ""]
    await store.reviews.answer(id_, YES, BOB)
    assert [each.answer for each in (await _seen(store, id_, BOB)).reviews] == [NO, YES]
    assert [each.answer for each in (await _seen(store, id_, CAY)).reviews] == [None, None]
    with pytest.raises(ReviewRefused, match="answered"):
        await store.reviews.answer(id_, YES, ANN)
    said = await store.reviews.said_by_kind()
    assert said == {("clinician", "disagree"): 1, ("engineer", "agree"): 1}


async def test_what_was_not_answered_is_given_back(
    store: Store, consultation: Consultation
) -> None:
    id_ = await _queued(store, consultation)
    with pytest.raises(ReviewRefused, match="not taken"):
        await store.reviews.answer(id_, YES, ANN)
    await store.reviews.take(id_, "clinician", ANN)
    assert not await store.reviews.give_back(id_, BOB)
    assert await store.reviews.give_back(id_, ANN)
    assert await store.reviews.take(id_, "engineer", BOB) is not None
    await store.reviews.answer(id_, YES, BOB)
    assert not await store.reviews.give_back(id_, BOB)


async def test_what_is_not_there_cannot_be_reviewed(
    store: Store, consultation: Consultation
) -> None:
    with pytest.raises(ReviewRefused, match="no such"):
        await store.reviews.enqueue("nothing", "by-hand", ANN)
    await store.save_consultation(consultation)
    with pytest.raises(ReviewRefused, match="not in the queue"):
        await store.reviews.take(consultation.id, "clinician", ANN)
    assert await store.reviews.not_queued() == [(consultation.id, "answered")]
    assert await store.reviews.of(consultation.id, ANN) is None


async def test_a_reason_is_nowhere_in_clear_and_goes_with_the_patient(
    kept: Store, key_operations: KeyOperations
) -> None:
    await kept.reviews.enqueue("of-abc", "by-hand", ANN)
    await kept.reviews.take("of-abc", "clinician", ANN)
    await kept.reviews.answer("of-abc", NO, ANN)
    assert key_operations.check_integrity().unreadable == ()
    for type_ in ("review-queued", "review-assigned", "review-answered"):
        (record,) = await _records(kept, type_)
        assert SENTINEL not in str(record)
        assert "ann" not in str(record)
        assert record["consultation"] == "of-abc"
    key_operations.erase("p1:abc")
    (review,) = (await _seen(kept, "of-abc", ANN)).reviews
    assert (review.said, review.answer) == ("disagree", None)
    assert key_operations.check_integrity().unreadable == ()


async def test_a_review_goes_with_its_consultation(
    store: Store, consultation: Consultation, clock: object
) -> None:
    old = replace(consultation, id="old")
    await store.save_consultation(old)
    await store.reviews.enqueue("old", "random")
    await store.reviews.take("old", "clinician", ANN)
    clock.now += 40 * 86_400  # type: ignore[attr-defined]
    await store.drop_expired()
    assert await store.reviews.queue() == ()


async def test_an_answer_that_was_turned_round_is_found(
    kept: Store, key_operations: KeyOperations, place: Path
) -> None:
    """What is counted is in clear: whoever can write into the database could write it."""
    await kept.reviews.enqueue("of-abc", "by-hand", ANN)
    review = await kept.reviews.take("of-abc", "clinician", ANN)
    assert review is not None
    await kept.reviews.answer("of-abc", NO, ANN)
    execute(place, "UPDATE reviews SET said = 'agree'")
    assert key_operations.check_integrity().unreadable == (review.id,)
    with pytest.raises(RecordUnreadable):
        await kept.reviews.all_seen_by(ANN)


async def test_an_answer_that_two_processes_get_is_the_first(
    store: Store, consultation: Consultation, monkeypatch: pytest.MonkeyPatch
) -> None:
    id_ = await _queued(store, consultation)
    await store.reviews.take(id_, "clinician", ANN)
    (before,) = await store.reviews.queue()  # as the other process read it
    await store.reviews.answer(id_, NO, ANN)
    monkeypatch.setattr(reviews, "_queued", lambda *_: before)
    with pytest.raises(ReviewRefused, match="answered"):
        await store.reviews.answer(id_, YES, ANN)
    assert len(await _records(store, "review-answered")) == 1


async def test_what_was_erased_is_not_queued(kept: Store, key_operations: KeyOperations) -> None:
    """Of an erased consultation nothing says any more whether it was silent."""
    assert "of-abc" in {id_ for id_, _ in await kept.reviews.not_queued()}
    key_operations.erase("p1:abc")
    assert "of-abc" not in {id_ for id_, _ in await kept.reviews.not_queued()}
    with pytest.raises(ReviewRefused, match="no such"):
        await kept.reviews.enqueue("of-abc", "by-hand", ANN)
