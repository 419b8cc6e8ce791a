"""The egress lock: whether this process may look a name up, connect, listen or start a program.

It decides, counts and tells; `hook.py` puts it beneath everything that Python code does, and
`transport.py` in front of an HTTP client. Safe for many threads.
"""

from __future__ import annotations

import re
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Never

from cds_hooks.trust.egress.addresses import as_address
from cds_hooks.trust.egress.destinations import AllowList
from cds_hooks.trust.egress.egress_errors import EgressRefused

__all__ = ["EgressLock", "Program", "RefusedAccess", "Way"]

Way = Literal[
    "address",
    "certificate",
    "connect",
    "listen",
    "lookup",
    "program",
    "redirect",
    "request",
    "send",
]

# A connection follows its lookup at once; a checked address is good for that long.
_CHECKED_S = 60.0
_MOST_CHECKED = 4096
# The same refusal is told once in that time, and always counted.
_TELL_AGAIN_S = 60.0
_MOST_TOLD = 1024
_SAYABLE = re.compile(r"[A-Za-z0-9/][A-Za-z0-9._:/-]{0,199}")


@dataclass(frozen=True, slots=True)
class RefusedAccess:
    """What was refused: only how, the host (or program, or `other`) and the port; and `why`, of a
    server's certificate."""

    way: Way
    host: str
    port: int = 0
    why: str = ""


@dataclass(frozen=True, slots=True)
class Program:
    """A Python module that may be started as a process of its own by this interpreter."""

    executable: str
    module: str

    def is_run_by(self, executable: str, arguments: Sequence[Any]) -> bool:
        """Whether these arguments start it, and nothing else."""
        words = [str(argument) for argument in arguments]
        if executable != self.executable or "-m" not in words:
            return False
        options, module = words[1 : words.index("-m")], words[words.index("-m") + 1 :][:1]
        return set(options) <= {"-P", "-s"} and module == [self.module]


class EgressLock:
    """Decides by an allow-list. `listeners` are the (host, port) to bind, port 0 for any.

    `tell` hears of refusals, each of a kind once a minute. `clock` gives monotonic seconds.
    """

    def __init__(
        self,
        allowed: AllowList,
        *,
        listeners: Iterable[tuple[str, int]] = (),
        programs: Iterable[Program] = (),
        tell: Callable[[RefusedAccess], None] = lambda _: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.allowed = allowed
        self.tell = tell
        self._listeners = frozenset(listeners)
        self._programs = tuple(programs)
        self._clock = clock
        self._checked: dict[tuple[str, int], float] = {}
        self._told: dict[RefusedAccess, float] = {}
        self._counts: Counter[str] = Counter()
        self._mutex = threading.Lock()
        self._telling = threading.local()

    @property
    def counts(self) -> dict[str, int]:
        """Refusals so far, by way."""
        with self._mutex:
            return dict(self._counts)

    def lookup(self, host: str) -> None:
        """A name shall be resolved: only a listed one, as a lookup tells a name server of it."""
        if as_address(host) is None and not self.allowed.names(host):
            self.refuse("lookup", host)

    def resolved(self, host: str, addresses: Iterable[str]) -> frozenset[str]:
        """Those of a listed name's addresses that may be connected to, for a while, on its ports.

        Raises EgressRefused when there were some and none is fit. What is an address and no name
        comes back as it is: `connect` looks at it.
        """
        given = frozenset(addresses)
        if as_address(host) is not None:
            return given
        fit = {text: ports for text in given if (ports := self._ports(host, text))}
        if given and not fit:
            self.refuse("address", host)
        now = self._clock()
        with self._mutex:
            if len(self._checked) > _MOST_CHECKED:
                self._checked = {k: ends for k, ends in self._checked.items() if ends > now}
            for text, ports in fit.items():
                self._checked |= dict.fromkeys(
                    ((str(as_address(text)), port) for port in ports), now + _CHECKED_S
                )
        return frozenset(fit)

    def _ports(self, host: str, text: str) -> tuple[int, ...]:
        """The ports on which a listed name may be spoken to at this address."""
        address = as_address(text)
        if address is None:
            return ()
        listed = self.allowed.names(host)
        return tuple(item.port for item in listed if not self.allowed.unfit(item, address))

    def connect(self, host: str, port: int, *, datagram: bool = False) -> None:
        """A socket shall speak to an address: a listed one, or one that a listed name led to.

        A name is refused here: the C library would resolve it behind the check.
        """
        address = as_address(host)
        way: Way = "send" if datagram else "connect"
        if address is None:
            self.refuse(way, host, port)
        schemes = {d.scheme for d in self.allowed.names(str(address)) if d.port == port}
        if (schemes & {"udp"}) if datagram else (schemes - {"udp"}):
            return
        if self._checked.get((str(address), port), float("-inf")) < self._clock():
            self.refuse(way, host, port)

    def local(self, path: str) -> None:
        """A socket of this machine's file system shall be spoken to."""
        if not self.allowed.unix(path):
            self.refuse("connect", path)

    def listen(self, host: str, port: int) -> None:
        """An address shall be bound: the service's own and no other."""
        if (host, port) not in self._listeners and (host, 0) not in self._listeners:
            self.refuse("listen", host, port)

    def program(self, executable: str, arguments: Sequence[Any]) -> None:
        """A program shall be started: what it does would be beyond this lock."""
        if not any(known.is_run_by(executable, arguments) for known in self._programs):
            self.refuse("program", executable.rpartition("/")[2])

    def request(self, scheme: str, host: str, port: int) -> None:
        """An HTTP request shall be made."""
        if not self.allowed.url(scheme, host, port):
            self.refuse("request", host, port)

    def refuse(self, way: Way, host: str, port: int = 0) -> Never:
        """Count, tell and raise EgressRefused."""
        self.record(RefusedAccess(way, host if _SAYABLE.fullmatch(host) else "other", port))
        hint = "If it is inside your network, list it under [egress] allow."
        raise EgressRefused(
            f"a way out ({way}) is not on the list", where="egress.allow", hint=hint
        )

    def record(self, refusal: RefusedAccess) -> None:
        """Count and tell of a refusal that ends otherwise than by raising."""
        with self._mutex:
            self._counts[refusal.way] += 1
            now = self._clock()
            fresh = now - self._told.get(refusal, float("-inf")) >= _TELL_AGAIN_S
            if fresh and len(self._told) >= _MOST_TOLD:
                self._told.clear()
            if fresh:
                self._told[refusal] = now
        # Whoever is told may itself try a way out (a log handler): that is counted and no more.
        if fresh and not getattr(self._telling, "now", False):
            self._telling.now = True
            try:
                self.tell(refusal)
            finally:
                self._telling.now = False
