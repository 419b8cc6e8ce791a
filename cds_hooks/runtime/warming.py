"""What a service checks behind its start, because it takes a second: units and documents."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable

from cds_hooks.operation import get_logger
from cds_hooks.runtime.self_check import SelfCheckFailed, require, slow_checks

__all__ = ["LibrariesCheck"]


class LibrariesCheck:
    """Loads the libraries and computes known values with them; until then no service is ready.

    `trouble` is for `/readyz`: empty once all is well. `on_failure` is called when it is not, and
    stops the service. A chart that comes sooner loads the libraries itself; those of units refuse
    by themselves to be used when they do not convert.
    """

    def __init__(self) -> None:
        self.trouble = "libraries are not checked yet"
        self.on_failure: Callable[[], None] = lambda: None
        self._error: SelfCheckFailed | None = None

    async def run(self) -> None:
        """Check once; what is loaded then is not walked by the garbage collector again."""
        try:
            await asyncio.to_thread(_check)
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


def _check() -> None:
    require(slow_checks())
