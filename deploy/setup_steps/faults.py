"""Names the cause of a fault, and looks for what would end a set-up before it begins."""

from __future__ import annotations

import errno
import os
import re
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from setup_steps.errors import SetupError

__all__ = ["cause_of", "explain_os_error", "nearest_folder", "require_space"]

MEGABYTE = 10**6


class Cause(NamedTuple):
    """A known fault: its code, how it shows in a program's output, and what to do."""

    code: str
    pattern: str
    advice: str


# In this order: a full disk and a missing network end in many other complaints.
CAUSES: Sequence[Cause] = (
    Cause(
        "disk-full",
        r"No space left on device|\[Errno 28\]|os error 28|Disk quota exceeded"
        r"|database or disk is full",
        "A disk is full. Free space in the checkout's folder, in the folder for temporary files "
        "(TMPDIR) and in the cache folder (XDG_CACHE_HOME), and run set-up again: it goes on "
        "where it stopped.",
    ),
    Cause(
        "memory-full",
        r"Killed signal terminated program|internal compiler error: Killed"
        r"|virtual memory exhausted|cannot allocate memory|MemoryError",
        "The memory did not suffice. End other programs, or compile on one core: "
        "CMAKE_BUILD_PARALLEL_LEVEL=1 make setup",
    ),
    Cause(
        "certificate-not-trusted",
        r"CERTIFICATE_VERIFY_FAILED|certificate verify failed|invalid peer certificate"
        r"|UnknownIssuer",
        "The package index shows a certificate that this machine does not trust. Behind a proxy "
        "that opens TLS, name its certificate authority: PIP_CERT=/path/ca.pem "
        "SSL_CERT_FILE=/path/ca.pem make setup",
    ),
    Cause(
        "no-network",
        r"name resolution|Name or service not known|NewConnectionError|ConnectTimeout|dns error"
        r"|Failed to establish a new connection|Network is unreachable|Connection refused"
        r"|Read timed out|ProxyError|Tunnel connection failed|error sending request"
        r"|client error \(Connect\)|Could not connect|operation timed out",
        "The package index cannot be reached. The first set-up installs pinned packages and needs "
        "a network, a proxy (HTTPS_PROXY) or a mirror of the index inside yours (PIP_INDEX_URL "
        "and UV_DEFAULT_INDEX). Set it and run set-up again: what was done is kept.",
    ),
    Cause(
        "digest-mismatch",
        r"DO NOT MATCH THE HASHES|Hash mismatch",
        "The package index delivered another file than the one that is pinned by its digest, so "
        "it was not installed. Try again; if it stays so, a proxy or a mirror changes files.",
    ),
    Cause(
        "package-missing",
        r"No matching distribution found|Could not find a version that satisfies"
        r"|was not found in the package registry|No solution found when resolving",
        "The package index does not have a pinned version. A mirror must hold every package of "
        "deploy/locks, llama-cpp-python as its source archive.",
    ),
    Cause(
        "ensurepip-missing",
        r"ensurepip is not available|No module named '?(ensurepip|venv)",
        "This Python cannot make virtual environments: install your distribution's python3-venv "
        "package.",
    ),
    Cause(
        "compiler-missing",
        r"No CMAKE_C(XX)?_COMPILER could be found|compiler identification is unknown",
        "CMake finds no C and C++ compiler.",
    ),
    Cause(
        "gpu-tool-missing",
        r"No CMAKE_(CUDA|HIP)_COMPILER could be found|CUDA Toolkit not found|CUDA::\w+"
        r"|Could NOT find Vulkan|provided by \"(SPIRV-Headers|hip|hipblas|rocblas)\""
        r"|ROCM/HIP V[0-9.]+ is required|is not a member of .vk.",
        "CMake or the compiler misses a part of the GPU's development kit, or finds one that is "
        "too old: docs/operators/gpu.md lists what each backend needs.",
    ),
)  # fmt: skip


def cause_of(output: str) -> str | None:
    """The named cause that a program's output tells of, with what to do, or None."""
    for cause in CAUSES:
        if re.search(cause.pattern, output, re.IGNORECASE):
            return f"{cause.code}: {cause.advice}"
    return None


def nearest_folder(path: Path) -> Path:
    """The path itself if it exists, else the nearest folder above that does."""
    return next((place for place in (path, *path.parents) if place.exists()), Path("/"))


def require_space(
    needs: Mapping[Path, int], free_bytes: Callable[[Path], int] | None = None
) -> None:
    """Refuse to begin what a disk has no space for. `needs` holds MB (10^6 bytes) by folder.

    Folders on the same file system are counted together. Raises SetupError.
    """
    measure = free_bytes or (lambda folder: shutil.disk_usage(folder).free)
    disks: dict[int, list[Path]] = {}
    for folder in needs:
        disks.setdefault(nearest_folder(folder).stat().st_dev, []).append(folder)
    for folders in disks.values():
        needed = sum(needs[folder] for folder in folders)
        free = measure(nearest_folder(folders[0])) // MEGABYTE
        if free < needed:
            raise SetupError(_no_space(folders, needed, free))


def _no_space(folders: Sequence[Path], needed: int, free: int) -> str:
    listed = ", ".join(str(folder) for folder in folders)
    return (
        f"disk-full: this step needs about {needed} MB for {listed}, and {free} MB are free "
        "there. Free space, or put what is there elsewhere (the checkout; temporary files by "
        "TMPDIR; the cache by XDG_CACHE_HOME), and run set-up again."
    )


def explain_os_error(error: OSError) -> str:
    """What a refused file operation of set-up's own means, and what to do."""
    where = error.filename or "a file"
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        folder = nearest_folder(Path(os.fsdecode(where))) if error.filename else Path.cwd()
        free = shutil.disk_usage(folder).free // MEGABYTE
        return (
            f"disk-full: {where} could not be written, {free} MB are free on its disk. Free "
            "space and run set-up again: it goes on where it stopped."
        )
    if error.errno == errno.EROFS:
        return (
            f"folder-not-writable: {where} is on a file system that is mounted read-only. Set the "
            "checkout up where it can be written, or mount it so, and run set-up again."
        )
    if error.errno in {errno.EACCES, errno.EPERM}:
        return (
            f"folder-not-writable: {where} cannot be written by this user ({error.strerror}). "
            "Run set-up as the user that owns the checkout, or give the checkout to this one "
            "(chown -R), or copy it to a folder of your own."
        )
    return f"file-fault: {where}: {error.strerror or error}."
