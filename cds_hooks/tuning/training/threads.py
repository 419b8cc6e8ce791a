"""How many threads compute: threads of one small model wait for each other at every layer."""

from __future__ import annotations

from cds_hooks.inference.hardware.machine import Machine, this_machine

__all__ = ["threads_to_use"]


def threads_to_use(wanted: int, machine: Machine | None = None) -> int:
    """`wanted`; of 0 one a processor, and one alone on a machine that others use."""
    found = machine or this_machine()
    return wanted or (1 if found.busy else found.processors)
