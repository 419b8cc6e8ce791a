"""A card tells the state of its own call, not of an earlier one about the same facts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest

from cds_hooks.consult import Consultant
from cds_hooks.protocol.request import HookRequest
from cds_hooks.services import ServiceDefinition
from tests.fake_engine import FakeEngine, FakeReply

Resources = list[dict[str, Any]]
EMPTY: Mapping[str, Any] = {"resourceType": "Bundle", "type": "searchset", "total": 0}
FORBIDDEN: Mapping[str, Any] = {
    "resourceType": "OperationOutcome",
    "issue": [{"severity": "error", "code": "forbidden"}],
}
UNAVAILABLE = {"allergies": "not read: allergies", "laboratory": "not read: laboratory results"}


def with_key(request: HookRequest, key: str, value: object) -> HookRequest:
    return replace(request, prefetch={**request.prefetch, key: value})


@pytest.mark.parametrize("key", ["allergies", "laboratory"])
@pytest.mark.parametrize("first", [EMPTY, FORBIDDEN], ids=["empty", "forbidden"])
async def test_each_call_tells_its_own_states(
    make_consultant: Callable[..., Consultant],
    make_request: Callable[[Resources], HookRequest],
    service: ServiceDefinition,
    resources: Resources,
    answer_of: Callable[..., str],
    key: str,
    first: Mapping[str, Any],
) -> None:
    assert key in service.prefetch
    consultant = make_consultant(FakeEngine([FakeReply((answer_of("Sepsis"),))] * 3))
    request = make_request(resources)
    for sent in (first, FORBIDDEN if first is EMPTY else EMPTY, first):
        asked = await consultant.prepare(service, with_key(request, key, sent))
        done = await consultant.complete(asked)
        assert done.key_states[key].value == ("empty" if sent is EMPTY else "unavailable")
        response = await consultant.answer(service, with_key(request, key, sent))
        told = " ".join(card.detail or "" for card in response.cards).lower()
        assert (told.count(UNAVAILABLE[key]) > 0) is (sent is FORBIDDEN), told[-600:]
