"""A hook request as a test case: redacted, in the format of a captured request."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from cds_hooks.cds_client.captured import FORMAT, VERSION
from cds_hooks.redaction import redact

__all__ = ["saved_case"]


def saved_case(
    request: Mapping[str, Any],
    *,
    now: datetime,
    service: str = "",
    is_term: Callable[[str], bool] = lambda _: False,
) -> str:
    """The file (JSON) of a request that was made at `now`, timezone-aware.

    Every command that accepts a captured request reads it. It says what was redacted and by which
    version; `captured` is moved as all dates are.
    """
    found = redact(request, now=now, is_term=is_term)
    document = {
        "format": FORMAT,
        "version": VERSION,
        "kind": "hook",
        "service": service,
        "captured": found.now.isoformat(timespec="seconds"),
        "redacted": True,
        "redaction": found.told(),
        "request": found.request,
    }
    return f"{json.dumps(document, indent=1, ensure_ascii=False)}\n"
