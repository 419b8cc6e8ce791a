"""A seccomp filter: the system calls that the engine process has no use for answer EPERM.

Source: the kernel's `Documentation/userspace-api/seccomp_filter.rst`. The filter is classic BPF
over `struct seccomp_data` (number at 0, architecture at 4, arguments from 16 on). A deny-list, as
numerics libraries and drivers use calls that cannot be foreseen; Landlock holds independently.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import struct
import sys
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

__all__ = ["filter_for", "install"]

_AUDIT = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
_NO_NEW_PRIVS = 38
_SET_MODE_FILTER, _ALL_THREADS = 1, 1
_X32 = 0x40000000  # numbers of the other ABI of the same architecture
_CLONE_THREAD = 0x00010000
_AF_UNIX = 1

_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_ALLOW, _KILL, _ERRNO = 0x7FFF0000, 0x80000000, 0x00050000
_DENY = _ERRNO | errno.EPERM
_NUMBER, _ARCHITECTURE, _FIRST_ARGUMENT = 0, 4, 16

_Step = tuple[int, int, int, int]


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("steps", ctypes.c_char_p))


def install(*, local_sockets: bool = False) -> bool:
    """Filter every thread of this process; False where there is no seccomp or no table for it.

    `local_sockets` leaves AF_UNIX sockets, which GPU drivers need. Raises OSError.
    """
    machine = platform.machine()
    if sys.platform != "linux" or machine not in _AUDIT:
        return False
    libc = ctypes.CDLL(None, use_errno=True)
    steps = filter_for(machine, os.getpid(), local_sockets=local_sockets)
    program = _Program(len(steps) // 8, steps)
    number = _table()["by_argument"]["seccomp"][machine]
    if libc.prctl(_NO_NEW_PRIVS, 1, 0, 0, 0) < 0:
        raise OSError(ctypes.get_errno(), "no-new-privileges")
    if libc.syscall(number, _SET_MODE_FILTER, _ALL_THREADS, ctypes.byref(program)) != 0:
        if ctypes.get_errno() in {errno.ENOSYS, errno.EINVAL}:
            return False
        raise OSError(ctypes.get_errno(), "seccomp")
    return True


def filter_for(machine: str, pid: int, *, local_sockets: bool) -> bytes:
    """The filter's instructions for `x86_64` or `aarch64`. Raises KeyError for any other."""
    table = _table()
    steps = list(_begin(machine))
    for number in _denied(table, machine, local_sockets=local_sockets):
        steps += [(_EQUAL, 0, 1, number), (_RETURN, 0, 0, _DENY)]
    known = {name: numbers[machine] for name, numbers in table["by_argument"].items()}
    # Its flags lie in memory, out of a filter's sight: glibc then falls back to clone.
    steps += [(_EQUAL, 0, 1, known["clone3"]), (_RETURN, 0, 0, _ERRNO | errno.ENOSYS)]
    steps += _if_argument(known["clone"], (_ANY_BIT, 0, 1, _CLONE_THREAD))
    steps += _if_argument(known["tgkill"], (_EQUAL, 0, 1, pid))
    family = _AF_UNIX if local_sockets else 0xFFFFFFFF
    steps += _if_argument(known["socket"], (_EQUAL, 0, 1, family))
    steps.append((_RETURN, 0, 0, _ALLOW))
    return b"".join(struct.pack("=HBBI", *step) for step in steps)


def _begin(machine: str) -> Iterator[_Step]:
    yield (_LOAD, 0, 0, _ARCHITECTURE)
    yield (_EQUAL, 1, 0, _AUDIT[machine])
    yield (_RETURN, 0, 0, _KILL)
    yield (_LOAD, 0, 0, _NUMBER)
    if machine == "x86_64":
        yield (_AT_LEAST, 0, 1, _X32)
        yield (_RETURN, 0, 0, _DENY)


def _if_argument(number: int, test: _Step) -> list[_Step]:
    """Allow one call only when its first argument passes `test`, deny it otherwise."""
    return [
        (_EQUAL, 0, 4, number),
        (_LOAD, 0, 0, _FIRST_ARGUMENT),
        test,
        (_RETURN, 0, 0, _ALLOW),
        (_RETURN, 0, 0, _DENY),
    ]


def _denied(table: Mapping[str, Any], machine: str, *, local_sockets: bool) -> Iterator[int]:
    for section in table.values():
        if not isinstance(section, dict) or "calls" not in section:
            continue
        calls = section["calls"] + ([] if local_sockets else section.get("local", []))
        yield from (call[machine] for call in calls if machine in call)


def _table() -> dict[str, Any]:
    text = Path(__file__).with_name("syscalls.toml").read_text("utf-8")
    return tomllib.loads(text)
