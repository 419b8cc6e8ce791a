"""The copy of the embedded model that set-up makes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from cds_hooks.inference.model_files.gguf import Header, ModelFileError, read_header
from cds_hooks.inference.requantize import main, requantize

PACKED = Path(__file__).parents[2] / "build/models/as-packaged/SmolLM2-135M-Instruct.Q4_1.gguf"

# Of `ggml_type`, in llama.cpp's ggml.h.
F32, Q4_1, Q8_0 = 0, 3, 8


def _quantised(header: Header) -> set[int]:
    return {tensor.kind for tensor in header.tensors} - {F32}


@pytest.mark.model
def test_the_copy_is_the_same_model_in_eight_bits(tmp_path: Path) -> None:
    if not PACKED.is_file():
        pytest.skip("the packaged model is not at build/models/as-packaged: run make")
    command = [sys.executable, "-m", requantize.__module__, PACKED, tmp_path / "copy.gguf"]
    subprocess.run(command, check=True, capture_output=True)
    before, after = read_header(PACKED), read_header(tmp_path / "copy.gguf")
    assert (_quantised(before), _quantised(after)) == ({Q4_1, Q8_0}, {Q8_0})
    shapes = [{t.name: t.shape for t in header.tensors} for header in (before, after)]
    assert shapes[0] == shapes[1]
    told = ("general.file_type", "general.quantization_version")
    same = [{k: v for k, v in h.metadata.items() if k not in told} for h in (before, after)]
    assert same[0] == same[1]


def test_what_is_no_model_is_refused_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    source, target = tmp_path / "source.gguf", tmp_path / "target.gguf"
    source.write_bytes(b"GGUF but no more")
    with pytest.raises(ModelFileError):
        requantize(source, target)
    monkeypatch.setattr("sys.argv", ["requantize", str(source), str(target)])
    assert main() == 1
    assert "source.gguf" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["source.gguf"]
