"""OpenTelemetry of a running service, where a setting asks for it."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from starlette.types import ASGIApp

from cds_hooks.app import Exchange
from cds_hooks.consultation import CheckedConsultation
from cds_hooks.errors import ChartsideError
from cds_hooks.operation import Metrics
from cds_hooks.settings import Settings

if TYPE_CHECKING:
    from cds_hooks.operation.tracing import Tracing

__all__ = ["Telemetry", "TelemetryUnavailable"]


class TelemetryUnavailable(ChartsideError):
    """A collector is named, and the packages that would send to it are not installed."""

    code = "telemetry-unavailable"


class Telemetry:
    """Nothing at all without `telemetry.endpoint`. Raises TelemetryUnavailable."""

    def __init__(self, settings: Settings, metrics: Metrics) -> None:
        self._tracing: Tracing | None = None
        if settings.telemetry.endpoint is None:
            return
        try:
            from cds_hooks.operation.tracing import Tracing
        except ImportError:
            hint = "Install chartside[otel], or unset telemetry.endpoint."
            message = "the packages of OpenTelemetry are not installed"
            raise TelemetryUnavailable(message, where="telemetry.endpoint", hint=hint) from None
        told = version("chartside")
        self._tracing = Tracing(settings.telemetry, metrics.registry, version=told)

    def wrap(self, app: ASGIApp) -> ASGIApp:
        """The application, traced."""
        return self._tracing.wrap(app) if self._tracing else app

    def recording(self, store: Any) -> Any:
        """The store, traced."""
        return self._tracing.recording(store) if self._tracing else store

    def exchanged(self, seen: Exchange) -> None:
        """A request was answered."""
        if self._tracing:
            self._tracing.exchanged(
                route=seen.route, service=seen.service, status=seen.status, code=seen.code
            )

    def consulted(self, done: CheckedConsultation) -> None:
        """A consultation ended."""
        if self._tracing:
            self._tracing.consulted(done)

    @contextlib.asynccontextmanager
    async def kept(self) -> AsyncIterator[None]:
        """Send while the block runs."""
        async with self._tracing.kept() if self._tracing else contextlib.nullcontext():
            yield
