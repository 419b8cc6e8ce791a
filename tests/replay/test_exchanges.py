"""A captured exchange answered again: the same cards, or the cause of the difference."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import orjson
import pytest

from cds_hooks.capture import CallKind, Exchange
from cds_hooks.capture.document import document_of
from cds_hooks.cds_client.captured import CapturedExchange, captured_exchange
from cds_hooks.consult.service_settings import ServiceSettings
from cds_hooks.protocol.cards import Response
from cds_hooks.protocol.json_output import to_json
from cds_hooks.replay import Today, Verdict
from cds_hooks.replay.answering import Question, answer_question, question
from cds_hooks.replay.exchanges import replay_exchange
from cds_hooks.replay.judging import side_of
from cds_hooks.services import find
from tests.fake_engine import FakeEngine, FakeReply
from tests.replay.conftest import NOW, request_body, said

SERVICE = find("chartside-patient-view")
assert SERVICE is not None


@pytest.fixture
def body(resources: list[dict[str, Any]]) -> dict[str, Any]:
    return request_body(resources)


@pytest.fixture
def engine(d_dimer: str) -> FakeEngine:
    return FakeEngine([FakeReply((said("Pulmonary embolism", fact=d_dimer),))],
                      demonstration=False)  # fmt: skip


async def make_question(body: dict[str, Any], today: Today, now: Any = NOW) -> Question:
    return await question(body, SERVICE, today, now=now, services=ServiceSettings())


@pytest.fixture
def file_of(body: dict[str, Any]) -> Callable[..., Any]:
    """The file of an exchange that a service with `today` answered."""

    async def make(today: Today, *, redacted: bool = False, model: bool = True,
                   **served_by: str) -> CapturedExchange:  # fmt: skip
        found = (await make_question(body, today)).asked
        done = await answer_question(found, today) if model else found
        answer = to_json(Response(side_of(done, today.cards).cards))
        call = Exchange(CallKind.HOOK, SERVICE.id, NOW, 200, 1.0, orjson.dumps(body), answer)
        known = {"tables_sha256": today.basis.tables_sha256, **served_by}
        document = document_of(call, redacted=redacted, served_by=known, is_term=lambda _: False)
        captured = captured_exchange(document, where="f")
        assert captured is not None
        return captured

    return make


async def again(file: CapturedExchange, today: Today) -> Any:
    return await replay_exchange(
        file, await make_question(dict(file.request), today, file.when), today
    )


async def test_the_same_request_has_the_same_cards(
    today: Today, engine: FakeEngine, file_of: Callable[..., Any]
) -> None:
    asking = replace(today, engine=engine)
    found = await again(await file_of(asking), asking)
    assert found.verdict is Verdict.SAME
    assert [request.seed for request in engine.requests] == [7, 7]
    assert engine.requests[0].messages == engine.requests[1].messages


async def test_an_answer_of_before_the_model_is_known_as_one(
    today: Today, engine: FakeEngine, file_of: Callable[..., Any]
) -> None:
    file = await file_of(today, model=False)
    found = await again(file, replace(today, engine=engine))
    assert found.verdict is Verdict.EXPLAINED
    assert [c.what for c in found.steps[0].causes] == ["the model had not answered yet"]
    assert (await again(file, today)).verdict is Verdict.SAME


async def test_what_answered_then_is_the_cause(
    today: Today, engine: FakeEngine, d_dimer: str, file_of: Callable[..., Any]
) -> None:
    asking = replace(today, engine=engine)
    file = await file_of(asking, template_sha256="e" * 64, version=today.basis.version)
    engine.push(FakeReply((said("Asthma", fact=d_dimer),)))
    found = await again(file, asking)
    assert found.verdict is Verdict.EXPLAINED
    assert [(c.code, c.what) for c in found.steps[0].causes] == [("template", "template_sha256")]


async def test_another_seed_is_the_cause(
    today: Today, engine: FakeEngine, d_dimer: str, file_of: Callable[..., Any]
) -> None:
    asking = replace(today, engine=engine)
    file = await file_of(asking, seed="6", samples="1")
    engine.push(FakeReply((said("Asthma", fact=d_dimer),)))
    found = await again(file, asking)
    told = [(c.code, c.what, c.before, c.after) for c in found.steps[0].causes]
    assert told == [("sampling", "seed", "6", "7")]


async def test_another_answer_of_the_same_model_is_unexplained(
    today: Today, engine: FakeEngine, d_dimer: str, file_of: Callable[..., Any]
) -> None:
    asking = replace(today, engine=engine)
    file = await file_of(asking)
    engine.push(FakeReply((said("Asthma", fact=d_dimer),)))
    assert (await again(file, asking)).verdict is Verdict.UNEXPLAINED


async def test_a_redacted_file_is_compared_by_the_kinds_of_cards(
    today: Today, engine: FakeEngine, file_of: Callable[..., Any]
) -> None:
    asking = replace(today, engine=engine)
    file = await file_of(asking, redacted=True)
    found = await again(file, asking)
    assert found.verdict in (Verdict.SAME, Verdict.EXPLAINED)
    assert "redacted" in found.steps[0].notes[0]
    assert "redaction" in [cause.code for cause in found.steps[0].causes]
