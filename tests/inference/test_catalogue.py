"""The catalogue is data that is read strictly."""

from __future__ import annotations

from pathlib import Path

import pytest

from cds_hooks.inference.catalogue import CatalogueError, load_catalogue

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


def test_the_embedded_model_is_known_by_name_and_by_digest() -> None:
    catalogue = load_catalogue()
    entry = catalogue.get("smollm2-135m-instruct-q4_1")
    assert entry.demonstration
    assert entry.licence == "Apache-2.0"
    assert catalogue.for_file(Path("renamed.gguf"), entry.sha256) == entry
    assert catalogue.for_file(Path("/models/smollm2-135m-instruct.q4_1.gguf")) == entry
    assert catalogue.for_file(Path("other.gguf")) is None


def test_a_site_adds_and_replaces_entries(tmp_path: Path) -> None:
    site = tmp_path / "site.toml"
    site.write_text(ENTRY.format(name="smollm2-135m-instruct-q4_1"))
    catalogue = load_catalogue(site)
    assert catalogue.get("smollm2-135m-instruct-q4_1").family == "Test"


@pytest.mark.parametrize(
    "text",
    [
        "version = ",
        "version = '1'\nmodels = []",
        ENTRY.format(name="a") + "surprise = 1",
        ENTRY.format(name="a") + "sha256 = 'short'",
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


def test_an_unknown_name_is_an_error() -> None:
    with pytest.raises(CatalogueError):
        load_catalogue().get("gpt-none")
