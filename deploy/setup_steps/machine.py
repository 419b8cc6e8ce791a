"""What this machine compiles for and with."""

from __future__ import annotations

import platform
import re
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from setup_steps.errors import SetupError

__all__ = ["c_library", "known_flags", "processor_features", "require_compilers", "systems"]

CPUINFO = Path("/proc/cpuinfo")
OS_RELEASE = Path("/etc/os-release")
COMPILERS = {"CC": ("cc", "gcc", "clang"), "CXX": ("c++", "g++", "clang++")}
"""The variable that names a compiler, and where CMake looks without it."""
LANGUAGES = {"CC": "c", "CXX": "c++"}
PACKAGES = {
    "debian": "apt-get install build-essential",
    "fedora": "dnf install gcc gcc-c++ make",
    "suse": "zypper install gcc gcc-c++ make",
    "arch": "pacman -S base-devel",
    "alpine": "apk add build-base linux-headers",
}
"""The command that installs compilers, by a word of ID or ID_LIKE in /etc/os-release."""
ALIASES = {"ubuntu": "debian", "rhel": "fedora", "centos": "fedora", "sles": "suse"}
PROBE = {"CC": "int main(void) { return 0; }\n", "CXX": "#include <vector>\nint main() {}\n"}


def processor_features(cpuinfo: Path = CPUINFO) -> str:
    """The architecture and the features that the kernel shows to every processor's programs.

    A feature counts if all processors have it: a virtual machine may mix them.
    """
    try:
        text = cpuinfo.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return platform.machine()
    lines = re.findall(r"(?m)^(?:flags|Features)[ \t]*:(.*)$", text)
    shared = set.intersection(*(set(line.split()) for line in lines)) if lines else set()
    return " ".join([platform.machine(), *sorted(shared)])


def c_library() -> str:
    """Name and version of the C library that compiled code is bound to."""
    return " ".join(platform.libc_ver())


def compiler(variable: str, environ: Mapping[str, str]) -> list[str] | None:
    """The command of the C (`CC`) or C++ (`CXX`) compiler, None where there is none."""
    named = shlex.split(environ.get(variable, ""))
    candidates = [named] if named else [[name] for name in COMPILERS[variable]]
    path = environ.get("PATH")
    return next((found for found in candidates if shutil.which(found[0], path=path)), None)


def require_compilers(environ: Mapping[str, str], os_release: Path = OS_RELEASE) -> None:
    """Refuse to begin where C or C++ cannot be compiled. Raises SetupError.

    A site that names its compilers to CMake (CMAKE_ARGS) knows what it does.
    """
    if re.search(r"CMAKE_(C|CXX)_COMPILER\b|TOOLCHAIN_FILE", environ.get("CMAKE_ARGS", "")):
        return
    for variable, language in LANGUAGES.items():
        found = compiler(variable, environ)
        fault = _fault(found, variable, language, environ) if found else "was not found"
        if fault:
            raise SetupError(
                f"compiler-missing: llama.cpp is compiled on this machine, and a "
                f"{language.upper()} compiler {fault}. {_advice(os_release)} "
                f"(Where it has an unusual name or place, set {variable}.)"
            )


def _fault(command: list[str], variable: str, language: str, environ: Mapping[str, str]) -> str:
    """Why a compiler makes no program, in a few words; empty if it does."""
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "probe", Path(folder) / "probe.out"
        source.write_text(PROBE[variable], encoding="ascii")
        done = _compile([*command, "-x", language, str(source), "-o", str(target)], environ)
        if done is None or done.returncode == 0:
            return "" if done else "cannot be started"
    first = next((line for line in done.stderr.splitlines() if "error" in line), "no reason given")
    return f"({shlex.join(command)}) makes no program: {first.strip()}"


def systems(os_release: Path = OS_RELEASE) -> list[str]:
    """The distribution and those it is like, the nearest first, as `PACKAGES` names them."""
    try:
        text = os_release.read_text(encoding="utf-8")
    except OSError:
        return []
    words = re.findall(r"[a-z]+", " ".join(re.findall(r"(?m)^ID(?:_LIKE)?=(.*)$", text)))
    return [ALIASES.get(word, word) for word in words]


def _advice(os_release: Path) -> str:
    command = next((PACKAGES[each] for each in systems(os_release) if each in PACKAGES), None)
    return f"Install it: {command}" if command else "Install GCC 11 or later, or Clang."


def known_flags(flags: Sequence[str], variable: str, environ: Mapping[str, str]) -> Iterator[str]:
    """Those of the flags that a compiler takes: others and other architectures know fewer."""
    command = compiler(variable, environ)
    if command is None:
        return
    for flag in flags:
        done = _compile([*command, flag, "-x", LANGUAGES[variable], "-E", "-"], environ)
        if done is not None and done.returncode == 0:
            yield flag


def _compile(
    command: list[str], environ: Mapping[str, str]
) -> subprocess.CompletedProcess[str] | None:
    """Run a compiler with nothing to read, None if it does not start."""
    try:
        return subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, encoding="utf-8",
            errors="replace", env=dict(environ), check=False,
        )  # fmt: skip
    except OSError:
        return None
