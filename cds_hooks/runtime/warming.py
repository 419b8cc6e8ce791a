"""What a service checks behind its start, because it takes a second: the libraries of units."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable

from cds_hooks.operation import get_logger
from cds_hooks.runtime.self_check import SelfCheckFailed, check_units, require

__all__ = ["UnitsCheck"]


class UnitsCheck:
    """Loads the libraries and computes the known conversions; until then no service is ready.

    `trouble` is for `/readyz`: empty once all is well. `on_failure` is called when it is not, and
    stops the service. A chart that comes sooner loads the libraries itself, which refuse by
    themselves to be used when they do not convert.
    """

    def __init__(self) -> None:
        self.trouble = "the libraries of units are not checked yet"
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
        """Raise SelfCheckFailed if a known conversion was wrong."""
        if self._error is not None:
            raise self._error


def _check() -> None:
    require(check_units())
