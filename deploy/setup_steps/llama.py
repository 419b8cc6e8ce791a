"""How llama.cpp is compiled, and by what a compiled wheel is known."""

from __future__ import annotations

import hashlib
import os
import platform
import re
import shlex
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType

from setup_steps import machine
from setup_steps.backends import CPU, PROCESSOR, Choice
from setup_steps.faults import require_space
from setup_steps.gpu_tools import found_tools
from setup_steps.layout import Layout
from setup_steps.process import BuildProgress, Words, run
from setup_steps.wheels import kept_wheel

__all__ = ["NATIVE", "PORTABLE", "Build", "build_key", "llama_wheel", "on_backend", "split_lock"]

SMALL = (
    "-DLLAVA_BUILD=OFF",
    "-DLLAMA_BUILD_TOOLS=OFF",
    "-DLLAMA_BUILD_SERVER=OFF",
    "-DLLAMA_BUILD_APP=OFF",
    "-DLLAMA_BUILD_TESTS=OFF",
    "-DLLAMA_BUILD_EXAMPLES=OFF",
    "-DLLAMA_OPENSSL=OFF",
)
"""Only the library: no pictures, no programs, no downloads. The helpers that only those use are
left out by deploy/llama.cmake."""

NO_AMX = ("-mno-amx-tile", "-mno-amx-int8", "-mno-amx-bf16")
"""ggml's AMX code crashes at the first decode when GCC 12 compiled it: the compiler drops stores
to the tile configuration (ggml-org/llama.cpp issue 20824). ggml compiles the code only where the
compiler has AMX on, so taking it from the compiler leaves the code out. AVX-512, VNNI and BF16
stay."""

SETTINGS = re.compile(r"CC|CXX|(C|CXX|LD)FLAGS|CMAKE_.*|SKBUILD_.*|SOURCE_DATE_EPOCH")
"""Variables of the environment that change what is compiled."""
HARMLESS = {"CMAKE_BUILD_PARALLEL_LEVEL"}

SPACE_TEMPORARY = 450
SPACE_CACHE = 60
"""MB that a build takes, measured: sources and objects, the wheel with its copy."""


@dataclass(frozen=True, slots=True)
class Build:
    """A kind of build: CMake's switches, whether the result suits this processor only, and the
    backend beside the processor's."""

    name: str
    switches: tuple[str, ...]
    native: bool
    backend: Choice = PROCESSOR


NATIVE = Build("native", ("-DGGML_NATIVE=ON",), native=True)
PORTABLE = Build(
    "portable",
    (
        "-DGGML_NATIVE=OFF",
        "-DGGML_SSE42=ON",
        *(f"-DGGML_{feature}=OFF" for feature in ("AVX", "AVX2", "FMA", "F16C", "BMI2")),
    ),
    native=False,
)
"""For every x86-64 processor since 2009 (x86-64-v2); elsewhere the architecture's own baseline."""


def on_backend(build: Build, backend: Choice) -> Build:
    """The same build with a backend beside the processor's."""
    if backend.name == CPU:
        return build
    switches = (*build.switches, *backend.switches)
    return replace(build, name=f"{build.name}, {backend.name}", switches=switches, backend=backend)


def build_environment(
    build: Build,
    include: Path,
    environ: Mapping[str, str],
    architecture: str,
    tools: Mapping[str, str] = MappingProxyType({}),
) -> dict[str, str]:
    """The environment of a build: our switches first, so that those of the user win.

    `tools` are variables that tell CMake where a GPU's tools lie.
    """
    made = {**tools, **environ}
    ours = [*SMALL, f"-DCMAKE_PROJECT_llama.cpp_INCLUDE={include}", *build.switches]
    made["CMAKE_ARGS"] = f"{shlex.join(ours)} {environ.get('CMAKE_ARGS', '')}".strip()
    if architecture in {"x86_64", "AMD64"}:
        for variable, flags in (("CC", "CFLAGS"), ("CXX", "CXXFLAGS")):
            known = machine.known_flags(NO_AMX, variable, environ)
            made[flags] = " ".join([*known, environ.get(flags, "")]).strip()
    return made


