"""What the newest comparison of trial reports found of each service, told by a running service.

`chartside trial report --compared-with` makes the comparison and records it; the service reads the
record, so that whoever watches it hears of drift. It does not keep the service from being ready:
what to do about it is for people.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from typing import Any

from cds_hooks.audit import Store
from cds_hooks.audit.ledger.export import parse_record
from cds_hooks.audit.ledger.record import Record
from cds_hooks.errors import ChartsideError
from cds_hooks.operation import get_logger

__all__ = ["TrialDriftWatch"]

_EVERY_S = 60.0


class TrialDriftWatch:
    """`left` are the figures that left their interval, `missing` those that had no cases, by the
    newest comparison of each service (or of all together): that one of them is as it was says
    nothing of another. `compared`: whether any comparison is on record."""

    def __init__(self, store: Store) -> None:
        self._ledger = store.ledger
        self._log = get_logger()
        self._seen = -1
        self._recorded = ""
        self.compared = False
        self.left: tuple[str, ...] = ()
        self.missing: tuple[str, ...] = ()

    def checks(self) -> dict[str, str]:
        """For /readyz: what the newest comparison found; nothing without one."""
        if not self.compared:
            return {}
        found = f"left their interval: {', '.join(self.left)}" if self.left else "none"
        found += f"; not compared: {', '.join(self.missing)}" if self.missing else ""
        return {"trial_drift": f"{found} (report of {self._recorded})"}

    @contextlib.asynccontextmanager
    async def kept(self) -> AsyncIterator[None]:
        """Look every minute while the block runs."""
        looking = asyncio.create_task(self._run(), name="trial-drift")
        try:
            yield
        finally:
            looking.cancel()
            await asyncio.wait([looking])

    async def look(self) -> None:
        """Read the newest comparison. Raises StoreUnavailable."""
        found = [parse_record(data) for data in await self._ledger.records_of("trial-reported")]
        compared = [r for r in found if r is not None and _details(r).get("compared_with")]
        if not compared or compared[-1].seq == self._seen:
            return
        seen, self._seen, self._recorded = self._seen, compared[-1].seq, compared[-1].recorded
        newest = {_details(each).get("service") or "": each for each in compared}
        self.compared, self.left, self.missing = True, (), ()
        for service, record in newest.items():
            self.left += _named(record, "left", service)
            self.missing += _named(record, "not_compared", service)
            for figure in _details(record).get("left", ()) if record.seq > seen else ():
                self._log.warning("trial-drift", figure=str(figure), record=record.seq)

    def collect(self) -> Iterator[Any]:
        """For Prometheus: how many figures left their interval, once there is a comparison."""
        from prometheus_client.core import GaugeMetricFamily

        text = "Figures of a trial that left the interval of the decision's report."
        figures = GaugeMetricFamily("chartside_trial_drifted_figures", text)
        if self.compared:
            figures.add_metric([], len(self.left))
        yield figures

    async def _run(self) -> None:
        while True:
            with contextlib.suppress(ChartsideError):  # /readyz tells of the store
                await self.look()
            await asyncio.sleep(_EVERY_S)


def _named(record: Record, field: str, service: str) -> tuple[str, ...]:
    """The figures in a field of a record's details, with the service where it is of one."""
    told = map(str, _details(record).get(field, ()))
    return tuple(f"{each} of {service}" if service else each for each in told)


def _details(record: Record) -> dict[str, Any]:
    told = record.fields.get("details")
    return told if isinstance(told, dict) else {}
