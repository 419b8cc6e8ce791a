"""The format of a file is what the file says, and weights are counted once."""

from __future__ import annotations

import ctypes
import tempfile
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import llama_cpp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cds_hooks.inference.model_files import tied_embeddings
from cds_hooks.inference.model_files.gguf import Header, Tensor, read_header
from cds_hooks.inference.model_files.quantisation import file_type, mix, parameters
from cds_hooks.inference.model_files.tied_embeddings import same_weights

BUILD = Path(__file__).resolve().parents[3] / "build/models"
MakeGguf = Callable[..., Path]


def _header(file_type: int | None, *tensors: Tensor) -> Header:
    metadata = {} if file_type is None else {"general.file_type": file_type}
    return Header(3, metadata, tensors, 0, 0)


def test_files_are_named_as_llama_cpp_names_them() -> None:
    kinds = {
        name.removeprefix("LLAMA_FTYPE_").removeprefix("MOSTLY_").removeprefix("ALL_"): value
        for name, value in vars(llama_cpp).items()
        if name.startswith("LLAMA_FTYPE_") and isinstance(value, int) and value < 1024
    }
    assert len(kinds) >= 34
    for name, value in kinds.items():
        assert file_type(_header(value)) == name
        assert file_type(_header(value | 1024)) == name
    assert file_type(_header(999)) == "file type 999"
    assert file_type(_header(15)) == "Q4_K_M"
    assert file_type(_header(38)) == "MXFP4_MOE"


def test_tensors_are_named_as_ggml_names_them() -> None:
    kinds = {
        name.removeprefix("GGML_TYPE_"): value
        for name, value in vars(llama_cpp).items()
        if name.startswith("GGML_TYPE_") and isinstance(value, int)
    }
    for name, value in kinds.items():
        if name not in ("COUNT", "I8", "I16", "I32", "I64", "F64") and "_4_" not in name:
            header = _header(None, Tensor("t", (32,), value, 0, 10))
            assert dict(mix(header)) == {name: 1.0}
            assert file_type(header) == name
    assert dict(mix(_header(None, Tensor("t", (1,), 200, 0, 4)))) == {"type 200": 1.0}
    assert file_type(_header(None)) == ""


def test_the_mix_is_told_by_bytes_the_largest_first() -> None:
    header = _header(
        15,
        Tensor("a", (32,), 14, 0, 100),
        Tensor("b", (32,), 12, 0, 300),
        Tensor("c", (32,), 0, 0, 100),
        Tensor("d", (32,), 12, 0, 500),
    )
    assert list(mix(header).items()) == [("Q4_K", 0.8), ("Q6_K", 0.1), ("F32", 0.1)]
    assert file_type(header) == "Q4_K_M"


def test_tables_that_nobody_trained_and_tied_weights_are_not_counted() -> None:
    header = _header(
        0,
        Tensor("token_embd.weight", (4, 10), 0, 0, 160),
        Tensor("output.weight", (4, 10), 0, 160, 160),
        Tensor("rope_freqs.weight", (8,), 0, 320, 32),
        Tensor("blk.0.attn_q.weight", (4, 4), 0, 352, 64),
    )
    assert parameters(header) == 96
    assert parameters(header, tied=True) == 56


def test_an_output_layer_of_its_own_is_not_the_embedding(
    tiny_models: ModuleType, tmp_path: Path
) -> None:
    path = tmp_path / "m.gguf"
    tiny_models.write("gpt-oss", path)
    header = read_header(path)
    assert {"token_embd.weight", "output.weight"} <= {t.name for t in header.tensors}
    assert not same_weights(header, path)
    # The embedding's numbers at the output's place.
    places = {t.name: header.data_start + t.offset for t in header.tensors}
    size = next(t.size for t in header.tensors if t.name == "output.weight")
    raw = bytearray(path.read_bytes())
    begin = places["token_embd.weight"]
    raw[places["output.weight"] : places["output.weight"] + size] = raw[begin : begin + size]
    path.write_bytes(raw)
    assert same_weights(header, path)


@pytest.mark.parametrize(
    ("file", "counted"),
    [
        ("SmolLM2-135M-Instruct.Q8_0.gguf", 134_515_008),
        # Both hold their embedding twice, in two formats each (Q5_0 and Q8_0, Q4_K and Q6_K).
        ("qwen2.5-coder-0.5b-instruct-q4_k_m.gguf", 494_032_768),
        ("qwen2.5-coder-1.5b-instruct-q4_k_m.gguf", 1_543_714_304),
    ],
)
def test_published_files_have_as_many_weights_as_their_authors_say(file: str, counted: int) -> None:
    path = BUILD / file
    if not path.is_file():
        pytest.skip(f"{file} is not at build/models")
    header = read_header(path)
    assert parameters(header, tied=same_weights(header, path)) == counted


@settings(max_examples=50)
@given(data=st.data())
def test_any_numbers_are_alike_or_not(data: st.DataObject) -> None:
    """A file's rows are whatever somebody wrote there, not-a-number too."""
    kinds = [data.draw(st.sampled_from(sorted(tied_embeddings._READERS))) for _ in range(2)]
    rows = data.draw(st.integers(0, 3))
    sizes = [rows * 256 // _per_block(kind) * tied_embeddings._READERS[kind][0] for kind in kinds]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "m.gguf"
        path.write_bytes(data.draw(st.binary(min_size=sum(sizes), max_size=sum(sizes))))
        one = Tensor("token_embd.weight", (256, rows), kinds[0], 0, sizes[0])
        other = Tensor("output.weight", (256, rows), kinds[1], sizes[0], sizes[1])
        assert same_weights(_header(0, one, other), path) in (True, False)


def _per_block(kind: int) -> int:
    """Weights in a block of a format."""
    return {0: 1, 1: 1, 30: 1}.get(kind, 256 if kind in (12, 13, 14) else 32)


def _ggml() -> ctypes.CDLL:
    library = next((Path(llama_cpp.__file__).parent / "lib").glob("libggml-base.so"), None)
    if library is None:
        pytest.skip("ggml is not a library of its own here")
    return ctypes.CDLL(str(library))


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        (1, "ggml_fp16_to_fp32_row"), (2, "dequantize_row_q4_0"), (3, "dequantize_row_q4_1"),
        (6, "dequantize_row_q5_0"), (7, "dequantize_row_q5_1"), (8, "dequantize_row_q8_0"),
        (12, "dequantize_row_q4_K"), (13, "dequantize_row_q5_K"), (14, "dequantize_row_q6_K"),
        (30, "ggml_bf16_to_fp32_row"),
    ],
)  # fmt: skip
def test_rows_are_read_as_ggml_reads_them(kind: int, name: str) -> None:
    width, read = tied_embeddings._READERS[kind]
    blocks = 512 // _per_block(kind)
    random = np.random.default_rng(kind)
    raw = random.integers(0, 256, (blocks, width), np.uint8)
    for at in {2: (0,), 3: (0, 2), 6: (0,), 7: (0, 2), 8: (0,), 12: (0, 2), 13: (0, 2),
               14: (208,), 1: (0,), 30: (0,)}[kind]:  # fmt: skip
        raw[:, at : at + 2] = random.normal(0, 1, (blocks, 1)).astype(np.float16).view(np.uint8)
    told = np.zeros(512, np.float32)
    function = getattr(_ggml(), name)
    function.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64]
    function.restype = None
    function(raw.ctypes.data, told.ctypes.data, 512)
    np.testing.assert_allclose(read(raw).reshape(-1), told, rtol=1e-6, equal_nan=True)
