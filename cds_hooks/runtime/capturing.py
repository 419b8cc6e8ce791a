"""The service's switch for capturing calls (`[capture]`), and the record that it was on."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

from cds_hooks.audit import Store
from cds_hooks.capture import CaptureFolder, Exchange, Recorder, require_allowed
from cds_hooks.consultation import Basis
from cds_hooks.operation import get_logger
from cds_hooks.plausibility import Terminology
from cds_hooks.replay.exchanges import SAMPLING
from cds_hooks.runtime.ledger import Record
from cds_hooks.runtime.operator import user_fields
from cds_hooks.settings import Settings

__all__ = ["CAPTURE_STARTED", "Capturing", "capture_fields"]

CAPTURE_STARTED = "capture-started"


class Capturing:
    """`record` takes calls, None where the switch is off; `records` are for the ledger at start.

    Raises CaptureRefused for a folder that cannot be used, and where a reason is missing.
    """

    def __init__(
        self,
        settings: Settings,
        terminology: Terminology,
        version: Callable[[], Mapping[str, str]],
        basis: Basis,
    ) -> None:
        self._settings = settings
        told = _told(basis)
        self._recorder = _recorder(settings, terminology, lambda: {**version(), **told})

    @property
    def record(self) -> Callable[[Exchange], None] | None:
        return self._recorder.record if self._recorder else None

    @property
    def records(self) -> tuple[Record, ...]:
        return (self._started,) if self._recorder else ()

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Write what comes while the block runs, and log how much that was."""
        if self._recorder is None:
            yield
            return
        get_logger().warning("capture-on", redacted=self._settings.capture.redact)
        async with self._recorder.running():
            yield
        get_logger().info("capture-off", files=self._recorder.counts["written"])

    async def _started(self, store: Store) -> None:
        switch = self._settings.capture
        fields = capture_fields(self._settings, "service", switch.redact, switch.reason)
        await store.record_event(CAPTURE_STARTED, **fields)


def capture_fields(settings: Settings, by: str, redacted: bool, reason: str) -> dict[str, Any]:
    """The fields of the ledger record: by what, how, why, and who began."""
    told = {"by": by, "redacted": redacted, **({"reason": reason} if reason else {})}
    return {**told, **user_fields(settings)}


def _told(basis: Basis) -> dict[str, str]:
    """What a file tells of the basis, beside what `/version` does."""
    sampling = basis.sampling
    return {
        "tables_sha256": basis.tables_sha256,
        "terminology_sha256": basis.terminology_sha256,
        **({name: str(getattr(sampling, name)) for name in SAMPLING} if sampling else {}),
    }


def _recorder(
    settings: Settings, terminology: Terminology, served_by: Callable[[], Mapping[str, str]]
) -> Recorder | None:
    switch = settings.capture
    if switch.folder is None:
        return None
    require_allowed(
        production=settings.profile == "production",
        redacted=switch.redact,
        reason=switch.reason,
        where="capture.reason",
    )
    return Recorder(
        CaptureFolder(switch.folder, most_files=switch.files, most_mib=switch.megabytes),
        redacted=switch.redact,
        served_by=served_by,
        is_term=lambda words: terminology.lookup(words).recognised,
    )
