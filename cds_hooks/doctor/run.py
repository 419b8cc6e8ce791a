"""All parts in their order, and the process bounded to listed addresses while it looks."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence

from cds_hooks.doctor.client_findings import client_findings
from cds_hooks.doctor.context import Context
from cds_hooks.doctor.engine_findings import engine_findings, memory_findings
from cds_hooks.doctor.fhir_probe import clock_findings, fhir_findings
from cds_hooks.doctor.findings import Finding
from cds_hooks.doctor.key_findings import key_findings
from cds_hooks.doctor.key_set_findings import key_set_findings
from cds_hooks.doctor.network_findings import egress_findings, port_findings
from cds_hooks.doctor.settings_findings import settings_findings
from cds_hooks.runtime.egress import of_service
from cds_hooks.trust.egress import AllowList, Destination, DestinationInvalid, EgressLock, scoped

__all__ = ["PARTS", "examined"]

Part = Callable[[Context], Awaitable[list[Finding]]]

PARTS: Mapping[str, Part] = {
    "settings": settings_findings,
    "keys": key_findings,
    "memory": memory_findings,
    "engine": engine_findings,
    "ports": port_findings,
    "egress": egress_findings,
    "key-sets": key_set_findings,
    "clock": clock_findings,
    "fhir": fhir_findings,
    "clients": client_findings,
}
"""Every part by its name, cheap ones before those that take a while."""

_SPEAKING = frozenset({"egress", "key-sets", "clock", "fhir"})


async def examined(
    context: Context,
    parts: Sequence[str],
    *,
    extra: Sequence[Destination] = (),
    begin: Callable[[str], None] = lambda _: None,
) -> AsyncIterator[Finding]:
    """The findings of these parts as they are made; `begin` hears which part is next.

    `extra` are addresses of the command line. Of the parts that speak to others, each may connect
    to these and to what the settings list, and nowhere else.
    """
    for name in parts:
        begin(name)
        with _bounded(context, extra) if name in _SPEAKING else contextlib.nullcontext():
            found = await PARTS[name](context)
        for each in found:
            yield each


@contextlib.contextmanager
def _bounded(context: Context, extra: Sequence[Destination]) -> Iterator[None]:
    settings = context.settings
    try:
        allowed = AllowList([*of_service(settings), *extra], settings.egress.networks)
    except DestinationInvalid:  # told by the part of egress; nothing may be spoken to
        allowed = AllowList(extra)
    with scoped(EgressLock(allowed)):
        yield
