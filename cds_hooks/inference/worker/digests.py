"""The digests of the files to load, measured in a thread while the process still imports."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

from cds_hooks.inference.gguf import sha256_of

__all__ = ["hashed"]


def hashed(order: Mapping[str, Any]) -> Future[dict[str, str]]:
    """SHA-256 by path of the model and the adapters that a load order names.

    What goes wrong (OSError, or a frame that is no load order) is raised by the future's `result`.
    """
    worker = ThreadPoolExecutor(1, "digests")
    future = worker.submit(_measure, order)
    worker.shutdown(wait=False)
    return future


def _measure(order: Mapping[str, Any]) -> dict[str, str]:
    paths = [order["model"], *(adapter["path"] for adapter in order["adapters"])]
    return {str(path): sha256_of(Path(path)) for path in paths}
