"""One-time links of the demo profile: whoever can read a file of this user's may open a session.

A link carries when it ends and a number, and is signed with a secret that the service makes when
it starts. `chartside open` finds the secret in a file that only the same user can read, and makes
a link of it; the service has only to remember which numbers were used.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import secrets
import time
from collections.abc import Callable
from enum import StrEnum

__all__ = ["LINK_S", "LinkFault", "LocalLinks", "sign_link"]

LINK_S = 600
"""Seconds for which a link can be used: time enough to load a model, and to copy it."""

_NUMBER_BYTES, _TIME_BYTES, _MAC_BYTES = 16, 8, 32
_CHARACTERS = 75


class LinkFault(StrEnum):
    """Why a link opens nothing."""

    WRONG = "link-wrong"
    OLD = "link-old"
    USED = "link-used"


def sign_link(secret: bytes, now: float) -> str:
    """The last part of a new link's address; `now` is UTC seconds."""
    ends = int(now) + LINK_S
    said = ends.to_bytes(_TIME_BYTES, "big") + secrets.token_bytes(_NUMBER_BYTES)
    return base64.urlsafe_b64encode(said + _mac(secret, said)).rstrip(b"=").decode()


class LocalLinks:
    """The links of one running service."""

    def __init__(self, secret: bytes, clock: Callable[[], float] = time.time) -> None:
        self.secret = secret
        self._clock = clock
        self._used: dict[bytes, float] = {}

    def make(self) -> str:
        """The last part of a new link's address."""
        return sign_link(self.secret, self._clock())

    def use(self, token: str) -> LinkFault | None:
        """Use a link up; why it cannot be used. Of two that come at once, one is the second."""
        said = _read(token)
        if said is None or not hmac.compare_digest(said[1], _mac(self.secret, said[0])):
            return LinkFault.WRONG
        ends, now = int.from_bytes(said[0][:_TIME_BYTES], "big"), self._clock()
        if not now < ends <= now + LINK_S:
            return LinkFault.OLD
        self._used = {known: until for known, until in self._used.items() if until > now}
        if said[0] in self._used:
            return LinkFault.USED
        self._used[said[0]] = ends
        return None


def _read(token: str) -> tuple[bytes, bytes] | None:
    """What a link says, and its signature; in one spelling alone."""
    if len(token) != _CHARACTERS:
        return None
    try:
        raw = base64.b64decode(token + "=", altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return None
    if base64.urlsafe_b64encode(raw).rstrip(b"=").decode() != token:
        return None
    return raw[:-_MAC_BYTES], raw[-_MAC_BYTES:]


def _mac(secret: bytes, said: bytes) -> bytes:
    return hmac.digest(secret, b"chartside open" + said, "sha256")
