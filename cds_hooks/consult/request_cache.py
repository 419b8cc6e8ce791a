"""Charts of the last minutes, by a digest of what was sent: not read again when sent again.

EHRs fire the same hook several times while a chart is open. Nothing that was read from a FHIR
server is kept here: what a token allowed one user to see is not shown to another.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from cds_hooks.consultation import Consultation, KeyState
from cds_hooks.protocol.request import HookRequest

__all__ = ["RequestCache", "Remembered"]

_MOST = 32


@dataclass(frozen=True, slots=True)
class Remembered:
    """A question as it was put, and its request without the resources and the token."""

    pending: Consultation
    request: HookRequest
    until: float


class RequestCache:
    """At most 32 charts, each for `seconds`; `clock` is monotonic."""

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._clock = clock
        self._kept: dict[bytes, Remembered] = {}

    def get(self, digest: bytes) -> Remembered | None:
        """What was put for a body with this digest, while it is remembered."""
        now = self._clock()
        self._kept = {key: each for key, each in self._kept.items() if each.until > now}
        return self._kept.get(digest)

    def put(self, digest: bytes, pending: Consultation, request: HookRequest) -> None:
        """Remember, unless something had to be read or could not be had."""
        whole = {KeyState.PREFETCHED, KeyState.EMPTY}
        if not digest or self._seconds <= 0 or not set(pending.key_states.values()) <= whole:
            return
        slim = replace(request, prefetch={}, fhir_authorization=None, extension={})
        self._kept[digest] = Remembered(pending, slim, self._clock() + self._seconds)
        while len(self._kept) > _MOST:
            self._kept.pop(next(iter(self._kept)))
