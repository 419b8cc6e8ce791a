"""One version of each package, whatever Python of the promised ones runs it."""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LOCKS = sorted((ROOT / "deploy" / "locks").glob("*.txt"))
_PIN = re.compile(r"^([a-z0-9.-]+)==(\S+)(?: ; (.*?))?(?: \\)?$", re.MULTILINE)


def test_there_are_lock_files() -> None:
    assert {"runtime.txt", "dev.txt"} <= {lock.name for lock in LOCKS}


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.stem)
def test_a_lock_has_one_version_of_each_package_for_every_python(lock: Path) -> None:
    pins = _PIN.findall(lock.read_text())
    assert pins
    assert [name for name, count in Counter(name for name, _, _ in pins).items() if count > 1] == []
    assert [name for name, _, marker in pins if "python_version" in marker] == []
    assert [name for name, _, marker in pins if "python_full_version" in marker] == []


def test_the_promised_pythons_are_the_same_everywhere() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert project["project"]["requires-python"] == ">=3.11,<3.14"
    assert "PROMISED = ((3, 13), (3, 12), (3, 11))" in (ROOT / "deploy/other_python.py").read_text()
    assert "3.11, 3.12 or 3.13" in (ROOT / "README.md").read_text()
