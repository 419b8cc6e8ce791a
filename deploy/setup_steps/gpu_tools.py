"""What a GPU backend's build needs is looked for before it begins, and named where it is missing."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from setup_steps import machine
from setup_steps.backends import Choice, require_system
from setup_steps.errors import SetupError

__all__ = ["Tools", "found_tools"]

Need = Mapping[str, Any]
_LIBRARIES = ("lib64", "lib", "lib64/stubs", "lib/stubs")


@dataclass(frozen=True, slots=True)
class Tools:
    """What was found: `versions` in words, for whoever waits, and `variables` for the build."""

    versions: tuple[str, ...]
    variables: Mapping[str, str]


def found_tools(
    choice: Choice, environ: Mapping[str, str], os_release: Path = machine.OS_RELEASE
) -> Tools:
    """Everything that a backend's build needs. Raises SetupError, which names what is missing.

    A site that names its tools to CMake itself (CMAKE_ARGS) is believed: CMake looks again.
    """
    require_system(choice)
    programs: dict[str, Path] = {}
    versions, variables = [], {}
    for need in choice.needs:
        if "unless" in need and re.search(need["unless"], environ.get("CMAKE_ARGS", "")):
            continue
        if "program" in need:
            path = _program(need, environ, os_release)
            programs[need["program"]] = path
            versions.append(_checked_version(need, path, environ, os_release))
            variables |= _variables(need, path, environ)
        else:
            _require_compiled(need, programs, environ, os_release)
    if choice.name == "cuda":
        _require_working_nvcc(programs["nvcc"], choice.arch, environ)
    return Tools(tuple(versions), variables)


def _program(need: Need, environ: Mapping[str, str], os_release: Path) -> Path:
    """Where a program is: as a variable names it, on the path, else where it usually lies."""
    own = environ.get(need.get("variable", ""), "")
    sdk = environ.get("VULKAN_SDK", "")
    folders = [f"{sdk}/bin"] if sdk else []
    places = [*folders, environ.get("PATH", os.defpath), *need.get("folders", ())]
    found = shutil.which(own or need["program"], path=os.pathsep.join(places))
    if found is None:
        named = f" at {own}" if own else ""
        raise _missing(need, f"{need['program']} was not found{named}", os_release)
    return Path(found)


def _checked_version(need: Need, path: Path, environ: Mapping[str, str], os_release: Path) -> str:
    """What a program says of its version. Raises SetupError where it is too old or not told."""
    wanted = need.get("version")
    arguments = wanted["arguments"] if wanted else ["--version"]
    said = _said([str(path), *arguments], environ)
    if wanted is None:
        return next(iter(said.strip().splitlines()), need["program"])
    found = re.search(wanted["pattern"], said)
    if found is None:
        first = next(iter(said.strip().splitlines()), "nothing")
        raise SetupError(
            f"gpu-tool-broken: {shlex.join([str(path), *arguments])} does not tell its version "
            f"({first[:200]})."
        )
    version = [int(part) for part in found.groups()]
    if version < wanted["least"]:
        told, least = (".".join(map(str, each)) for each in (version, wanted["least"]))
        raise SetupError(
            f"gpu-tool-too-old: {path} is {told}, and llama.cpp needs {least} or later. "
            f"{_advice(need, os_release)}"
        )
    return f"{need['program']} {found[0]}"


def _variables(need: Need, path: Path, environ: Mapping[str, str]) -> dict[str, str]:
    """What CMake reads of a program's place; what the user has set stays."""
    made = {need["variable"]: str(path)} if "variable" in need else {}
    for name, how in need.get("sets", {}).items():
        made[name] = _said([str(path), *how["arguments"]], environ).strip() + how["end"]
    return {name: value for name, value in made.items() if name not in environ}


def _require_compiled(
    need: Need, programs: Mapping[str, Path], environ: Mapping[str, str], os_release: Path
) -> None:
    """Refuse where the compiler does not find the headers, or the linker the library."""
    includes, libraries = zip(*_places(need, programs, environ), strict=True)
    if lacking := _lacking(need, [f"-I{each}" for each in includes], environ):
        raise _missing(need, lacking, os_release)
    if "library" in need:
        linking = [*(f"-L{each}" for each in libraries), f"-l{need['library']}"]
        if _compiled("int main() {}", linking, environ, linked=True):
            raise _missing(need, f"the linker does not find -l{need['library']}", os_release)


def _lacking(need: Need, flags: Sequence[str], environ: Mapping[str, str]) -> str:
    """What of a need's headers the compiler misses, in words; empty if nothing."""
    headers, macros = need["headers"], need.get("macros", ())
    lines = [f"#if !__has_include(<{each}>)\n#error no:{each}\n#endif" for each in headers]
    said = _compiled("\n".join(lines), flags, environ)
    if missing := [header for header in headers if f"no:{header}" in said]:
        return f"the compiler does not find {', '.join(missing)}"
    lines = [f"#include <{headers[0]}>"]
    lines += [f"#ifndef {each}\n#error no:{each}\n#endif" for each in macros]
    said = said or (_compiled("\n".join(lines), flags, environ) if macros else "")
    if old := [macro for macro in macros if f"no:{macro}" in said]:
        return f"the headers are too old: they do not know {', '.join(old)}"
    return said


