"""Sessions that an EHR began: each is of one clinician, one patient and one browser tab's address.

A session has an address of its own (`/smart/<handle>/`) and a cookie for that address alone, so
that a second launch in the same browser, of another patient, changes nothing in the first tab.
"""

from __future__ import annotations

import hashlib
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import Response

from cds_hooks.console.access import ConsoleSettings
from cds_hooks.consult import PatientScope
from cds_hooks.errors import ChartsideError

__all__ = ["LaunchSession", "LaunchSessions", "SessionOver"]

_SECRET_BYTES, _HANDLE_BYTES = 32, 12


class SessionOver(ChartsideError):
    """There is no such session, or not any more, or it is another browser's."""

    code = "launch-session-over"
    status = 401
    issue = "login"

    def __init__(self) -> None:
        super().__init__("this session is over", hint="Open the card in the EHR again.")


@dataclass(slots=True)
class LaunchSession:
    """`user` as a hook's `userId`, `client` the site's name of the EHR; times are UTC seconds.

    `told` are the consultations whose opening is on record.
    """

    handle: str
    user: str = field(repr=False)
    client: str
    scope: PatientScope = field(repr=False)
    csrf: str = field(repr=False)
    begun: float
    seen: float
    told: set[str] = field(default_factory=set)


class LaunchSessions:
    """All sessions of this process; `clock` is UTC seconds."""

    def __init__(
        self, config: ConsoleSettings, base_url: str, clock: Callable[[], float] = time.time
    ) -> None:
        parts = urlsplit(base_url)
        self._config = config
        self._clock = clock
        self._secure = parts.scheme == "https"
        # Browsers do not tell ports apart: without TLS, on this machine, the port is in the name.
        prefix = "__Secure-chartside" if self._secure else f"chartside-{parts.port or 0}"
        self._cookie = f"{prefix}-smart"
        self._root = parts.path.rstrip("/")
        self._open: OrderedDict[bytes, LaunchSession] = OrderedDict()

    def begin(
        self, response: Response, handle: str, user: str, client: str, scope: PatientScope
    ) -> None:
        """Open a session, and give the browser its cookie."""
        now, secret = self._clock(), secrets.token_urlsafe(_SECRET_BYTES)
        while len(self._open) >= self._config.most_sessions:
            self._open.popitem(last=False)
        csrf = secrets.token_urlsafe(_SECRET_BYTES)
        session = LaunchSession(handle, user, client, scope, csrf, now, now)
        self._open[_key(handle, secret)] = session
        response.set_cookie(
            self._cookie,
            secret,
            path=self._path(handle),
            secure=self._secure,
            httponly=True,
            # Lax, not Strict: the way back from the EHR begins at another site.
            samesite="lax",
        )

    def find(self, request: Request, handle: str) -> LaunchSession:
        """The open session of an address, which is used now. Raises SessionOver."""
        key, now = _key(handle, request.cookies.get(self._cookie, "")), self._clock()
        session = self._open.get(key)
        if session is None:
            raise SessionOver
        idle, whole = now - session.seen, now - session.begun
        if not (0 <= idle < self._config.idle_s and 0 <= whole < self._config.lifetime_s):
            del self._open[key]
            raise SessionOver
        session.seen = now
        self._open.move_to_end(key)
        return session

    def end(self, request: Request, response: Response, handle: str) -> None:
        """End it, and have the browser forget its cookie."""
        self._open.pop(_key(handle, request.cookies.get(self._cookie, "")), None)
        response.delete_cookie(
            self._cookie,
            path=self._path(handle),
            secure=self._secure,
            httponly=True,
            samesite="lax",
        )

    @staticmethod
    def new_handle() -> str:
        """The part of a new session's address that is its own."""
        return secrets.token_urlsafe(_HANDLE_BYTES)

    def _path(self, handle: str) -> str:
        return f"{self._root}/smart/{handle}"


def _key(handle: str, secret: str) -> bytes:
    return hashlib.sha256(f"{handle} {secret}".encode("utf-8", "replace")).digest()
