"""Several models asked about one chart: what each said stays apart, and one may fall silent."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from cds_hooks.consult import Consultant
from cds_hooks.consultation import Consultation, ModelIdentity, Outcome
from cds_hooks.inference.engine import QueueFull
from cds_hooks.inference.panel import Panel, PanelOrder
from cds_hooks.protocol.request import HookRequest
from cds_hooks.services import ServiceDefinition
from tests.fake_engine import FakeEngine, FakeReply

Make = Callable[..., Consultant]
Resources = list[dict[str, Any]]
MakeRequest = Callable[[Resources], HookRequest]


class Named(FakeEngine):
    """A fake under a name of its own."""

    def __init__(self, name: str, *replies: FakeReply) -> None:
        super().__init__(replies)
        self._model = ModelIdentity(name, name[0] * 64, "fake-engine")


async def test_models_that_agree_and_one_that_does_not(
    make_consultant: Make,
    make_request: MakeRequest,
    service: ServiceDefinition,
    resources: Resources,
    answer_of: Callable[..., str],
    seen: list[Consultation],
) -> None:
    one = Named("a", FakeReply((answer_of("Pulmonary embolism"),)))
    two = Named("b", FakeReply((answer_of("Pulmonary embolism", "Sepsis"),)))
    three = Named("c", FakeReply(fault=QueueFull("full")))
    panel = Panel([one, two, three], order=PanelOrder.AT_ONCE)
    consultant = make_consultant(panel, samples=2)
    [card, *_] = (await consultant.answer(service, make_request(resources))).cards
    done = seen[0]
    assert done.outcome is Outcome.ANSWERED
    assert [(d.model, d.sample) for d in done.differentials] == [
        ("a", 0),
        ("a", 1),
        ("b", 0),
        ("b", 1),
    ]
    assert done.outcome_detail == "no answer from c (overloaded)"
    assert "no answer from c (overloaded)" in card.detail
    assert done.sample_models == ("a", "a", "b", "b")
    shares = {a.name: a.model_share for a in done.assessments}
    assert shares["Pulmonary embolism"] == 1.0
    assert shares["Sepsis"] == 0.5
    assert "Pulmonary embolism" in card.detail
    assert done.model is not None
    assert done.model.name == "a + b + c"


async def test_a_panel_of_which_nobody_answers_is_an_honest_card(
    make_consultant: Make,
    make_request: MakeRequest,
    service: ServiceDefinition,
    resources: Resources,
    seen: list[Consultation],
) -> None:
    silent = [Named(name, FakeReply(fault=QueueFull("full"))) for name in "ab"]
    response = await make_consultant(Panel(silent)).answer(service, make_request(resources))
    assert seen[0].outcome is Outcome.OVERLOADED
    assert response.cards[0].suggestions == ()
