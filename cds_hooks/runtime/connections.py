"""The bounds on connections, from settings; what they did, in log and metrics."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import resource
import time
from collections.abc import AsyncIterator, Iterable
from dataclasses import asdict

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric

from cds_hooks.addresses import is_loopback
from cds_hooks.app.connections import ConnectionBounds, Connections
from cds_hooks.app.middleware.forwarded import Address, Network, address_of, is_in
from cds_hooks.operation import get_logger
from cds_hooks.settings import Settings

__all__ = ["connections_of", "kept_in_bounds", "raised_file_limit", "told_in"]

_LOOK_S = 0.5
_TELL_S = 60.0
# Files beside connections: the store's, the engine's pipes, connections to FHIR servers, logs.
_OTHER_FILES = 256


def connections_of(settings: Settings, files: int) -> Connections:
    """No more connections than leave enough of the process's open `files` for the rest."""
    server = settings.server
    bounds = ConnectionBounds(
        most=max(min(server.max_connections, files - _OTHER_FILES), 16),
        per_address=server.max_connections_per_address,
        head_s=server.read_head_within_s,
    )
    networks = tuple(ipaddress.ip_network(each) for each in settings.proxy.addresses)
    return Connections(
        bounds,
        clock=time.monotonic,
        is_shared=lambda address: _is_shared(address_of(address), networks),
    )


def _is_shared(address: Address | None, proxies: Iterable[Network]) -> bool:
    """Whether many callers come from this address: a declared proxy's, or this machine's own."""
    return address is not None and (is_loopback(address) or is_in(address, proxies))


def raised_file_limit() -> int:
    """How many files this process may have open, once its own limit is as high as it may be."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
            soft = hard
    return 1 << 20 if soft == resource.RLIM_INFINITY else soft


@contextlib.asynccontextmanager
async def kept_in_bounds(connections: Connections) -> AsyncIterator[None]:
    """End overdue connections while the block runs, and all that wait when it is left."""
    sweeping = asyncio.create_task(_sweep(connections), name="connections")
    try:
        yield
    finally:
        sweeping.cancel()
        connections.end_waiting()


async def _sweep(connections: Connections) -> None:
    told, since = asdict(connections.counts), time.monotonic()
    while True:
        await asyncio.sleep(_LOOK_S)
        connections.end_late()
        counts = asdict(connections.counts)
        if counts != told and time.monotonic() - since >= _TELL_S:
            ended = {name: count - told[name] for name, count in counts.items()}
            get_logger().warning("connections-ended", open=len(connections), ended=ended)
            told, since = counts, time.monotonic()


def told_in(registry: CollectorRegistry, connections: Connections) -> None:
    """The connections as metrics, read whenever the page is."""
    registry.register(_Collector(connections))


class _Collector:
    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    def collect(self) -> Iterable[Metric]:
        """Open ones by state, ended ones by reason."""
        there = self._connections
        now = GaugeMetricFamily("chartside_connections", "Open connections.", labels=["state"])
        now.add_metric(["waiting"], there.waiting)
        now.add_metric(["busy"], len(there) - there.waiting)
        ended = CounterMetricFamily(
            "chartside_connections_ended", "Connections ended by a bound.", labels=["reason"]
        )
        for reason, count in asdict(there.counts).items():
            ended.add_metric([reason], count)
        return (now, ended)
