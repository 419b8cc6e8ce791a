"""Which Python the tests run on besides the one of `.venv`."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def program() -> ModuleType:
    spec = importlib.util.spec_from_file_location("other_python", ROOT / "deploy/other_python.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine with nothing on the path and nobody's home; its folder of programs."""
    programs = tmp_path / "bin"
    programs.mkdir()
    monkeypatch.setenv("PATH", str(programs))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("PYENV_ROOT", raising=False)
    return programs


def _python(place: Path, said: str) -> Path:
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(f"#!/bin/sh\necho {said}\n")
    place.chmod(0o700)
    return place


def test_this_python_is_known(program: ModuleType) -> None:
    assert program.version_of(sys.executable) == sys.version_info[:2]
    assert program.version_of("/nonexistent") is None


def test_the_newest_other_one_is_found(program: ModuleType, machine: Path) -> None:
    assert program.newest((3, 11)) is None
    older = _python(machine / "python3.11", "CPython 3 11")
    assert program.newest((3, 11)) is None
    assert program.newest((3, 13)) == older
    newer = _python(machine.parent / ".pyenv/versions/3.12.1/bin/python3.12", "CPython 3 12")
    assert program.newest((3, 11)) == newer
    newest = _python(machine / "python3.13", "CPython 3 13")
    assert program.newest((3, 11)) == newest
    assert program.newest((3, 13)) == newer


@pytest.mark.parametrize("said", ["PyPy 3 13", "CPython 3 14", "nothing", "CPython 3 12"])
def test_one_that_is_not_what_its_name_says_is_passed_over(
    program: ModuleType, machine: Path, said: str
) -> None:
    _python(machine / "python3.13", f'"{said}"')
    assert program.newest((3, 11)) is None


def test_one_that_is_not_promised_is_refused(program: ModuleType, machine: Path) -> None:
    for said in ("CPython 3 10", "CPython 3 14", "PyPy 3 13"):
        place = _python(machine / "python", f'"{said}"')
        with pytest.raises(program.NotThere, match="none of the promised"):
            program.chosen(str(place))


def test_what_a_hurried_run_leaves_out_exists(program: ModuleType) -> None:
    assert program.QUICK[1].startswith(program.TESTS[1])
    folders = [each.removeprefix("--ignore=") for each in program.QUICK[2:]]
    assert folders
    assert all((ROOT / folder).is_dir() for folder in folders)
