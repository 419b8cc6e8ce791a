"""A store that was put back forgot which tokens were used: those issued before are refused."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from cds_hooks.audit import SiteKey, Store, seen_tokens
from cds_hooks.runtime.callers import Callers
from cds_hooks.settings import Settings
from cds_hooks.trust.caller_errors import TokenRefusal, TokenRefused
from cds_hooks.trust.caller_verifier import CallerVerifier
from cds_hooks.trust.key_set_cache import KeySets
from tests.trust.conftest import BASE, PATH, Edge, Signer, client_entry, good_claims

REFUSED = "token-issued-before-restore"


async def forget_until(store: Store, moment: float) -> None:
    await store._transactions.write(partial(seen_tokens.refuse_until, moment=moment))


async def test_a_token_of_before_is_refused_like_any_other_and_recorded(
    edge: Edge, signer: Signer, store: Store
) -> None:
    """Also one that was never used: nobody knows that any more."""
    used, unused = f"Bearer {signer.sign()}", f"Bearer {signer.sign()}"
    assert (await edge.call(used)).status_code == 200
    await store.tokens.refuse_earlier()
    for token in (used, unused):
        answer = await edge.call(token)
        assert (answer.status_code, answer.content) == (401, b"")
    assert [each.reason for each in edge.refused] == [REFUSED, REFUSED]


@pytest.mark.parametrize("leeway_s", [0.0, 60.0])
@pytest.mark.parametrize(("issued_after_s", "is_let_in"), [(-1.0, False), (0.0, False), (1, True)])
async def test_a_clock_that_is_ahead_by_the_leeway_lets_no_used_token_in_again(
    signer: Signer, leeway_s: float, issued_after_s: float, is_let_in: bool
) -> None:
    """At the moment of the restore a token was good whose issue lay ahead by the leeway."""
    restored_at = 2_000_000_000.0
    settings = Settings.model_validate({"clients": [client_entry(signer, leeway_s=leeway_s)]})

    async def remember(_token: str, _expires: float) -> bool:
        return True

    async def refused_until() -> float:
        return restored_at

    async def unread(_url: str) -> bytes:
        raise AssertionError

    keys = KeySets(settings.clients, unread, settings.client_keys)
    verifier = CallerVerifier(
        settings.clients,
        keys,
        digest=lambda *_: "h",
        remember=remember,
        refused_until=refused_until,
        now=lambda: restored_at + 100,
    )
    issued = restored_at + leeway_s + issued_after_s
    token = signer.sign(good_claims(iat=issued, exp=issued + 300))
    asked = verifier.admit([f"Bearer {token}"], f"{BASE}{PATH}")
    if is_let_in:
        assert (await asked).client.name == "ehr"
        return
    with pytest.raises(TokenRefused) as caught:
        await asked
    assert caught.value.reason is TokenRefusal.BEFORE_RESTORE


async def test_tokens_of_after_are_good_again(edge: Edge, signer: Signer, store: Store) -> None:
    await forget_until(store, time.time() - 120)
    assert (await edge.call(f"Bearer {signer.sign()}")).status_code == 200
    older = good_claims(iat=int(time.time()) - 70, exp=int(time.time()) + 100)
    assert (await edge.call(f"Bearer {signer.sign(older)}")).status_code == 401
    assert edge.refused[-1].reason == REFUSED


async def test_it_outlives_a_restart_and_every_process_knows(
    make_edge: Callable[..., Any], signer: Signer, store: Store
) -> None:
    await store.tokens.refuse_earlier()
    for _ in range(2):
        async with make_edge(client_entry(signer)) as edge:
            assert (await edge.call(f"Bearer {signer.sign()}")).status_code == 401


async def test_nobody_is_let_in_before_the_witness_was_asked(
    signer: Signer, store: Store, site_key: SiteKey
) -> None:
    """Whether the store forgot tokens is known only then."""
    order: list[str] = []

    async def compared() -> None:
        await store.tokens.refuse_earlier()
        order.append("compared")

    settings = Settings.model_validate({"clients": [client_entry(signer)]})
    callers = Callers(settings, site_key, store, base_url=BASE, compared=compared)
    with pytest.raises(TokenRefused) as caught:
        await callers._gate.admit([f"Bearer {signer.sign()}"], f"{BASE}{PATH}")
    assert (caught.value.code, order) == (REFUSED, ["compared"])
