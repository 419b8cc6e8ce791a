"""Calls without a good token: bounded by address, before any signature is looked at."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds_hooks.trust import caller_verifier
from cds_hooks.trust.caller_errors import UnauthenticatedRateLimited
from cds_hooks.trust.unauthenticated_limits import UnauthenticatedLimits
from tests.trust.conftest import Edge, Signer, client_entry

FEW = {"unauthenticated_limits": {"calls_per_minute": 6, "burst": 3}}


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def refused(limits: UnauthenticatedLimits, peer: str) -> bool:
    try:
        limits.enter(peer)
    except UnauthenticatedRateLimited:
        return True
    return False


def test_a_bucket_empties_and_fills_and_others_have_their_own(clock: Clock) -> None:
    limits = UnauthenticatedLimits(60, 3, clock=clock)
    assert [refused(limits, "192.0.2.1") for _ in range(5)] == [False] * 3 + [True] * 2
    assert not refused(limits, "192.0.2.2")
    with pytest.raises(UnauthenticatedRateLimited) as told:
        limits.enter("192.0.2.1")
    assert (told.value.status, told.value.retry_after_s) == (429, 1)
    clock.now += 1
    assert [refused(limits, "192.0.2.1") for _ in range(2)] == [False, True]


def test_a_good_token_makes_its_address_known_for_an_hour(clock: Clock) -> None:
    limits = UnauthenticatedLimits(60, 3, clock=clock)
    limits.enter("192.0.2.1")
    limits.good("192.0.2.1")
    assert not any(refused(limits, "192.0.2.1") for _ in range(20))
    clock.now += 3601
    assert [refused(limits, "192.0.2.1") for _ in range(5)].count(False) == 3


def test_a_network_of_ipv6_is_one_address_and_a_mapped_one_is_ipv4(clock: Clock) -> None:
    limits = UnauthenticatedLimits(60, 3, clock=clock)
    hosts = [f"2001:db8:1:2:{n:x}::1" for n in range(5)]
    assert [refused(limits, host) for host in hosts].count(False) == 3
    assert not refused(limits, "2001:db8:1:3::1")
    several = ["198.51.100.7", "::ffff:198.51.100.7", "198.51.100.7", "::ffff:198.51.100.7"]
    assert [refused(limits, each) for each in several].count(False) == 3


def test_memory_is_bounded_and_past_it_new_addresses_share_one_bucket(clock: Clock) -> None:
    limits = UnauthenticatedLimits(60, 3, most=50, clock=clock)
    passed = 0
    for number in range(5000):
        passed += not refused(limits, f"10.0.{number // 250}.{number % 250}")
        assert limits.addresses <= 51
    assert passed == 50 + 3
    limits.good("203.0.113.9")
    assert not any(refused(limits, "203.0.113.9") for _ in range(9))
    clock.now += 60  # what has recovered makes space
    assert not refused(limits, "203.0.113.50")
    for number in range(200):
        limits.good(f"172.16.0.{number}")
    assert limits.addresses <= 51 + 51


def test_without_a_bound_nothing_is_kept(clock: Clock) -> None:
    limits = UnauthenticatedLimits(0, 3, clock=clock)
    assert not any(refused(limits, "192.0.2.1") for _ in range(99))
    limits.good("192.0.2.1")
    assert limits.addresses == 0


@given(st.text(max_size=60))
def test_any_text_is_an_address_or_is_not_counted(peer: str) -> None:
    limits = UnauthenticatedLimits(60, 1)
    limits.good(peer)
    refused(limits, peer)
    assert limits.addresses <= 1


async def test_past_the_bound_no_signature_is_looked_at_and_the_ledger_counts(
    make_edge: Any, signer: Signer, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[str] = []
    verify = caller_verifier.verify
    monkeypatch.setattr(
        caller_verifier, "verify", lambda text, *rest: looked.append(text) or verify(text, *rest)
    )
    unknown = Signer()
    async with make_edge(client_entry(signer), **FEW) as edge:
        answers = [await edge.call(f"Bearer {unknown.sign()}", peer=PEER) for _ in range(6)]
        assert [each.status_code for each in answers] == [401] * 3 + [429] * 3
        assert int(answers[-1].headers["retry-after"]) >= 1
        assert len(looked) == 3
        # Whatever the token is, the answer is the same.
        limited = [await edge.call(f"Bearer {token}", peer=PEER) for token in ("x", signer.sign())]
        limited.append(await edge.call(peer=PEER))
        assert {each.status_code for each in limited} == {429}
        assert {each.content for each in limited} == {answers[-1].content}
        assert len(looked) == 3
        assert (await edge.call(f"Bearer {signer.sign()}", peer="192.0.2.78")).status_code == 200
        assert [each.code for each in edge.exchanges].count("stranger-rate-limited") == 6


PEER = "192.0.2.77"


async def test_an_ehr_beside_a_misconfigured_system_is_not_shut_out(
    make_edge: Any, signer: Signer
) -> None:
    unknown = Signer()
    async with make_edge(client_entry(signer), **FEW) as edge:
        assert (await edge.call(f"Bearer {signer.sign()}", peer=PEER)).status_code == 200
        for _ in range(10):
            assert (await edge.call(f"Bearer {unknown.sign()}", peer=PEER)).status_code == 401
        assert (await edge.call(f"Bearer {signer.sign()}", peer=PEER)).status_code == 200


async def test_behind_a_declared_proxy_the_forwarded_address_counts(
    make_edge: Any, signer: Signer
) -> None:
    async with make_edge(client_entry(signer), proxy={"addresses": ["10.0.0.0/8"]}, **FEW) as edge:

        async def call(caller: str, *tokens: str) -> int:
            headers = [("x-forwarded-proto", "https"), ("x-forwarded-for", caller)]
            answer = await edge.call(*tokens, peer="10.0.0.1", headers=headers)
            return int(answer.status_code)

        assert [await call("192.0.2.1", "Bearer x") for _ in range(4)] == [401] * 3 + [429]
        assert await call("192.0.2.2", "Bearer x") == 401
        # What a caller writes in front of its own address is hearsay.
        assert await call("192.0.2.99, 192.0.2.1", "Bearer x") == 429
        assert await call("192.0.2.2", f"Bearer {signer.sign()}") == 200


async def test_pages_and_preflights_are_not_counted(edge: Edge) -> None:
    for _ in range(150):
        assert (await edge.call(path="/healthz", method="GET", peer=PEER)).status_code == 200
    assert (await edge.call("Bearer x", peer=PEER)).status_code == 401
