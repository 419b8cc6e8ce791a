"""A body that was read before is not read again, and its call is recorded as the one that it is."""

from __future__ import annotations

from typing import Any

from cds_hooks.protocol.request import HookRequest


async def test_a_body_that_was_read_before_keeps_the_instance_of_its_own_call(
    make_edge: Any, request_for: Any
) -> None:
    edge = make_edge()
    await edge.fire(request_for(hookInstance="first"))
    [(_, first, info)] = edge.asked
    known: dict[bytes, HookRequest] = {info.digest: first}
    edge.remember(known.get)
    assert (await edge.fire(request_for(hookInstance="second"))).status_code == 200
    _, second, again = edge.asked[-1]
    assert again.digest == info.digest
    assert (first.hook_instance, second.hook_instance) == ("first", "second")
    assert second.context is first.context
    assert (await edge.fire(request_for(hookInstance="x" * 257))).status_code == 400
