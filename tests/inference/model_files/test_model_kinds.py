"""A file that is no language model is called what it is, before anything loads it."""

from __future__ import annotations

import asyncio
import hashlib
import struct
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest

from cds_hooks.inference.engine import GenerationRequest
from cds_hooks.inference.llama_config import LlamaConfig
from cds_hooks.inference.local.llama_engine import LlamaEngine
from cds_hooks.inference.model_catalogue.catalogue import load_catalogue, stand_in
from cds_hooks.inference.model_catalogue.recognition import known_entry
from cds_hooks.inference.model_checks.inspection import inspect
from cds_hooks.inference.model_files.gguf import ModelFileError, read_header, sha256_of
from cds_hooks.inference.model_files.model_kinds import refuse_unless_model, refuse_without_template

MakeGguf = Callable[..., Path]
Ask = Callable[..., GenerationRequest]
SAFETENSORS = struct.pack("<Q", 70) + b'{"model.embed_tokens.weight":{"dtype":"BF16","shape":[1,2]'


def _refused(path: Path) -> ModelFileError:
    with pytest.raises(ModelFileError) as caught:
        refuse_unless_model(read_header(path), path)
    assert caught.value.where == path.name
    assert caught.value.hint
    with pytest.raises(ModelFileError):
        inspect(path, load_catalogue(), None)
    return caught.value


@pytest.mark.parametrize(
    ("metadata", "code", "told"),
    [
        ({"general.type": "mmproj", "general.architecture": "clip"}, "model-is-projector",
         "projector"),
        ({"general.architecture": "clip", "clip.has_vision_encoder": 1}, "model-is-projector",
         "projector"),
        ({"general.type": "adapter", "adapter.type": "lora"}, "model-is-adapter", "LoRA adapter"),
        ({"general.type": "imatrix"}, "model-is-imatrix", "importance matrix"),
        ({"imatrix.chunk_count": 80}, "model-is-imatrix", "importance matrix"),
        ({"general.architecture": "controlvector"}, "model-is-control-vector", "control vector"),
        ({"general.type": "vocab", "general.architecture": "llama"}, "model-is-vocabulary",
         "vocabulary"),
        ({"general.architecture": "gptoss"}, "model-of-ollama", "Ollama"),
    ],
)  # fmt: skip
def test_each_kind_has_a_code_and_a_hint(
    make_gguf: MakeGguf, metadata: dict[str, str | int], code: str, told: str
) -> None:
    error = _refused(make_gguf(metadata))
    assert error.code == code
    assert told in error.message


def test_a_vocabulary_has_no_weights(make_gguf: MakeGguf) -> None:
    path = make_gguf({"general.architecture": "llama"}, tensors=(), data=0)
    assert _refused(path).code == "model-is-vocabulary"


def test_a_model_with_a_projector_inside_is_in_ollama_s_form(
    tiny_models: ModuleType, tmp_path: Path
) -> None:
    """llama.cpp says of it: wrong number of tensors."""
    path = tmp_path / "sha256-ab"
    tiny_models.write("gemma3", path, more={"v.blk.0.attn_q.weight": (64, 64)})
    assert _refused(path).code == "model-of-ollama"


@pytest.mark.parametrize("family", ["llama", "gemma3", "gemma4", "qwen35", "qwen35moe", "gpt-oss"])
def test_a_language_model_is_none_of_these(
    tiny_models: ModuleType, tmp_path: Path, family: str
) -> None:
    path = tmp_path / "m.gguf"
    tiny_models.write(family, path)
    refuse_unless_model(read_header(path), path)


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (SAFETENSORS, "model-is-safetensors"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:ab\n", "model-is-pointer"),
        (b"\n<!DOCTYPE html><html>", "model-is-web-page"),
        (b"<html><head>", "model-is-web-page"),
        (b"PK\3\4 a zip file", "model-is-checkpoint"),
        (b"tjgg\3\0\0\0", "model-is-old-ggml"),
        (b"", "model-not-gguf"),
        (b"{", "model-not-gguf"),
        (struct.pack("<Q", 2**40) + b'{"', "model-not-gguf"),
    ],
)
def test_other_formats_are_called_by_name(tmp_path: Path, content: bytes, code: str) -> None:
    path = tmp_path / "model.gguf"
    path.write_bytes(content)
    with pytest.raises(ModelFileError) as caught:
        read_header(path)
    assert (caught.value.code, caught.value.where) == (code, "model.gguf")
    assert caught.value.hint


