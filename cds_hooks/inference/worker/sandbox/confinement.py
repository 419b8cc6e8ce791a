"""Confines the engine process: no network, no programs, no other processes, few files.

It parses an untrusted GGUF in native code, so it takes this upon itself before any thread, any
native library and any byte of the model: Landlock for files, TCP ports and signals, a seccomp
filter for the rest. Each restriction is tried, and the result is sent to the service.
"""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cds_hooks.core_dumps import forbid_dumps
from cds_hooks.inference.model_files.split_files import named_parts
from cds_hooks.inference.worker.sandbox import landlock, seccomp
from cds_hooks.inference.worker.sandbox.landlock import AllowedFiles

__all__ = ["NOT_CONFINED", "Confinement", "attempts", "confine", "files_for"]

NOT_CONFINED = "engine-not-confined"
_HERE = Path(__file__).resolve()
_OWN = _HERE.parents[3]

# The loader's and the C library's, GPU makers' libraries, which a library that was built for a GPU
# needs even where no layer is on one, and what llama.cpp and Python ask of processors and memory.
_SYSTEM = (
    "/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/local/lib", "/usr/local/cuda",
    "/opt/rocm", "/etc/ld.so.cache", "/etc/localtime", "/usr/share/zoneinfo", "/proc/self",
    "/proc/cpuinfo", "/proc/meminfo", "/proc/stat", "/sys/devices/system", "/sys/fs/cgroup",
    "/dev/urandom", "/dev/random",
)  # fmt: skip
# Vendors' drivers: device files and what names them (docs/reviewers/confinement.md).
_GPU_READ = (
    "/sys", "/proc", "/etc/vulkan", "/usr/share/vulkan", "/etc/OpenCL", "/usr/share/drirc.d",
    "/usr/share/libdrm",
)  # fmt: skip
_GPU_DEVICES = ("nvidia*", "dri", "kfd", "accel", "shm")
# NVIDIA's drivers from 570 on name their threads here, and fail where they may not
# (docs/operators/gpu.md). What else lies there is this process's own.
_GPU_THREADS = Path("/proc/self/task")


@dataclass(frozen=True, slots=True)
class Confinement:
    """`landlock` is the ABI in force, 0 for none; `seccomp` whether the filter is.

    `tried` is what happened when each forbidden thing was attempted: `refused` or `open`.
    """

    landlock: int
    seccomp: bool
    tried: Mapping[str, str]

    @property
    def holds(self) -> bool:
        """Whether everything that was tried was refused."""
        return all(result == "refused" for result in self.tried.values())

    def facts(self) -> dict[str, str]:
        """The same as words, for the service and its reports."""
        filtered = "yes" if self.seccomp else "no"
        return {"landlock": f"ABI {self.landlock}", "seccomp": filtered, **self.tried}


def confine(order: Mapping[str, Any]) -> Confinement:
    """Confine this process to what a load order names. To be called while it has one thread.

    What the kernel does not offer is left open, and shows in what is returned.
    """
    forbid_dumps()
    gpu = bool(order.get("gpu_layers"))
    locked, filtered = 0, False
    with contextlib.suppress(OSError):
        locked = landlock.restrict(files_for(order), alone=True)
    with contextlib.suppress(OSError):
        filtered = seccomp.install(local_sockets=gpu)
    return Confinement(locked, filtered, attempts())


def files_for(order: Mapping[str, Any]) -> AllowedFiles:
    """The files of a load order, of Python and of the system's libraries; the cache is written."""
    model = order.get("model")
    named = [*(named_parts(Path(model)) if model else ()), order.get("names")]
    named += [adapter.get("path") for adapter in order.get("adapters") or ()]
    libraries = os.environ.get("LD_LIBRARY_PATH", "").split(":")
    libraries.append(os.environ.get("LLAMA_CPP_LIB_PATH", ""))
    # Of the folder that our packages lie in only they are read: in a checkout, records lie there.
    ours = (_OWN, _OWN.with_name("prompts"), _OWN.with_name("fhir_mapping"))
    python = [path for path in sys.path if path and Path(path).resolve() != _OWN.parent]
    read = [*filter(None, [*named, *libraries]), *python, *_SYSTEM]
    devices = [Path("/dev/null"), Path("/dev/zero")]
    if order.get("gpu_layers"):
        read += _GPU_READ
        devices += [found for kind in _GPU_DEVICES for found in Path("/dev").glob(kind)]
        devices.append(_GPU_THREADS)
    return AllowedFiles(
        read=(*ours, *map(Path, read)),
        listed=(_OWN.parent,),
        written=_cache(order),
        devices=tuple(devices),
    )


def _cache(order: Mapping[str, Any]) -> tuple[Path, ...]:
    """The folder of what can be computed again, made now: later it could not be."""
    if not order.get("cache"):
        return ()
    folder = Path(order["cache"])
    with contextlib.suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
    return (folder,)


def attempts() -> dict[str, str]:
    """Try what must not be possible; `open` where it was, and then it is undone."""
    tries: dict[str, Callable[[], None]] = {
        "network": _speak,
        "writes": _write,
        "reads": _read,
        "programs": _execute,
        "signals": _signal,
    }
    return {name: _tried(attempt) for name, attempt in tries.items()}


def _tried(attempt: Callable[[], None]) -> str:
    try:
        attempt()
    except PermissionError:
        return "refused"
    except OSError as error:
        # A read-only file system refuses as well; anything else went past what should have.
        return "refused" if error.errno == errno.EROFS else "open"
    return "open"


def _speak() -> None:
    """A socket of the internet, of the kind that Landlock does not know."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM):
        return


def _write() -> None:
    place = Path("/tmp") / f"chartside-{os.getpid()}"  # noqa: S108 - everybody may write there
    os.close(os.open(place, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    place.unlink()


def _read() -> None:
    """A file that everybody may read and that the engine has no use for."""
    os.close(os.open(Path(sys.executable).resolve(), os.O_RDONLY))


def _execute() -> None:
    """Without a filter this says that there is no such program; the call itself must not pass."""
    os.execv("/nonexistent/chartside", ["chartside"])  # noqa: S606


def _signal() -> None:
    os.kill(os.getppid(), 0)
