"""One body from two callers is two questions: the same id may be another patient for the other."""

from __future__ import annotations

from typing import Any

import pytest

from cds_hooks.consultation import Caller

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
