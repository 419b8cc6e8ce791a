"""Without PyTorch the command says what is missing; it is in no lock but its own."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

from cds_hooks.tuning.training import tuning_extra
from cds_hooks.tuning.training.tuning_errors import TuningError
from cds_hooks.tuning.training.tuning_extra import require_extra

ROOT = Path(__file__).resolve().parents[3]


def test_what_is_missing_is_named_with_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    real = importlib.util.find_spec
    monkeypatch.setattr(
        tuning_extra, "find_spec", lambda name: None if name == "peft" else real("json")
    )
    with pytest.raises(TuningError, match="peft") as raised:
        require_extra()
    assert raised.value.code == "tune-extra-missing"
    assert "transformers" not in raised.value.message
    assert "make tune-setup" in raised.value.hint


def test_the_command_is_imported_without_pytorch() -> None:
    before = set(sys.modules)
    importlib.import_module("cds_hooks.cli.tune_run")
    assert not {"torch", "transformers", "peft", "gguf"} & (set(sys.modules) - before)


def test_pytorch_is_in_the_lock_of_tuning_alone_and_without_cuda() -> None:
    locks = {path.name: path.read_text() for path in (ROOT / "deploy/locks").glob("*.txt")}
    assert [name for name, lock in locks.items() if "\ntorch==" in lock] == ["tune.txt"]
    names = {line.partition("==")[0] for line in locks["tune.txt"].splitlines() if "==" in line}
    assert {"torch", "transformers", "peft", "gguf"} <= names
    assert not [name for name in names if name.startswith(("nvidia", "cuda", "triton"))]


def test_setup_leaves_out_pytorch_where_a_wheel_is_named() -> None:
    spec = importlib.util.spec_from_file_location("tune_setup", ROOT / "deploy/tune_setup.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    lock = (ROOT / "deploy/locks/tune.txt").read_text()
    left = module.without_torch(lock)
    assert "torch==" not in left
    assert len(left.splitlines()) < len(lock.splitlines())
    gone = set(lock.splitlines()) - set(left.splitlines())
    assert all(line.startswith(("torch==", "    --hash=")) for line in gone)
    assert "tqdm==" in left
