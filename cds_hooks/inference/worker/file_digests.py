"""The digests of the files to load, measured in a thread while the process still imports."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

from cds_hooks.inference.model_files.gguf import sha256_of
from cds_hooks.inference.model_files.split_files import named_parts

__all__ = ["start_hashing"]


def start_hashing(order: Mapping[str, Any]) -> Future[dict[str, str]]:
    """SHA-256 by path of the model, in all its parts, and the adapters that a load order names.

    What goes wrong (OSError, or a frame that is no load order) is raised by the future's `result`.
    """
    worker = ThreadPoolExecutor(1, "digests")
    future = worker.submit(_measure, order)
    worker.shutdown(wait=False)
    return future


def _measure(order: Mapping[str, Any]) -> dict[str, str]:
    # A part that is missing is told by name when the headers are read.
    parts = [part for part in named_parts(Path(order["model"])) if part.exists()]
    paths = [*(parts or [order["model"]]), *(adapter["path"] for adapter in order["adapters"])]
    return {str(path): sha256_of(Path(path)) for path in paths}
