"""A model in several files is one model: every part checked and hashed, and the same answers."""

from __future__ import annotations

import asyncio
import hashlib
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest

from cds_hooks.consultation import ModelPart
from cds_hooks.inference.engine import Generation, GenerationRequest
from cds_hooks.inference.llama_config import LlamaConfig
from cds_hooks.inference.local.llama_engine import LlamaEngine
from cds_hooks.inference.model_catalogue.catalogue import load_catalogue, stand_in
from cds_hooks.inference.model_checks.inspection import inspect
from cds_hooks.inference.model_files.adapters import Adapter
from cds_hooks.inference.model_files.gguf import ModelFileError, read_header, sha256_of
from cds_hooks.inference.model_files.split_files import (
    digest_of,
    engine_path,
    first_part,
    named_parts,
    read_model,
)
from cds_hooks.inference.worker.file_digests import start_hashing
from cds_hooks.inference.worker.sandbox.confinement import files_for

Ask = Callable[..., GenerationRequest]
Split = Callable[..., list[Path]]


@pytest.fixture
def split(tiny_models: ModuleType, tmp_path: Path) -> Split:
    """`split(3)` writes a tiny llama as `m-00001-of-00003.gguf` ...; the whole is `whole.gguf`."""

    def make(count: int = 3, stem: str = "m", seed: int = 0, **how: bool) -> list[Path]:
        whole = tmp_path / "whole.gguf"
        tiny_models.write("llama", whole, seed=seed)
        return list(tiny_models.split(whole, stem, count, **how))

    return make


def _code(path: Path) -> tuple[str, str]:
    with pytest.raises(ModelFileError) as caught:
        read_model(path)
    assert caught.value.hint
    return caught.value.code, caught.value.where


@pytest.mark.parametrize("without_tensors", [False, True])
def test_any_part_leads_to_the_whole_model(
    split: Split, tmp_path: Path, without_tensors: bool
) -> None:
    parts = split(3, without_tensors=without_tensors)
    whole = read_header(tmp_path / "whole.gguf")
    for part in parts:
        assert first_part(part) == parts[0]
        assert named_parts(part) == tuple(parts)
        header = read_model(part)
        assert header.parts == tuple(parts)
        assert header.file_size == sum(p.stat().st_size for p in parts)
        assert header.architecture == "llama"
        assert header.chat_template == whole.chat_template
        shapes = {t.name: (t.shape, t.kind, t.size) for t in whole.tensors}
        assert {t.name: (t.shape, t.kind, t.size) for t in header.tensors} == shapes


@pytest.mark.parametrize("number", [0, 1, 2])
def test_a_part_that_is_missing_is_named(split: Split, number: int) -> None:
    parts = split(3)
    parts[number].unlink()
    for there in (part for part in parts if part.exists()):
        assert _code(there) == ("model-part-missing", parts[number].name)


def test_several_that_are_missing_are_counted(split: Split) -> None:
    parts = split(4)
    for part in parts[1:]:
        part.unlink()
    assert _code(parts[0]) == ("model-part-missing", f"{parts[1].name} and 2 more")
    with pytest.raises(ModelFileError, match="3 of the model's 4 files are missing"):
        read_model(parts[0])


def test_a_part_of_another_model_is_named(split: Split, tmp_path: Path) -> None:
    parts = split(3)
    kept = parts[1].read_bytes()
    # Another number, another count, the same tensors twice.
    parts[1].write_bytes(parts[2].read_bytes())
    assert _code(parts[0]) == ("model-part-foreign", parts[1].name)
    parts[1].write_bytes(split(2, stem="other")[1].read_bytes())
    assert _code(parts[0]) == ("model-part-foreign", parts[1].name)
    there, brought = ([t.name.encode() for t in read_header(p).tensors] for p in parts[:2])
    own, twice = next((b, t) for b in brought for t in there if len(b) == len(t))
    parts[1].write_bytes(kept.replace(own, twice))
    assert _code(parts[2]) == ("model-part-foreign", parts[1].name)
    parts[1].write_bytes(kept[:-40])
    assert _code(parts[0]) == ("model-truncated", parts[1].name)
    parts[1].write_bytes(b"<!DOCTYPE html><html>")
    assert _code(parts[0]) == ("model-is-web-page", parts[1].name)


def test_parts_are_found_by_their_names_alone(split: Split, tmp_path: Path) -> None:
    parts = split(2)
    renamed = tmp_path / "model.gguf"
    parts[0].rename(renamed)
    assert _code(renamed) == ("model-part-misnamed", "model.gguf")
    # The second, called the first.
    parts[0].write_bytes(parts[1].read_bytes())
    assert _code(parts[0]) == ("model-part-misnamed", parts[0].name)


def test_a_folder_that_may_not_be_entered_is_told(
    split: Split, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts = split(2)

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "exists", refuse)
    assert engine_path(parts[1]).name == parts[0].name
    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(ModelFileError) as caught:
        read_model(parts[1])
    assert caught.value.code == "model-unreadable"


def test_a_whole_file_may_be_called_like_a_part(split: Split, tmp_path: Path) -> None:
    split(2)
    odd = tmp_path / "merged-00001-of-00002.gguf"
    (tmp_path / "whole.gguf").rename(odd)
    assert read_model(odd).parts == ()


