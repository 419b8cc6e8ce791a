"""The service's switch for capturing calls (`[capture]`), and the record that it was on."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

from cds_hooks.audit import Store
from cds_hooks.capture import CaptureFolder, Exchange, Recorder, require_allowed
from cds_hooks.consult.rule_tables import rule_tables, tables_digest
from cds_hooks.operation import get_logger
from cds_hooks.plausibility import Terminology
from cds_hooks.runtime.answer_basis import terminology_digest
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
    ) -> None:
        self._settings = settings
        self._recorder = _recorder(settings, terminology, version)

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


def _recorder(
    settings: Settings, terminology: Terminology, version: Callable[[], Mapping[str, str]]
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
    digests = {
        "tables_sha256": tables_digest(rule_tables()),
        "terminology_sha256": terminology_digest(terminology.versions),
    }
    return Recorder(
        CaptureFolder(switch.folder, most_files=switch.files, most_mib=switch.megabytes),
        redacted=switch.redact,
        served_by=lambda: {**version(), **digests},
        is_term=lambda words: terminology.lookup(words).recognised,
    )
