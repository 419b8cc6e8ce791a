"""Verifying tokens: what a good one costs, and whether a bad one is told apart by its time.

A good token's use is made durable, a refused one's is not, so the comparison is of verification
alone, in processor time: on a busy machine the clock on the wall tells of others.
"""

from __future__ import annotations

import contextlib
import random
import statistics
import time
from collections.abc import Callable
from typing import Any

from cds_hooks.trust.caller_errors import TokenRefused
from cds_hooks.trust.client import Client
from cds_hooks.trust.key_set import parse_key_set
from cds_hooks.trust.token_checks import verify
from tests.trust.attacks import ATTACKS
from tests.trust.conftest import BASE, ISSUER, PATH, Signer, good_claims, key_set

ROUNDS = 40
HUGE, LONG = "jti huge", "good, ES384, as long"


def _time(judge: Callable[[str], Any], token: str) -> float:
    began = time.thread_time()
    with contextlib.suppress(TokenRefused):
        judge(token)
    return (time.thread_time() - began) * 1e6


def _row(name: str, values: list[float], unit: str = "us", **more: Any) -> dict[str, Any]:
    return {
        "name": name,
        "value": statistics.median(values),
        "unit": unit,
        "n": len(values),
        "minimum": min(values),
        "maximum": max(values),
        **more,
    }


def rows() -> list[dict[str, Any]]:
    """Good tokens by algorithm; then the slowest bad one, and those that say whom there is."""
    es, rs = Signer(), Signer("RS384", "r1")
    both = frozenset({"ES384", "RS384"})
    keys = parse_key_set(key_set(es.jwk(), rs.jwk()).encode(), both)
    clients = {ISSUER: Client("ehr", ISSUER, keys=b"given")}

    def judge(token: str) -> Any:
        return verify(token, clients, lambda _: keys, f"{BASE}{PATH}", time.time())

    kinds = {"good, ES384": lambda: es.sign(), "good, RS384": lambda: rs.sign()}
    kinds[LONG] = lambda: es.sign(good_claims(note="j" * 2000))
    kinds |= {name: _maker(make, es, rs) for name, make, _ in ATTACKS}
    times: dict[str, list[float]] = {name: [] for name in kinds}
    plan = [name for name in kinds for _ in range(ROUNDS)]
    # In no order, so that a machine that is busy for a while is so for all kinds alike.
    random.Random(7).shuffle(plan)
    for name in plan:
        if token := kinds[name]():
            times[name].append(_time(judge, token))
    return [*_told(times), *_against(times)]


def _maker(make: Any, es: Signer, rs: Signer) -> Callable[[], str]:
    def token() -> str:
        headers = make(es, rs)
        return headers[0].removeprefix("Bearer ") if len(headers) == 1 else ""

    return token


def _told(times: dict[str, list[float]]) -> list[dict[str, Any]]:
    return [
        _row(f"token verified ({name})", times[name]) for name in ("good, ES384", "good, RS384")
    ]


def _against(times: dict[str, list[float]]) -> list[dict[str, Any]]:
    """Against good ones; the attack whose time is its length also against a good one as long."""
    good = statistics.median(times["good, ES384"])
    long = statistics.median(times[LONG])
    bad = {name: each for name, each in times.items() if each and not name.startswith("good")}
    slowest = max(bad, key=lambda name: statistics.median(bad[name]))
    told = [slowest, "iss unknown", "kid of no key", "another key under this id", "exp past"]
    return [
        _row(f"refused / good as long ({HUGE})", [each / long for each in bad[HUGE]], "x"),
        *(
            _row(
                f"refused / good ({'slowest: ' if place == 0 else ''}{name})",
                [each / good for each in bad[name]],
                "x",
                against="a good ES384 token",
            )
            for place, name in enumerate(told)
        ),
    ]
