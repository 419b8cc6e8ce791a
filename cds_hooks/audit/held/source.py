"""A source of wrapped keys whose key is elsewhere: asked seldom, and never taken at its first word.

Data keys that were opened lately are remembered for some minutes, so that a hook does not wait
for a device or a network each time. A key is looked up in the database before it is asked for
here: one that was destroyed is not found there, whatever is remembered.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from cds_hooks.audit.errors import KeyRefused, StoreUnavailable
from cds_hooks.audit.sealing.aead import bound
from cds_hooks.audit.sealing.source import SealBroken

__all__ = ["Holder", "Sample", "Source"]

_MOST = 512
_REMEMBERED_S = 300.0
_ASK_AGAIN_S = 60.0
# A holder that was out of order is not asked for so long: hooks would wait for it, one by one.
_REST_S = 2.0


class Holder(Protocol):
    """What holds a key and works with it: a device, a server. Safe for many threads."""

    kind: str
    reason: str
    """Why a store is unavailable while this cannot be used: a key of `errors.HINTS`."""

    def encrypt(self, plain: bytes, about: bytes) -> bytes:
        """The sealed form, which opens with the same `about` only.

        Raises KeyRefused when a person has to do something, StoreUnavailable.
        """
        ...

    def decrypt(self, sealed: bytes, about: bytes) -> bytes:
        """What was sealed. Raises SealBroken, also where it cannot tell that from a fault."""
        ...


@dataclass(frozen=True, slots=True)
class Sample:
    """Sealed bytes that are known to open, to tell a broken seal from a broken holder."""

    sealed: bytes
    about: tuple[str, ...]


class Source:
    """Wraps with a holder's key (`sealing.KeySource`); `key_id` is bound into all it wraps."""

    def __init__(
        self, key_id: str, holder: Holder, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.key_id = key_id
        self._holder = holder
        self._clock = clock
        self._sample: Sample | None = None
        self._asked = 0.0
        self._rests_until = float("-inf")
        self._lock = threading.Lock()
        self._known: OrderedDict[tuple[bytes, tuple[str, ...]], tuple[float, bytes]] = OrderedDict()

    def __repr__(self) -> str:
        return f"Source(key_id={self.key_id!r}, holder={self._holder.kind!r})"

    def open_first(self, sample: Sample) -> bytes:
        """Open the sample, which shows that holder and key are the right ones.

        Raises KeyRefused, StoreUnavailable, SealBroken.
        """
        plain = self._holder.decrypt(sample.sealed, self._bound(sample.about))
        self._sample, self._asked = sample, self._clock()
        return plain

    def wrap(self, key: bytes, *about: str) -> bytes:
        """A key as it may be stored. Raises StoreUnavailable, before the first use KeyRefused."""
        wrapped = self._asking(lambda: self._holder.encrypt(key, self._bound(about)))
        self._remember((wrapped, about), key)
        return wrapped

    def unwrap(self, wrapped: bytes, *about: str) -> bytes:
        """A key again. Raises SealBroken, StoreUnavailable."""
        if (known := self._recall((wrapped, about))) is not None:
            return known
        try:
            key = self._asking(lambda: self._holder.decrypt(wrapped, self._bound(about)))
        except SealBroken:
            self._ask_for_sample()
            raise
        self._remember((wrapped, about), key)
        return key

    def require(self) -> None:
        """Raise StoreUnavailable while the holder cannot be used; asks it once a minute."""
        if self._clock() - self._asked > _ASK_AGAIN_S:
            self._ask_for_sample()

    def _ask_for_sample(self) -> None:
        """A holder that does not open what it opened at the start is out of order."""
        if (sample := self._sample) is None:
            return
        try:
            self._asking(lambda: self._holder.decrypt(sample.sealed, self._bound(sample.about)))
        except SealBroken:
            self._asked = float("-inf")
            raise StoreUnavailable(self._holder.reason) from None

    def _asking(self, ask: Callable[[], bytes]) -> bytes:
        """The holder's answer; after the start a refusal is an outage, which a hook can be told."""
        if self._clock() < self._rests_until:
            raise StoreUnavailable(self._holder.reason)
        try:
            answer = ask()
        except (KeyRefused, StoreUnavailable):
            if self._sample is None:
                raise
            self._asked, self._rests_until = float("-inf"), self._clock() + _REST_S
            raise StoreUnavailable(self._holder.reason) from None
        self._asked = self._clock()
        return answer

    def _bound(self, about: tuple[str, ...]) -> bytes:
        return bound((self.key_id, *about))

    def _recall(self, name: tuple[bytes, tuple[str, ...]]) -> bytes | None:
        with self._lock:
            at, key = self._known.get(name, (float("-inf"), b""))
            if self._clock() - at > _REMEMBERED_S:
                self._known.pop(name, None)
                return None
            self._known.move_to_end(name)
            return key

    def _remember(self, name: tuple[bytes, tuple[str, ...]], key: bytes) -> None:
        with self._lock:
            self._known[name] = (self._clock(), key)
            self._known.move_to_end(name)
            while len(self._known) > _MOST:
                self._known.popitem(last=False)
