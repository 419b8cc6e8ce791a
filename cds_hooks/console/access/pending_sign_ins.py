"""Sign-ins that are under way: each can be finished once, by the browser that began it."""

from __future__ import annotations

import hashlib
import hmac
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from cds_hooks.trust.openid.authorization import BegunSignIn
from cds_hooks.trust.openid.openid_errors import SignInRefusal, SignInRefused

__all__ = ["SIGN_IN_S", "PendingSignIns"]

SIGN_IN_S = 600
"""Seconds that somebody has at the provider: time to find a second factor."""

_MOST = 1000


@dataclass(frozen=True, slots=True)
class _Pending:
    begun: BegunSignIn
    back: str
    browser: bytes
    until: float


class PendingSignIns:
    """By the digest of their state; a bounded number, past which the oldest is forgotten."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._pending: OrderedDict[bytes, _Pending] = OrderedDict()

    def add(self, begun: BegunSignIn, back: str, browser: str) -> None:
        """Remember one of this browser, which then goes to the page `back`."""
        pending = _Pending(begun, back, _digest(browser), self._clock() + SIGN_IN_S)
        self._pending[_digest(begun.state)] = pending
        if len(self._pending) > _MOST:
            self._pending.popitem(last=False)

    def take(self, state: str, browser: str) -> tuple[BegunSignIn, str]:
        """The one of this state, and where its browser goes. Raises SignInRefused.

        One that another browser brings stays: whoever sent it there must not end it.
        """
        key = _digest(state)
        pending = self._pending.get(key)
        if pending is None or self._clock() >= pending.until:
            raise SignInRefused(SignInRefusal.STATE)
        if not browser or not hmac.compare_digest(pending.browser, _digest(browser)):
            raise SignInRefused(SignInRefusal.BROWSER)
        del self._pending[key]
        return pending.begun, pending.back


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "replace")).digest()
