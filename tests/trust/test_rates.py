"""How often a client may call: its own bucket, and 429 with the seconds to wait."""

from __future__ import annotations

from typing import Any

import pytest

from cds_hooks.trust.caller_errors import RateLimited
from cds_hooks.trust.client import Client
from cds_hooks.trust.client_rates import Rates
from tests.trust.conftest import ISSUER, Signer, client_entry, good_claims


class Clock:
    def __init__(self) -> None:
        self.now = 50.0

    def __call__(self) -> float:
        return self.now


def test_a_bucket_empties_and_fills() -> None:
    clock = Clock()
    rates = Rates(clock)
    client = Client(name="ehr", issuer=ISSUER, jwks="k", calls_per_minute=30, burst=3)
    for _ in range(3):
        rates.take(client)
    with pytest.raises(RateLimited) as caught:
        rates.take(client)
    assert caught.value.retry_after_s == 2
    clock.now += 2
    rates.take(client)
    with pytest.raises(RateLimited):
        rates.take(client)
    clock.now += 3600
    for _ in range(3):
        rates.take(client)
    with pytest.raises(RateLimited):
        rates.take(client)


def test_each_client_has_its_own_and_some_have_none() -> None:
    rates = Rates(Clock())
    one = Client(name="one", issuer=ISSUER, jwks="k", calls_per_minute=1, burst=1)
    two = Client(name="two", issuer=ISSUER, jwks="k", calls_per_minute=1, burst=1)
    free = Client(name="free", issuer=ISSUER, jwks="k", calls_per_minute=0)
    rates.take(one)
    rates.take(two)
    for _ in range(100):
        rates.take(free)


async def test_past_it_a_call_is_answered_429_and_its_token_stays_good(
    make_edge: Any, signer: Signer
) -> None:
    other = Signer(kid="o1")
    entries = (
        client_entry(signer, calls_per_minute=60, burst=2),
        client_entry(other, name="other", issuer="https://other.example"),
    )
    async with make_edge(*entries) as edge:
        for _ in range(2):
            assert (await edge.call(f"Bearer {signer.sign()}")).status_code == 200
        answer = await edge.call(f"Bearer {signer.sign()}")
        assert answer.status_code == 429
        assert answer.headers["retry-after"] == "1"
        # An unauthenticated caller learns nothing of it, and another client feels nothing of it.
        assert (await edge.call(f"Bearer {signer.sign(None, kid='x')}")).status_code == 401
        own = other.sign(good_claims(iss="https://other.example"))
        assert (await edge.call(f"Bearer {own}")).status_code == 200
        assert len(edge.asked) == 3