def test_a_folder_is_told_with_what_lies_in_it(tmp_path: Path) -> None:
    with pytest.raises(ModelFileError) as caught:
        read_header(tmp_path)
    assert caught.value.code == "model-is-folder"
    assert "convert" in caught.value.hint
    (tmp_path / "b-Q8_0.gguf").touch()
    with pytest.raises(ModelFileError) as caught:
        read_header(tmp_path)
    assert "b-Q8_0.gguf" in caught.value.hint


def test_a_file_without_a_template_says_how_to_give_one(
    tiny_models: ModuleType, tmp_path: Path
) -> None:
    path = tmp_path / "m.gguf"
    tiny_models.write("llama", path, says={"tokenizer.chat_template": None})
    header = read_header(path)
    with pytest.raises(ModelFileError) as caught:
        refuse_without_template(header, "", path)
    assert caught.value.code == "chat-template-missing"
    assert "model.chat_template" in caught.value.hint
    refuse_without_template(header, "{{ messages }}", path)
    (said,) = [f for f in inspect(path, load_catalogue(), None).findings if "template" in f.id]
    assert (said.id, said.level) == ("template-missing", "error")
    assert "model.chat_template" in said.text
    given = "{{ messages[0].content }} {{ messages[1].content }}"
    found = inspect(path, load_catalogue(), None, template=given)
    assert found.usable
    assert "template-replaced" in {f.id for f in found.findings}
    assert not inspect(path, load_catalogue(), None, template="{{ messages.__class__ }}").usable


@pytest.mark.model
@pytest.mark.parametrize(
    ("family", "says", "code"),
    [
        ("llama", {"tokenizer.chat_template": None}, "chat-template-missing"),
        ("llama", {"general.type": "mmproj"}, "model-is-projector"),
    ],
)
async def test_the_engine_says_the_same_before_it_loads(
    config: LlamaConfig, tiny_models: ModuleType, tmp_path: Path, family: str,
    says: dict[str, str | None], code: str,
) -> None:  # fmt: skip
    path = tmp_path / "m.gguf"
    tiny_models.write(family, path, says=says)
    engine = LlamaEngine(replace(config, model=path, entry=stand_in(path), cache=None))
    await engine.start()
    try:
        async with asyncio.timeout(300):
            state = await engine.wait_until_settled()
        assert (state.status, state.detail) == ("failed", code)
        assert "m.gguf" in engine.trouble
        assert ("model.chat_template" in engine.trouble) == (code == "chat-template-missing")
    finally:
        await engine.stop()


@pytest.mark.model
async def test_with_a_template_of_the_site_s_it_answers_and_says_so(
    config: LlamaConfig, tiny_models: ModuleType, tmp_path: Path, ask: Ask
) -> None:
    path = tmp_path / "m.gguf"
    tiny_models.write("llama", path, says={"tokenizer.chat_template": None})
    template = tiny_models.FAMILIES["llama"].template
    entry = known_entry(load_catalogue(), path, template=template)
    engine = LlamaEngine(replace(config, model=path, entry=entry, cache=None))
    await engine.start()
    try:
        async with asyncio.timeout(300):
            assert (await engine.wait_until_settled()).status == "ready", engine.trouble
        said = await engine.generate(ask(samples=1, max_tokens=240))
    finally:
        await engine.stop()
    assert said.samples[0].finish == "stop"
    digests = (sha256_of(path), hashlib.sha256(template.encode()).hexdigest())
    assert tuple(part.sha256 for part in said.model.parts) == digests
    assert said.model.sha256 not in digests
