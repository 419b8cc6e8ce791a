"""Writes exchanges beside the calls: in one thread, a few at a time, never in a call's way."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor

import orjson

from cds_hooks.capture.document import document_of
from cds_hooks.capture.exchange import Exchange
from cds_hooks.capture.folder import CaptureFolder

__all__ = ["LARGEST_BODY", "Recorder"]

LARGEST_BODY = 16 * 2**20
"""Bytes of a body past which an exchange is passed on and not written."""

_MOST_WAITING = 8


class Recorder:
    """`counts` tells what became of exchanges: written, or why not (`full`, `behind`, `too-large`,
    `not-json`, `disk`, `failed`). `served_by` is read for each file."""

    def __init__(
        self,
        folder: CaptureFolder,
        *,
        redacted: bool = True,
        served_by: Callable[[], Mapping[str, str]] = dict,
        is_term: Callable[[str], bool] = lambda _: False,
    ) -> None:
        self._folder = folder
        self._redacted = redacted
        self._served_by = served_by
        self._is_term = is_term
        self._pending: set[asyncio.Future[None]] = set()
        self._writer: ThreadPoolExecutor | None = None
        self.counts: Counter[str] = Counter()

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Takes exchanges while the block runs; what waits at its end is still written."""
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="capture")
        try:
            yield
            if self._pending:
                await asyncio.wait(self._pending)
        finally:
            writer, self._writer = self._writer, None
            writer.shutdown(wait=False, cancel_futures=True)

    def record(self, exchange: Exchange) -> None:
        """Have an exchange written; returns at once. What is too much is counted, not written."""
        if exchange.request is None or exchange.response is None:
            self.counts["too-large"] += 1
        elif self._writer is None or len(self._pending) >= _MOST_WAITING:
            self.counts["behind"] += 1
        else:
            loop = asyncio.get_running_loop()
            task = loop.run_in_executor(self._writer, self._write, exchange)
            self._pending.add(task)
            task.add_done_callback(self._pending.discard)

    def _write(self, exchange: Exchange) -> None:
        """Runs in the thread; nothing of a chart is in what it counts."""
        try:
            document = document_of(
                exchange,
                redacted=self._redacted,
                served_by=self._served_by(),
                is_term=self._is_term,
            )
            written = self._folder.write(orjson.dumps(document, option=orjson.OPT_INDENT_2))
            self.counts["written" if written else "full"] += 1
        except OSError:
            self.counts["disk"] += 1
        except ValueError:
            self.counts["not-json"] += 1
        except Exception:
            self.counts["failed"] += 1