@pytest.mark.parametrize(
    "name",
    ["a.gguf", "a-00000-of-00002.gguf", "a-00003-of-00002.gguf", "a-1-of-2.gguf",
     "a-00001-of-99999.gguf", "a-00001-of-00002.bin"],
)  # fmt: skip
def test_other_names_are_of_whole_files(name: str) -> None:
    assert named_parts(Path(name)) == (Path(name),)


def test_the_digest_is_what_two_commands_print(split: Split, tmp_path: Path) -> None:
    parts = split(3)
    command = f"cd {tmp_path} && sha256sum m-*-of-*.gguf | cut -c -64 | sha256sum"
    printed = subprocess.check_output(["/bin/sh", "-c", command], text=True)
    assert digest_of([sha256_of(part) for part in parts]) == printed.split()[0]
    assert digest_of(["ab" * 32]) == "ab" * 32
    found = inspect(parts[1], load_catalogue(), None)
    assert found.sha256 == printed.split()[0]
    assert found.parts == {part.name: sha256_of(part) for part in parts}
    assert found.size == sum(part.stat().st_size for part in parts)


def test_the_engine_process_may_read_and_hashes_every_part(split: Split, tmp_path: Path) -> None:
    parts = split(3)
    config = LlamaConfig(parts[2], stand_in(parts[2]))
    order = config.order()
    assert order["model"] == str(parts[0])
    read = files_for(order).read
    assert set(parts) <= set(read)
    assert tmp_path / "whole.gguf" not in read
    assert start_hashing(order).result() == {str(part): sha256_of(part) for part in parts}
    parts[1].unlink()
    assert set(start_hashing(order).result()) == {str(parts[0]), str(parts[2])}


def test_a_cache_of_links_keeps_the_parts_names(split: Split, tmp_path: Path) -> None:
    blobs, cache = tmp_path / "blobs", tmp_path / "snapshot"
    blobs.mkdir()
    cache.mkdir()
    for part in split(2):
        part.rename(blobs / sha256_of(part))
    for number, blob in enumerate(sorted(blobs.iterdir())):
        size = read_header(blob).number("split.no")
        (cache / f"m-{size + 1:05}-of-00002.gguf").symlink_to(blob)
        assert number < 2
    assert engine_path(cache / "m-00002-of-00002.gguf") == cache / "m-00001-of-00002.gguf"
    assert len(read_model(cache / "m-00001-of-00002.gguf").parts) == 2


def test_a_consultation_records_every_part(split: Split) -> None:
    parts = split(2)
    config = LlamaConfig(parts[0], stand_in(parts[0]))
    digests = {part.name: sha256_of(part) for part in parts}
    whole = digest_of(list(digests.values()))
    said = config.measured(config.identity(), whole, [], digests)
    assert said.sha256 == whole
    assert said.parts == tuple(ModelPart(*each) for each in digests.items())
    tuned = replace(config, adapters=(Adapter(Path("ward.gguf"), 0.5),))
    said = tuned.measured(tuned.identity(), whole, ["ab" * 32], digests)
    alone = tuned.measured(tuned.identity(), whole, ["ab" * 32])
    assert said.sha256 == alone.sha256 != whole
    assert [part.name for part in said.parts] == [*digests, "ward.gguf"]


async def _said(config: LlamaConfig, request: GenerationRequest) -> Generation:
    engine = LlamaEngine(config)
    await engine.start()
    try:
        async with asyncio.timeout(300):
            assert (await engine.wait_until_settled()).status == "ready", engine.trouble
        assert engine.confinement["confined"] in ("yes", "partly")
        return await engine.generate(request)
    finally:
        await engine.stop()


@pytest.mark.model
async def test_a_split_model_says_what_the_whole_one_says(
    config: LlamaConfig, embedded: Path, ask: Ask, tiny_models: ModuleType, tmp_path: Path
) -> None:
    whole = tmp_path / "whole.gguf"
    whole.symlink_to(embedded)
    parts = tiny_models.split(whole, "SmolLM2-135M-Instruct-Q8_0", 3)
    request = ask(samples=1, temperature=0, max_tokens=120)
    once = await _said(replace(config, cache=None), request)
    # Given by its last part, and with its digest required.
    digest = digest_of([sha256_of(part) for part in parts])
    entry = config.entry.model_copy(update={"sha256": digest})
    again = await _said(replace(config, model=parts[2], entry=entry, cache=None), request)
    assert again.samples[0].text == once.samples[0].text
    assert again.samples[0].finish == "stop"
    assert again.model.sha256 == digest
    assert [part.name for part in again.model.parts] == [part.name for part in parts]


@pytest.mark.model
async def test_the_engine_names_what_is_wrong_with_a_part(
    config: LlamaConfig, split: Split
) -> None:
    parts = split(3)
    entry = stand_in(parts[0], context=8192)

    async def refusal(sha256: str = "") -> tuple[str, str]:
        known = entry.model_copy(update={"sha256": sha256})
        engine = LlamaEngine(replace(config, model=parts[1], entry=known, cache=None))
        await engine.start()
        try:
            return (await engine.wait_until_settled()).detail, engine.trouble
        finally:
            await engine.stop()

    assert (await refusal("ab" * 32))[0] == "model-digest-mismatch"
    assert hashlib.sha256(parts[0].read_bytes()).hexdigest() == sha256_of(parts[0])
    parts[2].unlink()
    code, trouble = await refusal()
    assert code == "model-part-missing"
    assert parts[2].name in trouble
