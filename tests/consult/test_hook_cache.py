"""A chart that is sent again is not read again, and never shown to whom it was not sent."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from cds_hooks.consult import Consultant
from cds_hooks.consult.hook_cache import HookCache
from cds_hooks.consultation import KeyState
from cds_hooks.protocol.request import FhirAuthorization, HookRequest
from cds_hooks.services import ServiceDefinition
from tests.fake_engine import FakeEngine, FakeReply

Make = Callable[..., Consultant]
Resources = list[dict[str, Any]]
MakeRequest = Callable[[Resources], HookRequest]


async def test_a_chart_sent_again_is_answered_without_its_resources(
    make_consultant: Make,
    make_request: MakeRequest,
    service: ServiceDefinition,
    resources: Resources,
    answer_of: Callable[..., str],
) -> None:
    engine = FakeEngine([FakeReply((answer_of("Pulmonary embolism"),))])
    consultant = make_consultant(engine)
    sent = replace(make_request(resources), fhir_authorization=FhirAuthorization("secret"))
    assert consultant.known_request(b"d") is None
    [first] = (await consultant.answer(service, sent, digest=b"d")).cards
    known = consultant.known_request(b"d")
    assert known is not None
    assert not known.prefetch
    assert known.fhir_authorization is None
    [again] = (await consultant.answer(service, known, digest=b"d")).cards
    assert again.detail == first.detail
    assert again.uuid != first.uuid
    assert [s.label for s in again.suggestions] == [s.label for s in first.suggestions]
    assert len(engine.requests) == 1


async def test_only_what_was_sent_whole_is_kept(
    make_consultant: Make,
    make_request: MakeRequest,
    service: ServiceDefinition,
    resources: Resources,
) -> None:
    request = make_request(resources)
    asked = await make_consultant(FakeEngine()).prepare(service, request)
    cache = HookCache(10, str)
    for state in (KeyState.FETCHED, KeyState.PARTIAL, KeyState.UNAVAILABLE):
        cache.put(b"d", replace(asked, key_states={"labs": state}), request)
    cache.put(b"", asked, request)
    assert cache.get(b"d") is None
    assert cache.get(b"") is None


async def test_it_is_forgotten_by_age_and_by_number(
    make_consultant: Make,
    make_request: MakeRequest,
    service: ServiceDefinition,
    resources: Resources,
) -> None:
    request = make_request(resources)
    asked = await make_consultant(FakeEngine()).prepare(service, request)
    now = [0.0]
    cache = HookCache(10, str, lambda: now[0])
    for number in range(40):
        cache.put(bytes([number]), asked, request)
    assert cache.get(bytes([0])) is None
    assert cache.get(bytes([39])) is not None
    now[0] = 10.0
    assert cache.get(bytes([39])) is None
    off = HookCache(0, str)
    off.put(b"d", asked, request)
    assert off.get(b"d") is None
