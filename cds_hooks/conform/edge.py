"""The calls themselves, over httpx: no redirects, no proxy, bounded in time and bytes."""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable

import httpx

from cds_hooks.conform.exchange import Answer, Call, Exchange
from cds_hooks.tls_client import certificate_told, client_context

__all__ = ["Sender"]

_LARGEST = 8 * 2**20
_BUSY_TRIES, _LONGEST_PAUSE_S = 3, 10.0


class Sender:
    """Sends calls to `base`. A service that is busy (429) is asked again after the time it says."""

    def __init__(
        self,
        base: str,
        *,
        tls: ssl.SSLContext | None = None,
        patience_s: float = 30.0,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._base = base
        self._sleep = sleep
        self._patience_s = patience_s
        self._http = httpx.Client(
            verify=tls or client_context(),
            trust_env=False,
            follow_redirects=False,
            timeout=patience_s,
            headers={"accept": "application/json"},
        )

    def __enter__(self) -> Sender:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def __call__(self, call: Call) -> Exchange:
        """The exchange; an error instead of an answer is told in it and not raised."""
        for attempt in range(_BUSY_TRIES):
            exchange = self._once(call)
            pause = exchange.header("retry-after")
            if exchange.status != 429 or not pause.isdecimal() or attempt + 1 == _BUSY_TRIES:
                break
            self._sleep(min(float(pause), _LONGEST_PAUSE_S))
        return exchange

    def _once(self, call: Call) -> Exchange:
        began = time.monotonic()
        try:
            with self._http.stream(
                call.method,
                f"{self._base}{call.path}",
                headers=dict(call.headers),
                content=call.body,
            ) as response:
                body = bytearray()
                for piece in response.iter_bytes():
                    body += piece
                    if len(body) > _LARGEST:
                        return Exchange(call, None, f"a body above {_LARGEST} bytes")
                    if time.monotonic() - began > self._patience_s:
                        return Exchange(call, None, f"a body that took {self._patience_s:.0f} s")
        except httpx.HTTPError as error:
            why = certificate_told(error) or type(error).__name__
            return Exchange(call, None, why)
        headers = {name.lower(): value for name, value in response.headers.items()}
        seconds = time.monotonic() - began
        return Exchange(call, Answer(response.status_code, headers, bytes(body), seconds))
