"""Settings of OpenTelemetry: where traces and metrics go, and how many."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

from cds_hooks.addresses import is_loopback
from cds_hooks.section import Section, Unset

__all__ = ["TelemetrySettings"]


def _endpoint(value: str) -> str:
    url = urlsplit(value)
    if url.scheme not in ("http", "https") or not url.hostname or url.query or url.fragment:
        raise ValueError("must be a base like https://collector.hospital.example:4318")
    if url.username is not None or url.password is not None:
        raise ValueError("must not hold a password")
    if url.scheme == "http" and not _is_here(url.hostname):
        raise ValueError("must be https; http only to this machine's 127.0.0.1 or ::1")
    return value.rstrip("/")


def _is_here(host: str) -> bool:
    try:
        return is_loopback(host)
    except ValueError:  # a name, of which a resolver decides
        return False


class TelemetrySettings(Section):
    """OpenTelemetry (docs/operators/opentelemetry.md); needs `chartside[otel]`."""

    endpoint: Annotated[Annotated[str, AfterValidator(_endpoint)] | None, Unset] = Field(
        None, description="Base of an OTLP collector (HTTP); unset: nothing is sent."
    )
    ratio: float = Field(1.0, ge=0, le=1, description="Share of hooks that are traced.")
    traces_per_minute: int = Field(
        600, ge=0, description="Hooks traced in a minute at most, whatever a client asks for."
    )
    metrics_every_s: float = Field(60.0, gt=0, description="Seconds between two sets of metrics.")
