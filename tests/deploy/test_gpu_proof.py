"""`make gpu-proof` without a GPU: it refuses in words, and asks for what it should."""

from __future__ import annotations

import importlib.util
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
from setup_steps import backends
from setup_steps.errors import SetupError
from setup_steps.gpu_tools import Tools
from setup_steps.layout import Layout

ROOT = Path(__file__).resolve().parents[2]
TWO = "NVIDIA H100 PCIe, 9.0, 81559 MiB, 570.86\nNVIDIA L4, 8.9, 23034 MiB, 570.86"


@pytest.fixture(scope="module")
def proof() -> ModuleType:
    spec = importlib.util.spec_from_file_location("gpu_proof", ROOT / "deploy" / "gpu_proof.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def script(tmp_path: Path) -> Callable[[Path, str], Path]:
    def write(path: Path, text: str) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)
        return path

    return write


def _refused(proof: ModuleType, name: str, environ: dict[str, str], arch: str = "") -> str:
    with pytest.raises(SetupError) as told:
        proof.looked_at(name, arch, environ)
    return str(told.value)


@pytest.mark.parametrize(
    ("name", "arch", "code"),
    [("cpu", "", "backend-not-a-gpu"), ("gpu", "", "backend-unknown"),
     ("cuda", "sm_90", "arch-malformed"), ("vulkan", "90", "arch-not-for-this-backend")],
)  # fmt: skip
def test_a_wrong_choice_is_refused(proof: ModuleType, name: str, arch: str, code: str) -> None:
    assert _refused(proof, name, {}, arch).startswith(f"{code}: ")


@pytest.mark.parametrize(
    ("name", "program"),
    [("cuda", "nvidia-smi"), ("rocm", "rocminfo"), ("vulkan", "vulkaninfo")],
)
def test_without_the_drivers_program_there_is_no_gpu(
    proof: ModuleType, tmp_path: Path, name: str, program: str
) -> None:
    told = _refused(proof, name, {"PATH": str(tmp_path)})
    assert told.startswith(f"gpu-missing: {program}, ")


@pytest.mark.parametrize(
    ("says", "told"),
    [
        ("echo 'No devices were found'; exit 6", "(it says: No devices were found)"),
        ("echo 'NVIDIA-SMI has failed' >&2; exit 9", "(it says: NVIDIA-SMI has failed)"),
        ("exit 0", "(it says: nothing)"),
    ],
)
def test_a_driver_that_lists_none_is_told(
    proof: ModuleType, tmp_path: Path, script: Callable[[Path, str], Path], says: str, told: str
) -> None:
    script(tmp_path / "nvidia-smi", says)
    message = _refused(proof, "cuda", {"PATH": str(tmp_path)})
    assert message.startswith("gpu-missing: nvidia-smi lists no GPU ")
    assert told in message


@pytest.mark.parametrize(("arch", "built"), [("", "90"), ("89", "89")])
def test_one_architecture_is_built_that_of_the_first_gpu(
    proof: ModuleType, tmp_path: Path, script: Callable[[Path, str], Path],
    monkeypatch: pytest.MonkeyPatch, arch: str, built: str,
) -> None:  # fmt: skip
    monkeypatch.setattr(proof, "found_tools", lambda choice, environ: Tools((), {}))
    script(tmp_path / "nvidia-smi", f"echo '{TWO}'")
    choice, gpus = proof.looked_at("cuda", arch, {"PATH": str(tmp_path)})
    assert gpus.lines == tuple(TWO.splitlines())
    assert choice.switches == ("-DGGML_CUDA=ON", f"-DCMAKE_CUDA_ARCHITECTURES={built}")


