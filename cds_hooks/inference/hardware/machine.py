"""Processors and memory that this process may use, inside a container or out of it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Machine", "available_memory", "this_machine", "usable_processors"]

_CGROUP = Path("/sys/fs/cgroup")
_MEMINFO = Path("/proc/meminfo")


@dataclass(frozen=True, slots=True)
class Machine:
    """Processors and bytes of memory that may be used; `busy`: others use half of them or more."""

    processors: int
    memory: int | None
    busy: bool


def this_machine() -> Machine:
    """The machine as it is now."""
    processors = usable_processors()
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
    return Machine(processors, available_memory(), load >= processors / 2)


def usable_processors(cgroup: Path = _CGROUP) -> int:
    """Processors that this process may run on, no more than its control group's quota.

    Threads beyond the quota make llama.cpp slower, not faster. Source of the format: the kernel's
    `Documentation/admin-guide/cgroup-v2.rst`, `cpu.max`.
    """
    has_affinity = hasattr(os, "sched_getaffinity")
    count = len(os.sched_getaffinity(0)) if has_affinity else os.cpu_count() or 1
    quota, _, period = _text(cgroup / "cpu.max").partition(" ")
    if quota.isdigit() and period.isdigit() and int(period):
        count = min(count, int(quota) // int(period))
    return max(count, 1)


def available_memory(cgroup: Path = _CGROUP, meminfo: Path = _MEMINFO) -> int | None:
    """Bytes that can be had without swapping, or None where this machine does not tell."""
    found = []
    for line in _text(meminfo).splitlines():
        key, _, value = line.partition(":")
        if key == "MemAvailable":
            found.append(int(value.split()[0]) * 1024)
    limit, used = _text(cgroup / "memory.max"), _text(cgroup / "memory.current")
    if limit.isdigit() and used.isdigit():
        found.append(max(int(limit) - int(used), 0))
    return min(found, default=None)


def _text(path: Path) -> str:
    try:
        return path.read_text("ascii").strip()
    except (OSError, UnicodeDecodeError):
        return ""
