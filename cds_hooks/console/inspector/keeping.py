"""What was fired, by the browser that fired it: in memory, bounded in number, bytes and time."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from cds_hooks.cds_client.charts import CapturedChart
from cds_hooks.cds_client.server_chart import FhirAccess
from cds_hooks.console.inspector.inspected import Inspected
from cds_hooks.console.inspector.inspector_errors import InspectionExpired, ListOutdated
from cds_hooks.console.inspector.inspector_settings import InspectorSettings

__all__ = ["DroppedChart", "InspectorSession", "InspectorSessions"]


@dataclass(frozen=True, slots=True)
class DroppedChart:
    """What was dropped, described by `words`: a captured request, or resources of one or more
    patients. `size` is in bytes, `at` in monotonic seconds."""

    content: CapturedChart | list[dict[str, Any]] = field(repr=False)
    words: str
    size: int
    at: float


@dataclass(eq=False, slots=True)
class InspectorSession:
    """What one browser of one reader fired, the newest last, and what it chose on the way there.

    `key` is its cookie, `until` monotonic seconds. `server` is a FHIR server with the token that
    was given for it, which no page shows again. `lists` has the number of the last list of patients
    of each source: a browser has several tabs.
    """

    key: str = field(repr=False)
    subject: str
    until: float
    fired: dict[str, Inspected] = field(default_factory=dict, repr=False)
    server: FhirAccess | None = field(default=None, repr=False)
    dropped: DroppedChart | None = field(default=None, repr=False)
    lists: dict[str, str] = field(default_factory=dict)

    @property
    def size(self) -> int:
        """Bytes that it takes, about."""
        dropped = 3 * self.dropped.size if self.dropped else 0
        return dropped + sum(each.size for each in self.fired.values())

    def new_list(self, source: str) -> str:
        """Other patients are chosen from: the number of their list; earlier ones are outdated."""
        number = self.lists[source] = secrets.token_urlsafe(6)
        return number

    def require_list(self, source: str, number: str) -> None:
        """Raise ListOutdated for a list that is not the last one: its ids are another source's."""
        if number and number != self.lists.get(source):
            raise ListOutdated

    def forget_dropped(self) -> None:
        """Let go of what was dropped."""
        self.dropped = None

    def find(self, inspected_id: str) -> Inspected:
        """What was fired under an id. Raises InspectionExpired."""
        found = self.fired.get(inspected_id)
        if found is None:
            raise InspectionExpired
        return found


class InspectorSessions:
    """All sessions. `clock` is monotonic seconds."""

    def __init__(
        self, settings: InspectorSettings, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._sessions: dict[str, InspectorSession] = {}

    def open(self, key: str, subject: str) -> InspectorSession:
        """The session of a cookie, or a new one under a key of its own."""
        found = self._find(key, subject)
        if found is None:
            found = InspectorSession(secrets.token_urlsafe(24), subject, 0.0)
            self._sessions[found.key] = found
        found.until = self._clock() + self._settings.kept_s
        self._sessions[found.key] = self._sessions.pop(found.key)  # the latest is the last
        while len(self._sessions) > self._settings.sessions:
            self._sessions.pop(next(iter(self._sessions)))
        return found

    def existing(self, key: str, subject: str) -> InspectorSession:
        """The session of a cookie. Raises InspectionExpired."""
        found = self._find(key, subject)
        if found is None:
            raise InspectionExpired
        return found

    def keep(self, session: InspectorSession, inspected: Inspected) -> None:
        """Keep what was fired; the oldest that has ended makes space for it."""
        session.fired[inspected.id] = inspected
        while len(session.fired) > self._settings.per_session:
            session.fired.pop(next(iter(session.fired)))
        self.trim()

    def trim(self) -> None:
        """Forget the oldest until all that is kept is within its bounds."""
        self._expire()
        while self._size() > self._settings.max_bytes and self._forget_one():
            pass

    def _find(self, key: str, subject: str) -> InspectorSession | None:
        self._expire()
        found = self._sessions.get(key)
        return found if found is not None and found.subject == subject else None

    def _expire(self) -> None:
        now = self._clock()
        self._sessions = {k: s for k, s in self._sessions.items() if s.until > now}
        for session in self._sessions.values():
            old = now - self._settings.kept_s
            session.fired = {k: f for k, f in session.fired.items() if f.began > old}
            if session.dropped is not None and session.dropped.at <= old:
                session.dropped = None

    def _size(self) -> int:
        return sum(session.size for session in self._sessions.values())

    def _forget_one(self) -> bool:
        """Forget what is oldest of all, unless it is the only thing that is kept."""
        held: list[tuple[float, Callable[[], object]]] = [
            (fired.began, partial(session.fired.pop, key))
            for session in self._sessions.values()
            for key, fired in session.fired.items()
        ]
        held += [(s.dropped.at, s.forget_dropped) for s in self._sessions.values() if s.dropped]
        if len(held) < 2:
            return False
        _, forget = min(held, key=lambda each: each[0])
        forget()
        return True