@pytest.mark.parametrize(
    ("name", "program", "says", "lines", "arch"),
    [
        ("rocm", "rocminfo", "  Name:                    AMD EPYC\n  Name:     gfx1100\n",
         ("gfx1100",), "gfx1100"),
        ("vulkan", "vulkaninfo", "\tdeviceName         = llvmpipe (LLVM 15.0.6, 256 bits)\n",
         ("llvmpipe (LLVM 15.0.6, 256 bits)",), ""),
    ],
)  # fmt: skip
def test_other_drivers_list_theirs(
    proof: ModuleType, tmp_path: Path, script: Callable[[Path, str], Path],
    name: str, program: str, says: str, lines: tuple[str, ...], arch: str,
) -> None:  # fmt: skip
    script(tmp_path / program, f"printf '%s' '{says}'")
    found = proof.gpus_of(backends.named(name), {"PATH": str(tmp_path)})
    assert (found.lines, found.arch) == (lines, arch)


def test_the_embedded_model_and_a_larger_one_are_measured(
    proof: ModuleType, setup_layout: Layout, tmp_path: Path
) -> None:
    assert proof.models_of(setup_layout, []) == [setup_layout.model]
    larger = setup_layout.model.parent / proof.LARGER[1]
    larger.parent.mkdir(parents=True)
    larger.touch()
    assert proof.models_of(setup_layout, []) == [setup_layout.model, larger]
    with pytest.raises(SetupError, match="model-missing: there is no file"):
        proof.models_of(setup_layout, [tmp_path / "none.gguf"])


def _checkout(layout: Layout, script: Callable[[Path, str], Path], gpu: str) -> None:
    """Programs in the place of set-up, engine and commands, which say what they were asked."""
    (layout.root / "deploy" / "setup.py").write_text("import sys\nprint(sys.argv[1:])\n")
    engine = json.dumps({"decodes": True, "engine": {"gpu": gpu, "gpu_trouble": "gpu-not-found"}})
    script(layout.python, f"echo '{engine}'")
    said = '{"asked": "\'"$*"\'", "layers": "\'"$CHARTSIDE_MODEL__GPU_LAYERS"\'"}'
    script(layout.program, f"echo '{said}'")


def test_each_model_is_measured_on_the_gpu_and_on_the_processor(
    proof: ModuleType, setup_layout: Layout, script: Callable[[Path, str], Path]
) -> None:
    _checkout(setup_layout, script, "yes")
    choice = backends.named("cuda", "90")
    gpus = proof.Gpus(("NVIDIA H100",), "90")
    told = proof.proved(setup_layout, choice, gpus, [Path("a.gguf"), Path("b.gguf")])
    assert told["switches"] == ["-DGGML_CUDA=ON", "-DCMAKE_CUDA_ARCHITECTURES=90"]
    assert list(told["models"]) == ["a.gguf", "b.gguf"]
    measured = told["models"]["b.gguf"]
    assert measured["on_gpu"] == {"asked": "models bench b.gguf --json", "layers": "-1"}
    assert measured["on_processor"]["layers"] == "0"
    assert told["differential"]["seconds"] >= 0


def test_a_model_that_is_not_on_the_gpu_proves_nothing(
    proof: ModuleType, setup_layout: Layout, script: Callable[[Path, str], Path]
) -> None:
    _checkout(setup_layout, script, "no-device")
    with pytest.raises(
        SetupError, match=r"gpu-not-used: m\.gguf was not computed on a GPU: gpu-not"
    ):
        proof.proved(setup_layout, backends.named("cuda"), proof.Gpus((), ""), [Path("m.gguf")])


def test_a_step_that_fails_ends_it(
    proof: ModuleType, setup_layout: Layout, capsys: pytest.CaptureFixture[str]
) -> None:
    (setup_layout.root / "deploy" / "setup.py").write_text("print('why'); raise SystemExit(1)\n")
    with pytest.raises(SetupError, match=r"step-failed: .*setup\.py --llama cuda ended with 1"):
        proof.proved(setup_layout, backends.named("cuda"), proof.Gpus((), ""), [])
    assert "why" in capsys.readouterr().err


def test_the_command_says_why_nothing_is_proved(
    proof: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.setitem(os.environ, "PATH", str(tmp_path))
    assert proof.main([]) == 1
    told = capsys.readouterr()
    assert told.out == ""
    assert "Not proved: gpu-missing: nvidia-smi" in told.err
