"""The way through: what a hook is told, by when, and what is on record."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from cds_hooks.audit import Store
from cds_hooks.consult import Consultant
from cds_hooks.consultation import Consultation, Outcome, Verdict
from cds_hooks.gather import PatientUnavailable
from cds_hooks.inference.engine import DeadlinePassed, EngineError, QueueFull
from cds_hooks.inference.remote.server_faults import FaultCode, ServerFault, fault_error
from cds_hooks.protocol.request import HookRequest
from cds_hooks.services import ServiceDefinition
from tests.consult.held_engine import HeldEngine, recorded
from tests.fake_engine import FakeEngine, FakeReply

Make = Callable[..., Consultant]
Resources = list[dict[str, Any]]
MakeRequest = Callable[[Resources], HookRequest]
AnswerOf = Callable[..., str]


async def test_a_chart_opens_and_the_differential_comes_back(
    make_consultant: Make,
    make_request: MakeRequest,
    service: ServiceDefinition,
    resources: Resources,
    answer_of: AnswerOf,
    seen: list[Consultation],
) -> None:
    text = answer_of("Pulmonary embolism", "Glorbitis")
    consultant = make_consultant(FakeEngine([FakeReply((text,))], demonstration=False), samples=1)
    response = await consultant.answer(service, make_request(resources))
    [card] = response.cards
    assert "Pulmonary embolism" in card.detail
    assert seen[0].outcome is Outcome.ANSWERED
    verdicts = {a.name: a.verdict for a in seen[0].assessments}
    assert verdicts["Glorbitis"] is Verdict.UNRECOGNISED
    assert [s.label for s in card.suggestions if "Glorbitis" in s.label] == []


async def test_a_slow_model_is_not_waited_for_and_the_next_hook_has_the_answer(
    make_consultant: Make,
    make_request: MakeRequest,
    service: ServiceDefinition,
    resources: Resources,
    answer_of: AnswerOf,
    store: Store,
    seen: list[Consultation],
) -> None:
    engine = HeldEngine(answer_of("Gout"))
    consultant = make_consultant(engine, answer_within_s=0.05)
    first = await consultant.answer(service, make_request(resources))
    assert "Gout" not in first.cards[0].detail
    engine.released.set()
    await recorded(seen)
    second = await consultant.answer(service, make_request(resources))
    assert "Gout" in second.cards[0].detail
    assert len(engine.requests) == 1
    kept = await store.get(seen[0].id)
    assert kept is not None
    assert kept.outcome is Outcome.ANSWERED


async def test_identical_work_in_flight_runs_once(
    make_consultant: Make,
    make_request: MakeRequest,
    service: ServiceDefinition,
    resources: Resources,
    answer_of: AnswerOf,
) -> None:
    engine = FakeEngine(
        [FakeReply((answer_of("Pulmonary embolism"),), delay_s=0.2)], demonstration=False
    )
    consultant = make_consultant(engine)
    hooks = [consultant.answer(service, make_request(resources)) for _ in range(5)]
    responses = await asyncio.gather(*hooks)
    assert len(engine.requests) == 1
    assert all("Pulmonary embolism" in response.cards[0].detail for response in responses)


async def test_a_new_result_is_a_new_question_and_the_last_answer_is_shown_meanwhile(
    make_consultant: Make,
    make_request: MakeRequest,
    service: ServiceDefinition,
    resources: Resources,
    answer_of: AnswerOf,
) -> None:
    slow = FakeReply((answer_of("Sepsis"),), delay_s=600.0)
    engine = FakeEngine([FakeReply((answer_of("Pulmonary embolism"),)), slow], demonstration=False)
    own = {service.id: 60.0}
    consultant = make_consultant(engine, answer_within_s=0.05, answer_within=own)
    await consultant.answer(service, make_request(resources))
    lactate = {
        "resourceType": "Observation",
        "id": "new",
        "status": "final",
        "category": [{"coding": [{"code": "laboratory"}]}],
        "code": {"text": "Lactate"},
        "subject": {"reference": "Patient/demo-1"},
        "valueQuantity": {"value": 4.1, "unit": "mmol/L"},
    }
    del own[service.id]
    changed = await consultant.answer(service, make_request([*resources, lactate]))
    await consultant.close()
    assert "Pulmonary embolism" in changed.cards[0].detail
    assert changed.cards[0].suggestions == ()
    assert len(engine.requests) == 2


async def test_a_hook_that_is_shed_is_told_by_rules_and_by_card_and_asks_no_model(
    make_consultant: Make,
    make_request: MakeRequest,
    service: ServiceDefinition,
    resources: Resources,
    answer_of: AnswerOf,
    seen: list[Consultation],
) -> None:
    engine = FakeEngine([FakeReply((answer_of("Pulmonary embolism"),))], demonstration=False)
    consultant = make_consultant(engine)
    told = await consultant.answer(service, make_request(resources), shed=True)
    assert engine.requests == []
    assert [done.outcome for done in seen] == [Outcome.OVERLOADED]
    detail = "\n".join(card.detail for card in told.cards)
    assert "more charts are waiting than this service takes at once" in detail
    assert "by rules (no AI)" in detail
    await consultant.answer(service, make_request(resources))
    known = await consultant.answer(service, make_request(resources), shed=True)
    assert "Pulmonary embolism" in known.cards[0].detail, "a known answer costs nothing"


@pytest.mark.parametrize(
    ("fault", "outcome"),
    [
        (QueueFull("full"), Outcome.OVERLOADED),
        (DeadlinePassed("late"), Outcome.DEADLINE),
        (EngineError("died"), Outcome.ENGINE_FAILED),
        (fault_error(FaultCode.REPEATS), Outcome.INVALID_OUTPUT),
        (fault_error(FaultCode.PROMPT_CUT), Outcome.INVALID_OUTPUT),
        (fault_error(FaultCode.NO_JSON_SCHEMA), Outcome.ENGINE_FAILED),
    ],
)
async def test_a_fault_of_the_engine_is_an_outcome_and_an_honest_card(
    make_consultant: Make,
    make_request: MakeRequest,
    service: ServiceDefinition,
    resources: Resources,
    seen: list[Consultation],
    fault: EngineError,
    outcome: Outcome,
) -> None:
    consultant = make_consultant(FakeEngine([FakeReply(fault=fault)]))
    response = await consultant.answer(service, make_request(resources))
    assert seen[0].outcome is outcome
    assert response.cards[0].suggestions == ()
    assert response.cards[0].summary
    if isinstance(fault, ServerFault):
        assert seen[0].fault == fault.code
        assert fault.hint in seen[0].outcome_detail
        assert fault.code in response.cards[0].detail


async def test_an_engine_that_is_loading_is_told_as_such(
    make_consultant: Make,
    make_request: MakeRequest,
    service: ServiceDefinition,
    resources: Resources,
    seen: list[Consultation],
) -> None:
    consultant = make_consultant(FakeEngine(status="loading"))
    response = await consultant.answer(service, make_request(resources))
    assert seen[0].outcome is Outcome.ENGINE_UNAVAILABLE
    assert response.cards


async def test_an_engine_that_dies_while_it_counts_is_an_honest_card(
    make_consultant: Make,
    make_request: MakeRequest,
    service: ServiceDefinition,
    resources: Resources,
    seen: list[Consultation],
) -> None:
    class Dying(FakeEngine):
        async def count_tokens(self, texts: Sequence[str]) -> list[int]:
            self.set_status("restarting")
            raise EngineError("The engine process ended")

    response = await make_consultant(Dying()).answer(service, make_request(resources))
    assert seen[0].outcome is Outcome.ENGINE_UNAVAILABLE
    assert response.cards


async def test_output_that_is_not_a_differential_of_this_chart_never_becomes_a_card(
    make_consultant: Make,
    make_request: MakeRequest,
    service: ServiceDefinition,
    resources: Resources,
    answer_of: AnswerOf,
    seen: list[Consultation],
) -> None:
    texts = ("not json", answer_of("Gout", fact="L999"))
    consultant = make_consultant(FakeEngine([FakeReply(texts)]), samples=2)
    response = await consultant.answer(service, make_request(resources))
    assert seen[0].outcome is Outcome.INVALID_OUTPUT
    assert seen[0].samples_failed == 2
    assert "Gout" not in response.cards[0].detail


@pytest.mark.parametrize("fault", list(FaultCode))
async def test_a_fault_of_a_model_server_is_told_by_its_own_code(
    make_consultant: Make,
    make_request: MakeRequest,
    service: ServiceDefinition,
    resources: Resources,
    seen: list[Consultation],
    fault: FaultCode,
) -> None:
    consultant = make_consultant(FakeEngine([FakeReply(fault=ServerFault(fault))]))
    response = await consultant.answer(service, make_request(resources))
    assert seen[0].fault == fault.value
    assert seen[0].outcome in set(Outcome) - {Outcome.ANSWERED, Outcome.EMPTY}
    assert f"(code: {fault.value})" in response.cards[0].detail


async def test_what_was_in_vain_just_now_is_not_asked_again(
    make_consultant: Make,
    make_request: MakeRequest,
    service: ServiceDefinition,
    resources: Resources,
) -> None:
    engine = FakeEngine([FakeReply(("not json",))])
    consultant = make_consultant(engine)
    for _ in range(3):
        [card] = (await consultant.answer(service, make_request(resources))).cards
        assert "not in a usable form" in card.detail
        assert "From the chart, by rules" in card.detail
    assert len(engine.requests) == 1


async def test_a_silent_outcome_gives_no_status_but_a_record(
    make_consultant: Make,
    make_request: MakeRequest,
    service: ServiceDefinition,
    resources: Resources,
    store: Store,
    seen: list[Consultation],
) -> None:
    quiet = frozenset({Outcome.ENGINE_FAILED})
    engine = FakeEngine([FakeReply(fault=EngineError("died"))])
    consultant = make_consultant(engine, silent=quiet)
    response = await consultant.answer(service, make_request(resources))
    # What rules found is told all the same: only the status of the model is silenced.
    [card] = response.cards
    assert card.summary.startswith("Rules: findings fit")
    assert await store.get(seen[0].id) is not None


async def test_without_the_patient_nothing_is_asked_of_a_model(
    make_consultant: Make,
    make_request: MakeRequest,
    service: ServiceDefinition,
    resources: Resources,
) -> None:
    engine = FakeEngine()
    request = make_request(resources)
    without = {key: value for key, value in request.prefetch.items() if key != "patient"}
    bare = HookRequest(request.hook, request.hook_instance, request.context, prefetch=without)
    with pytest.raises(PatientUnavailable) as caught:
        await make_consultant(engine).answer(service, bare)
    assert caught.value.status == 412
    assert engine.requests == []


async def test_the_prompt_names_nobody(
    make_consultant: Make,
    make_request: MakeRequest,
    service: ServiceDefinition,
    resources: Resources,
    answer_of: AnswerOf,
) -> None:
    engine = FakeEngine([FakeReply((answer_of("Pulmonary embolism"),))])
    await make_consultant(engine).answer(service, make_request(resources))
    said = "\n".join(message.content for message in engine.requests[0].messages)
    for name in ("Winterbourne", "Adela", "MRN-004417", "555-0142", "Harbour", "1958"):
        assert name not in said
