"""When a changed chart asks the model again, and when the last answer stands."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from cds_hooks.audit import Store
from cds_hooks.consult import Consultant
from cds_hooks.protocol.request import HookRequest
from cds_hooks.services import ServiceDefinition
from tests.fake_engine import FakeEngine, FakeReply

Make = Callable[..., Consultant]
Resources = list[dict[str, Any]]
MakeRequest = Callable[[Resources], HookRequest]
AnswerOf = Callable[..., str]


def result(value: float, days_ago: float) -> dict[str, Any]:
    when = datetime.now(UTC) - timedelta(days=days_ago)
    return {
        "resourceType": "Observation",
        "id": "added",
        "status": "final",
        "category": [{"coding": [{"code": "laboratory"}]}],
        "code": {"text": "Lactate"},
        "subject": {"reference": "Patient/demo-1"},
        "effectiveDateTime": when.replace(microsecond=0).isoformat(),
        "valueQuantity": {"value": value, "unit": "mmol/L"},
        "referenceRange": [{"low": {"value": 0.5}, "high": {"value": 2.2}}],
    }


async def test_a_change_that_does_not_matter_shows_the_last_answer_with_its_age(
    make_consultant: Make,
    make_request: MakeRequest,
    service: ServiceDefinition,
    resources: Resources,
    answer_of: AnswerOf,
    store: Store,
) -> None:
    engine = FakeEngine([FakeReply((answer_of("Pulmonary embolism"),))], demonstration=False)
    consultant = make_consultant(engine)
    await consultant.answer(service, make_request(resources))
    changed = make_request([*resources, result(1.1, days_ago=800)])
    [card] = (await consultant.answer(service, changed)).cards
    assert len(engine.requests) == 1
    assert "Pulmonary embolism" in card.detail
    assert card.suggestions == ()
    assert "- Changed since: new: Lactate" in card.detail
    assert "nothing that matters changed since" in card.detail


async def test_a_change_that_matters_asks_again(
    make_consultant: Make,
    make_request: MakeRequest,
    service: ServiceDefinition,
    resources: Resources,
    answer_of: AnswerOf,
) -> None:
    replies = [FakeReply((answer_of(name),)) for name in ("Gout", "Cellulitis")]
    engine = FakeEngine(replies, demonstration=False)
    consultant = make_consultant(engine)
    await consultant.answer(service, make_request(resources))
    changed = make_request([*resources, result(6.1, days_ago=0.1)])
    [card] = (await consultant.answer(service, changed)).cards
    assert len(engine.requests) == 2
    assert "Cellulitis" in card.detail


async def test_an_answer_that_is_too_old_or_of_other_settings_does_not_stand(
    make_consultant: Make,
    make_request: MakeRequest,
    service: ServiceDefinition,
    resources: Resources,
    answer_of: AnswerOf,
) -> None:
    engine = FakeEngine([FakeReply((answer_of("Pulmonary embolism"),))], demonstration=False)
    changed = make_request([*resources, result(1.1, days_ago=800)])
    await make_consultant(engine).answer(service, make_request(resources))
    await make_consultant(engine, settings_sha256="other").answer(service, changed)
    assert len(engine.requests) == 2
    await make_consultant(engine, fresh_for_s=0.0).answer(service, changed)
    assert len(engine.requests) == 3


async def test_an_answer_without_a_diagnosis_does_not_stand(
    make_consultant: Make,
    make_request: MakeRequest,
    service: ServiceDefinition,
    resources: Resources,
) -> None:
    engine = FakeEngine(demonstration=False)
    consultant = make_consultant(engine)
    await consultant.answer(service, make_request(resources))
    await consultant.answer(service, make_request([*resources, result(1.1, days_ago=800)]))
    assert len(engine.requests) == 2