def _places(
    need: Need, programs: Mapping[str, Path], environ: Mapping[str, str]
) -> Iterator[tuple[Path, Path]]:
    """Where headers and libraries may lie besides the compiler's own places."""
    beside = need.get("beside", "")
    if beside in programs:
        root = _root_of(programs[beside])
        for home in (root, *sorted(root.glob("targets/*"))):
            yield from ((home / "include", home / folder) for folder in _LIBRARIES)
    else:
        root = Path(environ.get(beside) or "/usr")
        yield root / "include", root / "lib"


def _root_of(program: Path) -> Path:
    """The toolkit that a program belongs to: a script on the path may only call it."""
    usual = [Path("/usr/local/cuda"), Path("/opt/cuda"), Path("/opt/rocm")]
    own = program.resolve().parents[1]
    calls = [each for each in usual if (each / "bin" / program.name).exists()]
    whole = (own / "include").is_dir() and own not in {Path("/usr/local"), Path("/usr")}
    return own if whole or not calls else calls[0]


def _compiled(
    text: str, flags: Sequence[str], environ: Mapping[str, str], *, linked: bool = False
) -> str:
    """What the C++ compiler complains of; empty if it is content. None there is found before."""
    command = machine.compiler("CXX", environ) or ["c++"]
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "probe.cpp", Path(folder) / "probe.out"
        source.write_text(f"{text}\n", encoding="ascii")
        how = ["-o", str(target), str(source)] if linked else ["-fsyntax-only", str(source)]
        said = _run([*command, *how, *flags], environ)
    return "" if said.returncode == 0 else said.stdout + said.stderr or "no reason given"


def _require_working_nvcc(nvcc: Path, arch: str, environ: Mapping[str, str]) -> None:
    """Refuse an nvcc that compiles nothing: it does not know every host compiler, nor every GPU."""
    if "CMAKE_CUDA_HOST_COMPILER" in environ.get("CMAKE_ARGS", ""):
        return
    numbers = re.findall(r"(?<!\d)\d+[af]?", arch)
    kernels = [f"-gencode=arch=compute_{each},code=sm_{each}" for each in numbers]
    host = [f"-ccbin={environ['CUDAHOSTCXX']}"] if environ.get("CUDAHOSTCXX") else []
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "probe.cu", Path(folder) / "probe.o"
        source.write_text("#include <vector>\n__global__ void probe() {}\n", encoding="ascii")
        done = _run([str(nvcc), *kernels, *host, "-c", "-o", str(target), str(source)], environ)
    if done.returncode:
        raise SetupError(_nvcc_fault(nvcc, arch, done.stdout + done.stderr, environ))


def _nvcc_fault(nvcc: Path, arch: str, said: str, environ: Mapping[str, str]) -> str:
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    first = next((line for line in lines if "fatal" in line or "error" in line), "no reason given")
    if "nsupported gpu architecture" in said:
        known = re.findall(r"compute_(\d+)", _said([str(nvcc), "--list-gpu-arch"], environ))
        listed = ", ".join(sorted(known, key=int)) or "not told"
        return (
            f"arch-not-supported: {nvcc} does not compile for LLAMA_ARCH={arch} (it knows: "
            f"{listed}). Older GPUs need an older CUDA Toolkit, newer ones a newer."
        )
    return (
        f"gpu-tool-broken: {nvcc} compiles nothing: {first[:300]}. If it does not know this C++ "
        "compiler, name an older one: CUDAHOSTCXX=g++-12 make setup LLAMA=cuda"
    )


def _missing(need: Need, told: str, os_release: Path) -> SetupError:
    return SetupError(
        f"gpu-tool-missing: this build needs {need['what']}, and {told}. "
        f"{_advice(need, os_release)}"
    )


def _advice(need: Need, os_release: Path) -> str:
    """The command that installs it where we know one, and what holds everywhere."""
    packages = need.get("packages", {})
    command = next((packages[each] for each in machine.systems(os_release) if each in packages), "")
    return " ".join(filter(None, [f"Install it: {command}." if command else "", need["otherwise"]]))


def _said(command: Sequence[str], environ: Mapping[str, str]) -> str:
    done = _run(command, environ)
    return f"{done.stdout}{done.stderr}"


def _run(command: Sequence[str], environ: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """Run a tool with nothing to read. Raises SetupError where it cannot be started."""
    try:
        return subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, encoding="utf-8",
            errors="replace", env=dict(environ), check=False,
        )  # fmt: skip
    except OSError as error:
        raise SetupError(
            f"gpu-tool-broken: {command[0]} cannot be started: {error.strerror}."
        ) from error
