"""Run the tests that need no model on the newest promised Python beside the one of `.venv`.

`make test-python` calls it after set-up (`OTHER=python3.12` for a certain one). It makes a virtual
environment of its own, `.venv-3.13`, from the same lock file, and takes the llama.cpp that set-up
has built: the wheel is good for every Python. Model and terminology in `build/` are shared. Where
there is no other Python on the machine it says so and exits with 0.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from urllib.parse import unquote, urlsplit

ROOT = Path(__file__).resolve().parent.parent
LOCKS = ROOT / "deploy" / "locks"
BIN = ROOT / ".venv" / "bin"
PROMISED = ((3, 13), (3, 12), (3, 11))
# What a browser shows does not depend on the Python that served it.
TESTS = ("-m", "not model and not browser")
# In a hurry: also without what is proved at length, and without what rests on what others test.
_RESTS = (
    *("capture", "cards", "cli", "compliance", "conform", "console", "deploy", "docs", "doctor"),
    *("documents", "end_to_end", "evaluation", "fuzz", "hostile", "inference_remote", "mutate"),
    *("planning", "plausibility", "prewarm", "redaction", "replay", "soak", "statistics"),
)
QUICK = (
    "-m",
    "not model and not browser and not slow and not long and not hypothesis",
    *(f"--ignore=tests/{folder}" for folder in _RESTS),
)
_VERSION = "import platform, sys; print(platform.python_implementation(), *sys.version_info[:2])"
_WHEEL = "from importlib.metadata import distribution as of; print(of('llama-cpp-python').read_text('direct_url.json') or '')"


class NotThere(Exception):
    """Something is missing; the message says what to do."""


def version_of(python: str | Path) -> tuple[int, int] | None:
    """The version of an interpreter, if it runs and is CPython."""
    try:
        done = subprocess.run(
            [str(python), "-c", _VERSION], capture_output=True, text=True, check=True, timeout=30
        )
        name, major, minor = done.stdout.split()
    except (OSError, subprocess.SubprocessError, ValueError):
        return None
    return (int(major), int(minor)) if name == "CPython" else None


def candidates(version: tuple[int, int]) -> Iterable[Path]:
    """Where an interpreter of this version may be: on the path, or one of pyenv's or uv's."""
    name = "python{}.{}".format(*version)
    if found := shutil.which(name):
        yield Path(found)
    home = Path.home()
    for root in (os.environ.get("PYENV_ROOT", home / ".pyenv"), home / ".local/share/uv/python"):
        yield from sorted(Path(root).glob(f"*/bin/{name}"), reverse=True)
        yield from sorted(Path(root).glob(f"versions/*/bin/{name}"), reverse=True)


def newest(own: tuple[int, int]) -> Path | None:
    """The newest promised Python on this machine that is not of version `own`."""
    for version in PROMISED:
        if version != own:
            for python in candidates(version):
                if version_of(python) == version:
                    return python
    return None


def llama_wheel() -> Path:
    """The wheel that set-up built and installed. Raises NotThere."""
    try:
        done = subprocess.run(
            [BIN / "python", "-c", _WHEEL], capture_output=True, text=True, check=True
        )
        wheel = Path(unquote(urlsplit(json.loads(done.stdout)["url"]).path))
    except (OSError, subprocess.SubprocessError, ValueError, LookupError):
        raise NotThere("llama.cpp is not built yet: run `make setup` first.") from None
    if not wheel.is_file():
        raise NotThere(f"The wheel of llama.cpp is gone from {wheel.parent}: run `make setup`.")
    return wheel


def make_venv(venv: Path, python: Path, wheel: Path) -> None:
    """The environment with exactly what the lock file has, unless it is there already."""
    lock, stamp = LOCKS / "dev.txt", venv / "made"
    inputs = (lock, LOCKS / "build.txt", ROOT / "pyproject.toml")
    key = hashlib.sha256(f"{python} {wheel}".encode())
    for path in inputs:
        key.update(path.read_bytes())
    if stamp.is_file() and stamp.read_text() == key.hexdigest():
        return
    print(f"{venv.name}: a virtual environment of {python}", flush=True)
    blocks = re.split(r"(?m)^(?=[a-z0-9])", lock.read_text())
    rest = ROOT / "build" / f"lock{venv.name.removeprefix('.venv')}.txt"
    rest.write_text("".join(b for b in blocks if not b.startswith("llama-cpp-python==")))
    uv = [BIN / "uv", "--quiet"]
    run([*uv, "venv", "--clear", "--python", python, venv])
    into = ["--python", venv / "bin" / "python"]
    run([*uv, "pip", "sync", *into, "--require-hashes", rest])
    constraints = ["--build-constraints", LOCKS / "build.txt"]
    run([*uv, "pip", "install", *into, "--no-deps", *constraints, wheel, "-e", ROOT])
    stamp.write_text(key.hexdigest())


def run(command: Sequence[str | Path]) -> None:
    """Run a command. Raises NotThere."""
    environment = {name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"}
    done = subprocess.run([str(part) for part in command], cwd=ROOT, env=environment, check=False)
    if done.returncode != 0:
        raise NotThere(f"`{' '.join(str(part) for part in command)}` failed; its words are above.")


def chosen(wanted: str) -> tuple[Path, tuple[int, int]] | None:
    """The interpreter to test with, and its version; None where there is no other."""
    if wanted:
        found = version_of(wanted)
        if found not in PROMISED:
            raise NotThere(f"{wanted} is none of the promised Pythons, 3.11 to 3.13.")
        return Path(shutil.which(wanted) or wanted), found
    own = version_of(BIN / "python")
    if own is None:
        raise NotThere("There is no .venv: run `make setup` first.")
    python = newest(own)
    found = version_of(python) if python else None
    return (python, found) if python and found else None


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--python", default="", help="which one; default: the newest other one")
    parser.add_argument("--quick", action="store_true", help="leave out what takes long")
    parser.add_argument("tests", nargs="*", help="further arguments of pytest, after --")
    options = parser.parse_args()
    try:
        found = chosen(options.python)
        if found is None:
            print("There is one promised Python on this machine: nothing else to test on.")
            return 0
        python, version = found
        venv = ROOT / ".venv-{}.{}".format(*version)
        make_venv(venv, python, llama_wheel())
    except NotThere as error:
        print(error, file=sys.stderr)
        return 1
    chosen_tests = QUICK if options.quick else TESTS
    command = [venv / "bin" / "python", "-m", "pytest", "-p", "no:cacheprovider", *chosen_tests]
    return subprocess.run([*command, *options.tests], cwd=ROOT, check=False).returncode


if __name__ == "__main__":
    raise SystemExit(main())
