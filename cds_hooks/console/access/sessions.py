"""Sessions, in the memory of this process: a browser has an id of 256 bits, here is its digest.

A session ends when nothing was asked in it for a while, after its lifetime, when its person signs
out, and when the service stops. For a while after it has expired it is remembered for one thing:
the same person who signs in again with the same browser gets the same CSRF token, so that a form
which was open meanwhile can still be sent.
"""

from __future__ import annotations

import hashlib
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from cds_hooks.console.access.access_settings import ConsoleSettings
from cds_hooks.console.reader import Reader, Role

__all__ = ["Emergency", "Session", "Sessions"]

_BYTES = 32
_ID_CHARACTERS = 43
_MOST_REMEMBERED = 1000


@dataclass(frozen=True, slots=True)
class Emergency:
    """A role that was taken with a reason; `until` is UTC seconds."""

    role: Role
    until: float


@dataclass(slots=True)
class Session:
    """One person in one browser. `begun` and `seen` are UTC seconds; `told` are the pages whose
    refusal is on record."""

    key: bytes
    reader: Reader
    csrf: str = field(repr=False)
    begun: float
    seen: float
    emergency: Emergency | None = None
    told: set[str] = field(default_factory=set)

    def reader_at(self, now: float) -> Reader:
        """The person, with the role that an emergency gives them now."""
        taken = self.emergency
        if taken is None or now >= taken.until:
            return self.reader
        roles = self.reader.roles | {taken.role}
        return Reader(self.reader.subject, self.reader.name, roles, self.reader.how)

    def has_emergency(self, now: float) -> bool:
        """Whether a role that was taken lasts now."""
        return self.emergency is not None and now < self.emergency.until


class Sessions:
    """All sessions of this process. `clock` is UTC seconds."""

    def __init__(self, config: ConsoleSettings, clock: Callable[[], float] = time.time) -> None:
        self._config = config
        self._clock = clock
        # In the order in which they were last used.
        self._open: OrderedDict[bytes, Session] = OrderedDict()
        self._expired: OrderedDict[bytes, Session] = OrderedDict()

    def begin(self, reader: Reader, earlier: str = "") -> str:
        """Open a session under a new id, which is returned; `earlier` is the browser's last one."""
        csrf = self._csrf_of(earlier, reader)
        self.end(earlier)
        chosen, now = secrets.token_urlsafe(_BYTES), self._clock()
        self._make_space(reader)
        key = _digest(chosen)
        self._open[key] = Session(key, reader, csrf or secrets.token_urlsafe(_BYTES), now, now)
        return chosen

    def find(self, chosen: str) -> Session | None:
        """The open session with this id, which is used now."""
        if len(chosen) != _ID_CHARACTERS:
            return None
        session = self._open.get(_digest(chosen))
        if session is None:
            return None
        now = self._clock()
        if not self._is_alive(session, now):
            self._expire(session)
            return None
        session.seen = now
        self._open.move_to_end(session.key)
        return session

    def end(self, chosen: str) -> Session | None:
        """End the session with this id, and forget it; the session, if there was one."""
        key = _digest(chosen)
        self._expired.pop(key, None)
        return self._open.pop(key, None)

    def named(self, form: bytes) -> Session | None:
        """The open session that a form names by its digest, as its last field `session`."""
        _, _, text = form.partition(b"&session=")
        return next((each for each in self if each.key.hex().encode() == text), None)

    def remove(self, session: Session) -> None:
        """End a session, whoever has its id."""
        self._open.pop(session.key, None)

    def expires(self, session: Session) -> float:
        """When it ends at the latest (UTC seconds)."""
        return session.begun + self._config.lifetime_s

    def of(self, reader: Reader) -> list[Session]:
        """A person's sessions, the one unused for longest first."""
        return [each for each in self if _same(each.reader, reader)]

    def __iter__(self) -> Iterator[Session]:
        """The open sessions."""
        now = self._clock()
        return iter([each for each in self._open.values() if self._is_alive(each, now)])

    def _is_alive(self, session: Session, now: float) -> bool:
        idle, whole = now - session.seen, now - session.begun
        return 0 <= idle < self._config.idle_s and 0 <= whole < self._config.lifetime_s

    def _expire(self, session: Session) -> None:
        del self._open[session.key]
        self._expired[session.key] = session
        if len(self._expired) > _MOST_REMEMBERED:
            self._expired.popitem(last=False)

    def _csrf_of(self, earlier: str, reader: Reader) -> str:
        key = _digest(earlier)
        session = self._expired.get(key) or self._open.get(key)
        return session.csrf if session and _same(session.reader, reader) else ""

    def _make_space(self, reader: Reader) -> None:
        now = self._clock()
        for each in [each for each in self._open.values() if not self._is_alive(each, now)]:
            self._expire(each)
        for each in self.of(reader)[: 1 - self._config.most_per_person or None]:
            del self._open[each.key]
        while len(self._open) >= self._config.most_sessions:
            self._open.popitem(last=False)


def _digest(chosen: str) -> bytes:
    return hashlib.sha256(chosen.encode("utf-8", "replace")).digest()


def _same(one: Reader, other: Reader) -> bool:
    return (one.how, one.subject) == (other.how, other.subject)
