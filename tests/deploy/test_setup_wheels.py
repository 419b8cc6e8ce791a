"""Compiled wheels are kept whole or built again."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from setup_steps import llama, wheels
from setup_steps.errors import SetupError
from setup_steps.layout import Layout, wheel_cache


def _builder(built: list[Path], content: bytes = b"library") -> Callable[[Path], None]:
    def build(folder: Path) -> None:
        (folder / "llama_cpp_python-1-py3-none-any.whl").write_bytes(content)
        built.append(folder)

    return build


def test_a_wheel_is_built_once(tmp_path: Path) -> None:
    built: list[Path] = []
    first = wheels.kept_wheel(tmp_path / "cache", "key", _builder(built))
    assert wheels.kept_wheel(tmp_path / "cache", "key", _builder(built)) == first
    assert first.read_bytes() == b"library"
    assert len(built) == 1
    assert wheels.kept_wheel(tmp_path / "cache", "other", _builder(built)) != first


@pytest.mark.parametrize(
    "damage",
    [
        lambda wheel: wheel.write_bytes(b"librarY"),
        lambda wheel: wheel.write_bytes(b""),
        lambda wheel: (wheel.parent / wheels.SUMS).unlink(),
        lambda wheel: (wheel.parent / wheels.SUMS).write_bytes(b"\xff\n"),
        lambda wheel: wheel.unlink(),
        lambda wheel: (wheel.parent / "second.whl").touch(),
    ],
    ids=["changed", "empty", "no digest", "digest damaged", "gone", "another beside it"],
)
def test_a_damaged_wheel_is_built_again(tmp_path: Path, damage: Callable[[Path], object]) -> None:
    built: list[Path] = []
    damage(wheels.kept_wheel(tmp_path, "key", _builder(built)))
    assert wheels.kept_wheel(tmp_path, "key", _builder(built)).read_bytes() == b"library"
    assert len(built) == 2


def test_a_build_that_fails_leaves_nothing(tmp_path: Path) -> None:
    def fail(folder: Path) -> None:
        (folder / "half.whl").touch()
        raise SetupError("no")

    with pytest.raises(SetupError):
        wheels.kept_wheel(tmp_path, "key", fail)
    assert [path.name for path in tmp_path.iterdir()] == ["key.lock"]


# --- where they are kept ----------------------------------------------------------------------


def test_the_cache_is_the_users_and_else_the_checkouts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own, home, instead = tmp_path / "own", tmp_path / "home", tmp_path / "instead"
    monkeypatch.setenv("HOME", str(home))
    below = Path("chartside/wheels")
    assert wheel_cache({"XDG_CACHE_HOME": str(own)}, instead) == own / below
    assert wheel_cache({"XDG_CACHE_HOME": "relative"}, instead) == home / ".cache" / below
    assert wheel_cache({}, instead) == home / ".cache" / below
    monkeypatch.setenv("HOME", "/proc/no-home")
    assert wheel_cache({}, instead) == instead / below
    assert wheel_cache({"XDG_CACHE_HOME": "/proc/none"}, instead) == instead / below


# --- built from the sources -------------------------------------------------------------------

BACKEND = """
import os, zipfile
def build_wheel(folder, config_settings=None, metadata_directory=None):
    name = "llama_cpp_python-0.3.36-py3-none-any.whl"
    info = "llama_cpp_python-0.3.36.dist-info"
    with zipfile.ZipFile(os.path.join(folder, name), "w") as wheel:
        wheel.writestr("flags", os.environ["CMAKE_ARGS"])
        wheel.writestr(f"{info}/METADATA",
                       "Metadata-Version: 2.1\\nName: llama-cpp-python\\nVersion: 0.3.36\\n")
        wheel.writestr(f"{info}/WHEEL",
                       "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
        wheel.writestr(f"{info}/RECORD", "")
    return name
"""
PROJECT = """
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]
[project]
name = "llama-cpp-python"
version = "0.3.36"
"""


def _source_archive(folder: Path) -> Path:
    """A package of the name and version of the real one, whose wheel tells how it was built."""
    archive = folder / "llama_cpp_python-0.3.36.tar.gz"
    folder.mkdir()
    with tarfile.open(archive, "w:gz") as packed:
        for name, text in (("backend.py", BACKEND), ("pyproject.toml", PROJECT), ("PKG-INFO", "")):
            member = tarfile.TarInfo(f"llama_cpp_python-0.3.36/{name}")
            member.size = len(text.encode())
            packed.addfile(member, io.BytesIO(text.encode()))
    return archive


def test_other_flags_build_another_wheel_whatever_pip_has_kept(
    setup_layout: Layout, tmp_path: Path
) -> None:
    archive = _source_archive(tmp_path / "index")
    pin = f"llama-cpp-python==0.3.36 --hash=sha256:{wheels.sha256_of(archive)}\n"
    (setup_layout.locks / "dev.txt").write_text(pin)
    setup_layout.python.parent.mkdir(parents=True)
    setup_layout.python.write_text(f"#!/bin/sh\nexec '{sys.executable}' \"$@\"\n")
    setup_layout.python.chmod(0o755)
    environ = {
        "PATH": os.environ["PATH"], "PIP_CONFIG_FILE": os.devnull, "PIP_NO_INDEX": "1",
        "PIP_FIND_LINKS": str(archive.parent), "PIP_CACHE_DIR": str(tmp_path / "pip"),
        "CMAKE_ARGS": "-DZERO=0",
    }  # fmt: skip
    pip = [sys.executable, "-m", "pip", "wheel", "--no-deps", "-w", str(tmp_path / "kept")]
    subprocess.run([*pip, "llama-cpp-python"], env=environ, check=True, capture_output=True)
    for flag in ("-DONE=1", "-DTWO=2"):
        environ["CMAKE_ARGS"] = f"{flag} -DCMAKE_C_COMPILER=any"
        with zipfile.ZipFile(llama.llama_wheel(setup_layout, llama.NATIVE, environ)) as built:
            assert flag in built.read("flags").decode()
    assert list((tmp_path / "pip").rglob("*.whl")) != []
