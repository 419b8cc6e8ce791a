"""Landlock by its three system calls: a thread gives up files, TCP ports and signals for good.

Source: the kernel's `Documentation/userspace-api/landlock.rst` and `include/uapi/linux/landlock.h`.
What a kernel does not know yet is left out of the request, so callers ask `abi()` what they got.
"""

from __future__ import annotations

import ctypes
import os
import struct
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

__all__ = ["AllowedFiles", "abi", "restrict"]

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446  # the same on every architecture
_ASK_VERSION = 1
_PATH_BENEATH, _NET_PORT = 1, 2
_NO_NEW_PRIVS = 38

_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1, 1 << 1, 1 << 2, 1 << 3
_REMOVE_FILE, _MAKE_REG = 1 << 5, 1 << 8
_REFER, _TRUNCATE, _IOCTL_DEV = 1 << 13, 1 << 14, 1 << 15
_FIRST_FILES = (1 << 13) - 1
_ON_A_FILE = _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE | _IOCTL_DEV
_BIND_TCP, _CONNECT_TCP = 1, 2
_ABSTRACT_SOCKETS, _SIGNALS = 1, 2

_READ = _READ_FILE | _READ_DIR
_WRITE = _READ | _WRITE_FILE | _REMOVE_FILE | _MAKE_REG | _TRUNCATE
_DEVICE = _READ | _WRITE_FILE | _IOCTL_DEV


@dataclass(frozen=True, slots=True)
class AllowedFiles:
    """What may be touched: read, listed (names only), written into, or used as a device.

    A folder stands for all that is beneath it; what does not exist is passed over. Nothing may be
    executed.
    """

    read: tuple[Path, ...] = ()
    listed: tuple[Path, ...] = ()
    written: tuple[Path, ...] = ()
    devices: tuple[Path, ...] = ()

    def rules(self) -> Iterable[tuple[Path, int]]:
        """Each path with the rights on it."""
        yield from ((path, _READ) for path in self.read)
        yield from ((path, _READ_DIR) for path in self.listed)
        yield from ((path, _WRITE) for path in self.written)
        yield from ((path, _DEVICE) for path in self.devices)


def abi() -> int:
    """The version of Landlock that this kernel offers; 0 where there is none."""
    if sys.platform != "linux":
        return 0
    found = ctypes.CDLL(None).syscall(_CREATE_RULESET, None, ctypes.c_size_t(0), _ASK_VERSION)
    return max(int(found), 0)


def restrict(files: AllowedFiles | None, *, ports: Iterable[int] = (), alone: bool = False) -> int:
    """Restrict this thread and all it begins; the ABI that did it, 0 where there is none.

    With `files` nothing else can be opened. TCP connections go to `ports` alone, from ABI 4 on.
    `alone` also keeps it from binding TCP ports (4) and from signalling, or reaching the abstract
    sockets of, other processes (6). Raises OSError.
    """
    known = abi()
    if known == 0:
        return 0
    nets = (_CONNECT_TCP | (_BIND_TCP if alone else 0)) if known >= 4 else 0
    scope = (_ABSTRACT_SOCKETS | _SIGNALS) if alone and known >= 6 else 0
    handled = _files_of(known) if files is not None else 0
    if not handled and not nets:
        return 0
    ruleset = _ruleset(known, handled, nets, scope)
    try:
        for path, rights in files.rules() if files is not None else ():
            _allow_path(ruleset, path, rights & handled)
        for port in ports if nets else ():
            _add(ruleset, _NET_PORT, struct.pack("=QQ", _CONNECT_TCP, port))
        _call(ctypes.CDLL(None, use_errno=True).prctl, _NO_NEW_PRIVS, 1, 0, 0, 0)
        _syscall(_RESTRICT_SELF, ctypes.c_int(ruleset), ctypes.c_uint32(0))
    finally:
        os.close(ruleset)
    return known


def _files_of(known: int) -> int:
    later = ((2, _REFER), (3, _TRUNCATE), (5, _IOCTL_DEV))
    return _FIRST_FILES | sum(right for since, right in later if known >= since)


def _ruleset(known: int, files: int, nets: int, scope: int) -> int:
    size = 8 if known < 4 else 16 if known < 6 else 24
    attributes = struct.pack("=QQQ", files, nets, scope)[:size]
    return _syscall(_CREATE_RULESET, attributes, ctypes.c_size_t(size), ctypes.c_uint32(0))


def _allow_path(ruleset: int, path: Path, rights: int) -> None:
    try:
        place = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    try:
        rights &= -1 if Path(path).is_dir() else _ON_A_FILE
        if rights:
            _add(ruleset, _PATH_BENEATH, struct.pack("=Qi", rights, place))
    finally:
        os.close(place)


def _add(ruleset: int, kind: int, rule: bytes) -> None:
    _syscall(_ADD_RULE, ctypes.c_int(ruleset), ctypes.c_int(kind), rule, ctypes.c_uint32(0))


def _syscall(number: int, *arguments: object) -> int:
    return _call(ctypes.CDLL(None, use_errno=True).syscall, number, *arguments)


def _call(function: ctypes._NamedFuncPointer, *arguments: object) -> int:
    result = int(function(*arguments))
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result
