"""No core dump of a process that holds charts.

A limit of 0 keeps the kernel from writing a file; a program that `core_pattern` names is started
whatever the limit is. A process that is not dumpable is given to neither, and no other process of
the same user may look into its memory (prctl(2), PR_SET_DUMPABLE; core(5)).
"""

from __future__ import annotations

import contextlib
import ctypes
import resource
import sys

__all__ = ["forbid_dumps"]

_PR_SET_DUMPABLE = 4


def forbid_dumps() -> None:
    """For this process, for good; children inherit the limit and must ask for the rest."""
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
