"""A model file is checked before native code sees it, whatever its bytes are."""

from __future__ import annotations

import contextlib
import struct
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds_hooks.inference.model_files.gguf import (
    Header,
    LongArray,
    ModelFileError,
    check_digest,
    read_header,
)

MakeGguf = Callable[..., Path]


def test_the_header_says_what_the_file_holds(make_gguf: MakeGguf) -> None:
    path = make_gguf(
        {
            "general.architecture": "llama",
            "llama.block_count": 30,
            "tokenizer.chat_template": "{{ messages }}",
            "tokenizer.ggml.tokens": ["a"] * 2000,
            "general.languages": ["en", "de"],
        }
    )
    header = read_header(path)
    assert header.architecture == "llama"
    assert header.of_architecture("block_count") == 30
    assert header.chat_template == "{{ messages }}"
    assert header.metadata["tokenizer.ggml.tokens"] == LongArray(8, 2000)
    assert header.metadata["general.languages"] == ("en", "de")
    assert [(t.name, t.shape, t.size) for t in header.tensors] == [("t", (32, 2), 36)]
    assert header.number("missing", 7) == 7


def test_the_embedded_model_is_read(embedded: Path) -> None:
    header = read_header(embedded)
    assert header.architecture == "llama"
    assert header.of_architecture("context_length") == 8192
    assert "<|im_start|>" in header.chat_template
    assert max(header.data_start + t.offset + t.size for t in header.tensors) == header.file_size


def _code(path: Path) -> str:
    with pytest.raises(ModelFileError) as caught:
        read_header(path)
    assert caught.value.where == path.name
    return caught.value.code


def test_a_missing_file_is_model_missing(tmp_path: Path) -> None:
    assert _code(tmp_path / "none.gguf") == "model-missing"


def test_a_file_that_may_not_be_read_is_model_unreadable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    assert _code(tmp_path / "m.gguf") == "model-unreadable"


@pytest.mark.parametrize("content", [b"", b"GGU", b"GGUF\1\0\0\0" + b"\0" * 16])
def test_another_format_is_model_not_gguf(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "model.gguf"
    path.write_bytes(content)
    assert _code(path) == "model-not-gguf"


def test_every_cut_is_noticed(make_gguf: MakeGguf) -> None:
    path = make_gguf({"general.architecture": "llama", "list": ["x"] * 1500})
    whole = path.read_bytes()
    for length in [*range(8, len(whole), 97), len(whole) - 1]:
        path.write_bytes(whole[:length])
        assert _code(path) == "model-truncated", length


@pytest.mark.parametrize(
    "changes",
    [
        {"tensors": (("t", (2**40, 2**40), 0, 0),)},
        {"tensors": (("t", (32,), 0, 2**60),)},
        {"tensors": (("t", (31,), 2, 0),)},
        {"tensors": (("t", (32,), 99, 0),)},
        {"tensors": (("t", (1, 1, 1, 1, 1), 0, 0),)},
        {"metadata": {"general.alignment": 0}},
        {"metadata": {"general.alignment": 2**31}},
    ],
)
def test_impossible_numbers_are_model_malformed(
    make_gguf: MakeGguf, changes: dict[str, object]
) -> None:
    assert _code(make_gguf(**changes)) == "model-malformed"


def test_absurd_counts_are_refused_before_anything_is_allocated(tmp_path: Path) -> None:
    path = tmp_path / "model.gguf"
    for tensors, entries in ((2**60, 0), (0, 2**60), (2**63, 2**63)):
        path.write_bytes(b"GGUF" + struct.pack("<IQQ", 3, tensors, entries) + b"\0" * 64)
        assert _code(path) == "model-malformed"


def test_another_file_of_the_same_name_is_a_digest_mismatch(make_gguf: MakeGguf) -> None:
    path = make_gguf()
    digest = check_digest(path, "")
    assert check_digest(path, digest.upper()) == digest
    with pytest.raises(ModelFileError) as caught:
        check_digest(path, "0" * 64)
    assert caught.value.code == "model-digest-mismatch"


_SMALL = b"GGUF" + struct.pack("<IQQ", 3, 1, 2)


@given(
    data=st.binary(max_size=300)
    | st.binary(max_size=300).map(lambda tail: _SMALL + tail)
    | st.lists(st.integers(0, 40) | st.integers(0, 2**64 - 1), max_size=30).map(
        lambda numbers: _SMALL + struct.pack(f"<{len(numbers)}Q", *numbers)
    )
)
def test_any_bytes_are_a_header_or_a_model_file_error(data: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.gguf"
        path.write_bytes(data)
        with contextlib.suppress(ModelFileError):
            header = read_header(path)
            assert isinstance(header, Header)
            assert all(t.offset + t.size <= len(data) for t in header.tensors)
