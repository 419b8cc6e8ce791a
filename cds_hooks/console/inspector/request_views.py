"""The request of a fired hook: what of it does not conform, and ways to take it away."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

import orjson

from cds_hooks.console.ehr_views import (
    Curl,
    Finding,
    curl_command,
    request_findings,
    saved_case,
)
from cds_hooks.console.inspector.inspected import Inspected
from cds_hooks.console.site import Site
from cds_hooks.protocol.protocol_errors import RequestInvalid

__all__ = ["RequestView", "redacted_case", "request_view"]

_FILE = "hook-request.json"
"""The name under which the page offers it."""


@dataclass(frozen=True, slots=True)
class RequestView:
    """What the page tells of the request."""

    findings: tuple[Finding, ...]
    curl: Curl


async def request_view(fired: Inspected, site: Site) -> RequestView | None:
    """The request as a page shows it, made in a thread; None before there is one."""
    return await asyncio.to_thread(_view, fired, site) if fired.request else None


async def redacted_case(fired: Inspected, is_term: Callable[[str], bool]) -> str:
    """The request redacted, as a file that every command reads where it reads a captured one."""
    now = datetime.fromtimestamp(fired.created, UTC)
    return await asyncio.to_thread(
        lambda: saved_case(
            orjson.loads(fired.request or b"{}"),
            now=now,
            service=fired.service.id,
            is_term=is_term,
        )
    )


def _view(fired: Inspected, site: Site) -> RequestView:
    request = orjson.loads(fired.request)
    refused = fired.error.problems if isinstance(fired.error, RequestInvalid) else ()
    quality = fired.consultation.chart.quality if fired.consultation else ()
    found = request_findings(request, fired.service.prefetch, refused=refused, quality=quality)
    url = f"{site.base_url}/cds-services/{fired.service.id}"
    return RequestView(found, curl_command(url, request, tokens=site.tokens, file=_FILE))
