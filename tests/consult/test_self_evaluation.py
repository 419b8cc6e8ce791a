"""The model asked of its own diagnoses: in time or not at all, and never in the answer's way."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from cds_hooks.consult import Consultant
from cds_hooks.consult.verifier_settings import VerifierSettings
from cds_hooks.consultation import CheckedConsultation, Consultation, Outcome
from cds_hooks.inference.engine import DeadlinePassed, EngineError
from cds_hooks.inference.evaluation import Evaluation, EvaluationRequest
from tests.consult.conftest import differential
from tests.fake_engine import FakeEngine, FakeReply

NAMES = ("Pulmonary embolism", "Pneumonia", "Heart failure")


class Telling(FakeEngine):
    """A fake that thinks less of each diagnosis than of the one before."""

    def __init__(self, *, takes_s: float = 0.0, fault: EngineError | None = None) -> None:
        super().__init__([FakeReply((differential(*NAMES),), delay_s=0.1)])
        self._takes_s, self._fault = takes_s, fault
        self.asked: list[EvaluationRequest] = []

    async def evaluate(self, request: EvaluationRequest) -> tuple[Evaluation, ...]:
        self.asked.append(request)
        try:
            async with asyncio.timeout(request.deadline_s):
                await asyncio.sleep(self._takes_s)
        except TimeoutError:
            raise DeadlinePassed("The deadline passed") from None
        if self._fault:
            raise self._fault
        shares = tuple(0.9 / (n + 1) for n, _ in enumerate(request.conversations))
        return (Evaluation(self.model, shares, 300, 250),)


@pytest.fixture
def consult(
    make_consultant: Callable[..., Consultant],
    make_request: Callable[..., Any],
    resources: list[dict[str, Any]],
    service: Any,
    seen: list[Consultation],
) -> Any:
    async def read_answer(engine: FakeEngine, **settings: Any) -> CheckedConsultation:
        verifier = VerifierSettings(**{"share": 2.0, **settings})
        consultant = make_consultant(engine, verifier=verifier)
        await consultant.answer(service, make_request(resources))
        (done,) = seen
        assert isinstance(done, CheckedConsultation)
        assert done.outcome is Outcome.ANSWERED
        return done

    return read_answer


async def test_the_first_diagnoses_carry_what_the_model_thinks_of_them(consult: Any) -> None:
    engine = Telling()
    done = await consult(engine, self_evaluation=True, questions=2)
    assert [a.p_true for a in done.assessments] == [0.9, 0.45, None]
    assert [a.second_view for a in done.assessments] == [None] * 3
    (request,) = engine.asked
    assert [c[:2] for c in request.conversations] == [engine.requests[0].messages] * 2
    assert NAMES[1] in request.conversations[1][-1].content
    assert done.tokens["self_evaluation"] == 50
    assert "self_evaluation" in done.timings_ms
    assert done.outcome_detail == ""


async def test_it_is_not_asked_unless_a_site_wants_it(consult: Any) -> None:
    engine = Telling()
    done = await consult(engine)
    assert (engine.asked, {a.p_true for a in done.assessments}) == ([], {None})
    assert "self_evaluation" not in done.timings_ms


@pytest.mark.parametrize(
    ("engine", "code"),
    [(Telling(takes_s=30.0), "deadline"), (Telling(fault=EngineError("down")), "engine-failed")],
)
async def test_what_is_not_told_in_time_is_left_out_and_said(
    consult: Any, engine: Telling, code: str
) -> None:
    """The samples took a tenth of a second: this may take a fifth of that, and no longer."""
    done = await consult(engine, self_evaluation=True, share=0.2)
    assert {a.p_true for a in done.assessments} == {None}
    assert done.outcome_detail == f"no self-evaluation ({code})"
    assert engine.asked[0].deadline_s < 0.2 * done.timings_ms["model"] / 1000 + 0.001


async def test_an_engine_that_cannot_tell_changes_nothing(consult: Any) -> None:
    done = await consult(
        FakeEngine([FakeReply((differential(*NAMES),), delay_s=0.1)]), self_evaluation=True
    )
    assert {a.p_true for a in done.assessments} == {None}
    assert done.outcome_detail == ""
