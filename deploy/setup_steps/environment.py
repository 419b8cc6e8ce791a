"""The virtual environment and what is installed into it."""

from __future__ import annotations

import sys
from pathlib import Path

from setup_steps.errors import SetupError
from setup_steps.layout import Layout
from setup_steps.llama import split_lock
from setup_steps.process import BuildProgress, Words, run

__all__ = ["install", "make_venv", "require_python"]

PYTHONS = ((3, 11), (3, 12), (3, 13))


def require_python(version: tuple[int, ...] = sys.version_info[:3]) -> None:
    """Refuse a Python that the pinned packages are not made for. Raises SetupError."""
    if version[:2] not in PYTHONS:
        said = ".".join(str(part) for part in version)
        raise SetupError(
            f"python-not-supported: Python 3.11 to 3.13 is needed, and this is {said}. Name "
            "another one: make setup PYTHON=python3.11"
        )


def make_venv(layout: Layout) -> None:
    """A new virtual environment with the pinned installer in it."""
    run(layout, [sys.executable, "-m", "venv", "--clear", layout.venv])
    pip: Words = [layout.python, "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
    run(layout, [*pip, "--require-hashes", "-r", layout.locks / "bootstrap.txt"])


def install(layout: Layout, wheel: Path) -> None:
    """Pinned and hashed packages, the compiled wheel, and the checkout itself as editable."""
    _, rest = split_lock(layout)
    into: Words = ["--python", layout.python]
    sync: Words = [layout.uv, "-v", "pip", "sync", "--compile-bytecode", "--require-hashes"]
    run(layout, [*sync, *into, rest], BuildProgress())
    # The wheel was made from hashed sources, so there is no published hash to compare it with.
    add: Words = [layout.uv, "-v", "pip", "install", "--no-deps", *into]
    constraints: Words = ["--build-constraints", layout.locks / "build.txt"]
    run(layout, [*add, *constraints, wheel, "-e", layout.root])
    if sys.stdout.isatty():
        print()