def build_key(
    layout: Layout, build: Build, environ: Mapping[str, str], features: str | None = None
) -> str:
    """What a wheel is known by: a digest of all that it depends on.

    Sources, build tools, switches, flags, the C library, for a native build the processor, and for
    a backend beside the processor's its name and what of the environment decides it.
    """
    own = features if features is not None else machine.processor_features()
    named = {
        name: value
        for name, value in sorted(environ.items())
        if SETTINGS.fullmatch(name) and name not in HARMLESS
    }
    parts = [
        _split(layout)[0],
        (layout.locks / "build.txt").read_text(encoding="utf-8"),
        layout.cmake_include.read_text(encoding="utf-8"),
        repr((SMALL, NO_AMX, build.switches, named)),
        machine.c_library(),
        own if build.native else own.split()[0],
        *_backend_parts(build.backend, environ),
    ]
    digest = hashlib.sha256()
    for part in parts:
        digest.update(f"{len(part)}:{part}".encode())
    return digest.hexdigest()[:16]


def _backend_parts(backend: Choice, environ: Mapping[str, str]) -> list[str]:
    """Nothing for the processor alone: its wheels keep the names that they had."""
    if backend.name == CPU:
        return []
    pattern = backend.environment
    named = {
        name: value
        for name, value in sorted(environ.items())
        if pattern is not None and pattern.fullmatch(name)
    }
    return [backend.name, repr(named)]


def _split(layout: Layout) -> tuple[str, str]:
    """The lock file in two: the one package that is compiled, and all the others."""
    text = (layout.locks / "dev.txt").read_text(encoding="utf-8")
    blocks = re.split(r"(?m)^(?=[a-z0-9])", text)
    llama = [block for block in blocks if block.startswith("llama-cpp-python==")]
    rest = [block for block in blocks if block not in llama]
    return "".join(llama), "".join(rest)


def split_lock(layout: Layout) -> tuple[Path, Path]:
    """Lock files of the compiled package and of all the others, written to the build folder."""
    paths = layout.build / "lock-llama.txt", layout.build / "lock-rest.txt"
    for path, text in zip(paths, _split(layout), strict=True):
        path.write_text(text, encoding="utf-8")
    return paths


def llama_wheel(layout: Layout, build: Build, environ: Mapping[str, str] = os.environ) -> Path:
    """The wheel of llama.cpp for this build, compiled where none is kept. Raises SetupError."""

    def compile_into(folder: Path) -> None:
        machine.require_compilers(environ)
        tools = found_tools(build.backend, environ)
        temporary = Path(tempfile.gettempdir())
        more = build.backend.megabytes
        require_space({temporary: SPACE_TEMPORARY + more, layout.cache: SPACE_CACHE + more // 2})
        told = "".join(f" with {version}" for version in tools.versions)
        print(f"  llama.cpp is compiled ({build.name} build{told}): once, some minutes", flush=True)
        lock, _ = split_lock(layout)
        include, architecture = layout.cmake_include, platform.machine()
        made = build_environment(build, include, environ, architecture, tools.variables)
        run(layout, _command(layout, lock, folder), BuildProgress(), made)

    return kept_wheel(layout.cache, build_key(layout, build, environ), compile_into)


def _command(layout: Layout, lock: Path, folder: Path) -> Sequence[str | Path]:
    pip: Words = [layout.python, "-m", "pip", "--disable-pip-version-check", "wheel", "-v"]
    tools = layout.locks / "build.txt"
    pinned: Words = ["--no-deps", "--require-hashes", "-r", lock, "--build-constraint", tools]
    # pip's own cache knows a wheel by its sources alone: it gives back what other flags built,
    # even where binary packages are forbidden.
    return [*pip, "--no-cache-dir", *pinned, "-w", folder]
