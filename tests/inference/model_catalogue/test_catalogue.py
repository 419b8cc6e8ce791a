"""The catalogue is data that is read strictly."""

from __future__ import annotations

from pathlib import Path

import pytest

from cds_hooks.inference.model_catalogue.catalogue import (
    Catalogue,
    CatalogueError,
    ModelEntry,
    load_catalogue,
)
from cds_hooks.inference.model_catalogue.recognition import recognise

DIGEST = "0123456789abcdef" * 4
ENTRY = """
version = "1"
[[model]]
name = "{name}"
family = "Test"
architecture = "llama"
files = ["*-test.gguf"]
licence = "MIT"
source = "here"
context = 4096
"""


def entry_of(catalogue: Catalogue, path: Path, sha256: str = "") -> ModelEntry | None:
    """What a file is taken for by its digest or its name alone."""
    return recognise(catalogue, path, None, sha256).entry


def test_the_embedded_model_is_known_by_its_files_name() -> None:
    catalogue = load_catalogue()
    entry = catalogue.get("smollm2-135m-instruct-q8_0")
    assert entry.demonstration
    assert entry.licence == "Apache-2.0"
    assert entry_of(catalogue, Path("/models/smollm2-135m-instruct.q8_0.gguf")) == entry
    assert entry_of(catalogue, Path("other.gguf")) is None


def test_a_copy_of_the_embedded_model_is_for_demonstration_under_any_name(tmp_path: Path) -> None:
    site = tmp_path / "site.toml"
    digest = load_catalogue().get("smollm2-135m-instruct-q8_0").digests[0]
    site.write_text(ENTRY.format(name="ours") + f'sha256 = "{digest}"')
    found = entry_of(load_catalogue(site), Path("our-test.gguf"), digest)
    assert found is not None
    assert found.demonstration


def test_a_file_is_known_by_its_digest_whatever_its_name(tmp_path: Path) -> None:
    site = tmp_path / "site.toml"
    site.write_text(ENTRY.format(name="ours") + f'sha256 = "{DIGEST}"')
    catalogue = load_catalogue(site)
    assert entry_of(catalogue, Path("renamed.gguf"), DIGEST) == catalogue.get("ours")
    assert entry_of(catalogue, Path("renamed.gguf"), DIGEST[::-1]) is None


@pytest.mark.parametrize(
    ("file_name", "name"),
    [
        ("gemma-4-31B-it-Q4_K_M.gguf", "gemma-4-31b-it"),
        ("gemma-4-26B-A4B-it-UD-Q5_K_XL.gguf", "gemma-4-26b-a4b-it"),
        ("Qwen3.5-27B-Q4_K_M.gguf", "qwen3.5-27b"),
        ("Qwen_Qwen3.5-35B-A3B-Q6_K.gguf", "qwen3.5-35b-a3b"),
        ("Qwen3.5-9B-Q8_0.gguf", "qwen3.5-9b"),
        ("gpt-oss-20b-mxfp4.gguf", "gpt-oss-20b"),
        ("gpt-oss-120b-mxfp4-00001-of-00003.gguf", "gpt-oss-120b"),
        ("medgemma-27b-text-it-Q4_K_M.gguf", "medgemma-27b-text-it"),
    ],
)
def test_every_family_is_found_by_the_usual_file_names(file_name: str, name: str) -> None:
    entry = entry_of(load_catalogue(), Path(file_name))
    assert entry is not None
    assert entry.name == name
    assert not entry.demonstration


def test_every_entry_says_what_a_reader_must_know() -> None:
    for entry in load_catalogue().entries:
        assert entry.parameters > 0
        assert entry.source.startswith("https://")
        assert entry.licence
        for result in entry.published:
            assert result.source


def test_weights_are_estimated_from_the_parameters() -> None:
    entry = load_catalogue().get("gemma-4-31b-it")
    assert entry.weights_gb(4) == pytest.approx(17.7, abs=0.1)
    assert entry.weights_gb(8) == pytest.approx(35.3, abs=0.1)


def test_a_site_adds_and_replaces_entries(tmp_path: Path) -> None:
    site = tmp_path / "site.toml"
    site.write_text(ENTRY.format(name="smollm2-135m-instruct-q8_0"))
    catalogue = load_catalogue(site)
    assert catalogue.get("smollm2-135m-instruct-q8_0").family == "Test"


@pytest.mark.parametrize(
    "text",
    [
        "version = ",
        "version = '1'\nmodels = []",
        ENTRY.format(name="a") + "surprise = 1",
        ENTRY.format(name="a") + "sha256 = 'short'",
        ENTRY.format(name="a").replace('files = ["*-test.gguf"]', ""),
        ENTRY.format(name="a") + 'named = ["Not Normal"]',
        ENTRY.format(name="a") + 'chat_template = "x"\nchat_template_file = "y"',
        ENTRY.format(name="a") + "[model.sampling]\ntemperature = -1",
        ENTRY.format(name="a") + ENTRY.format(name="a").replace('version = "1"', ""),
        "\xff",
    ],
)
def test_a_broken_catalogue_is_an_error_that_names_the_place(tmp_path: Path, text: str) -> None:
    site = tmp_path / "site.toml"
    site.write_bytes(text.encode("latin-1"))
    with pytest.raises(CatalogueError) as caught:
        load_catalogue(site)
    assert caught.value.where


def test_an_entry_may_keep_its_chat_template_in_a_file(tmp_path: Path) -> None:
    site, template = tmp_path / "site.toml", tmp_path / "ours.jinja"
    site.write_text(ENTRY.format(name="ours") + 'chat_template_file = "ours.jinja"')
    with pytest.raises(CatalogueError) as caught:
        load_catalogue(site)
    assert "ours.chat_template_file" in caught.value.where
    template.write_text("{{ messages }}")
    assert load_catalogue(site).get("ours").chat_template == "{{ messages }}"


def test_a_site_adds_and_replaces_families(tmp_path: Path) -> None:
    site = tmp_path / "site.toml"
    family = '[[family]]\nname = "{}"\narchitectures = ["llama"]\n'
    site.write_text('version = "1"\n' + family.format("Llama") + family.format("Qwen3.5"))
    families = {family.name: family for family in load_catalogue(site).families}
    assert families["Llama"].architectures == ("llama",)
    assert families["Qwen3.5"].thinking is None
    assert families["Gemma 4"].thinking is not None


def test_an_unknown_name_is_an_error() -> None:
    with pytest.raises(CatalogueError):
        load_catalogue().get("gpt-none")
