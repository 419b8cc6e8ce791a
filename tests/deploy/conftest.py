"""`deploy/setup.py` and its steps, which are in no package, and a small checkout to run them in."""

from __future__ import annotations

import importlib.util
import shutil
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "deploy"))

from setup_steps.layout import Layout  # noqa: E402


@pytest.fixture(scope="session")
def setup_module() -> ModuleType:
    """`deploy/setup.py`, which is a program."""
    spec = importlib.util.spec_from_file_location("chartside_setup", ROOT / "deploy" / "setup.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def setup_layout(tmp_path: Path) -> Layout:
    """A checkout, in a path with a space, that holds what set-up reads and has nothing built."""
    root = tmp_path / "a checkout"
    (root / "deploy").mkdir(parents=True)
    shutil.copytree(ROOT / "deploy" / "locks", root / "deploy" / "locks")
    shutil.copy(ROOT / "deploy" / "llama.cmake", root / "deploy")
    shutil.copy(ROOT / "pyproject.toml", root)
    requantize = root / "cds_hooks" / "inference" / "requantize.py"
    requantize.parent.mkdir(parents=True)
    requantize.touch()
    layout = Layout(root, tmp_path / "cache")
    layout.stamps.mkdir(parents=True)
    return layout
