"""Links to one consultation that cannot be guessed and that expire.

A browser that follows a link has no client token, so knowing the link opens the page. A link says
nothing about the patient: it is a random id, a time, and a keyed hash over both.
"""

from __future__ import annotations

import hmac
import re

from cds_hooks.consult.dependencies import KeyedHash
from cds_hooks.errors import ChartsideError

__all__ = ["LinkUnknown", "consultation_id_of", "expiry_of", "make_link"]

_FORM = re.compile(r"([0-9a-f-]{36})\.([0-9]{1,12})\.([0-9a-f]{64})", re.ASCII)


class LinkUnknown(ChartsideError):
    """The link is not ours, has expired, or its record was deleted; which, nobody is told."""

    code = "link-unknown"
    status = 404
    issue = "not-found"

    def __init__(self) -> None:
        super().__init__("this link opens nothing", hint="Open the chart again for a new card.")


def make_link(key: KeyedHash, consultation_id: str, *, until: float) -> str:
    """The last part of a link's path; it opens the page until `until` (UTC seconds)."""
    text = f"{consultation_id}.{int(until)}"
    return f"{text}.{_seal(key, text)}"


def consultation_id_of(key: KeyedHash, link: str, *, now: float) -> str:
    """The id of the consultation that a link opens. Raises LinkUnknown."""
    parts = _FORM.fullmatch(link)
    if parts is None:
        raise LinkUnknown
    text, seal = link.rsplit(".", 1)
    if not hmac.compare_digest(seal, _seal(key, text)) or int(parts[2]) <= now:
        raise LinkUnknown
    return parts[1]


def expiry_of(link: str) -> float:
    """Until when a good link opens its page, UTC seconds."""
    return float(link.split(".")[1])


def _seal(key: KeyedHash, text: str) -> str:
    return key.digest("consultation-link", text).removeprefix("h1:")
