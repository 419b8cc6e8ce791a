"""One body from two callers is two questions: the same id may be another patient for the other."""

from __future__ import annotations

from typing import Any

import pytest

from cds_hooks.consultation import Caller
from cds_hooks.trust.caller_errors import TokenRefusal, TokenRefused

VIEW = "/cds-services/chartside-patient-view"
START = "/cds-services/chartside-encounter-start"


async def _digests(make_edge: Any, callers: list[Caller], body: Any) -> list[bytes]:
    waiting = iter(callers)

    async def identify(_: Any) -> Caller:
        return next(waiting)

    edge = make_edge(identify=identify)
    for _ in callers:
        assert (await edge.fire(body)).status_code == 200
    return [info.digest for _, _, info in edge.asked]


@pytest.mark.parametrize(
    "other",
    [
        Caller("north", tenant="b"),
        Caller("north"),
        Caller("south", tenant="a"),
        Caller("north/a"),
        Caller("", tenant="north/a"),
    ],
)
async def test_another_client_or_tenant_asks_another_question(
    make_edge: Any, request_for: Any, other: Caller
) -> None:
    mine = Caller("north", tenant="a")
    first, second, again = await _digests(make_edge, [mine, other, mine], request_for())
    assert first == again
    assert first != second
    assert len(first) == len(second) == 32


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/cds-services"),
        ("POST", "/cds-services/chartside-patient-view"),
        ("POST", "/cds-services/chartside-patient-view/feedback"),
    ],
)
@pytest.mark.parametrize("end", ["", "/", "%0A", "%0A/", "/%0A", "%0D%0A", "%00"])
def test_no_spelling_of_a_path_is_let_in_without_a_token(
    make_edge: Any, method: str, path: str, end: str
) -> None:
    async def refuse(_: Any) -> Caller:
        raise TokenRefused(TokenRefusal.MISSING)

    edge = make_edge(identify=refuse)
    headers = {"content-type": "application/json"}
    sent = edge.call(method, f"{path}{end}", content=b'{"feedback": []}', headers=headers)
    assert sent.status_code == (404 if "%" in end else 401)
    assert not edge.asked
    assert not edge.recorded
