"""What a service checks behind its start, because it takes a second."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable

from cds_hooks.operation import get_logger
from cds_hooks.plausibility import Terminology
from cds_hooks.runtime.self_check import SelfCheckFailed, require, slow_checks

__all__ = ["LibrariesCheck"]


class LibrariesCheck:
    """Loads libraries and tables and computes known values; no service is ready before.

    `trouble` is for `/readyz`: empty once all is well. `on_failure` is called when it is not, and
    stops the service. A chart that comes sooner loads the libraries itself; those of units refuse
    by themselves to be used when they do not convert.
    """

    def __init__(self, terminology: Terminology) -> None:
        self._terminology = terminology
        self.trouble = "libraries are not checked yet"
        self.on_failure: Callable[[], None] = lambda: None
        self._error: SelfCheckFailed | None = None

    async def run(self) -> None:
        """Check once; what is loaded then is not walked by the garbage collector again."""
        try:
            await asyncio.to_thread(self._check)
        except SelfCheckFailed as error:
            self._error, self.trouble = error, error.code
            get_logger().error("self-check-failed", code=error.code)
            self.on_failure()
        else:
            self.trouble = ""
            gc.freeze()

    def require(self) -> None:
        """Raise SelfCheckFailed if a known value was wrong."""
        if self._error is not None:
            raise self._error

    def _check(self) -> None:
        try:
            require(slow_checks(self._terminology))
        except SelfCheckFailed:
            raise
        except Exception as error:  # a task that nobody waits for would end in silence
            raise SelfCheckFailed(f"the check itself failed ({type(error).__name__})") from error
