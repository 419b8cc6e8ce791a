"""A model file is known by its header, whatever it is called, and a variant is not its base.

The headers marked `seen` stand in public logs of llama.cpp, Ollama and LM Studio (read 2026-11);
the others are what llama.cpp's converter derives from the repository's name (gguf-py,
`Metadata.get_model_id_components`). The tensors are tiny and of random weights.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds_hooks.inference.model_catalogue.catalogue import Catalogue, load_catalogue
from cds_hooks.inference.model_catalogue.model_names import file_name, normal
from cds_hooks.inference.model_catalogue.recognition import (
    Evidence,
    header_name,
    known_entry,
    recognise,
)
from cds_hooks.inference.model_checks.inspection import inspect
from cds_hooks.inference.model_files.gguf import Header, read_header

BLOB = "sha256-2f45cee0cd2bfd3ce6e30606612106cd10f2b7dc8f9f01e3521958869ec16655"
HASH = "7cc05e59a4da512149a723c4f58aeaa028445e18"
THINKS = "{% for m in messages %}{{ m.content }}{% endfor %}<think>\n{# </think> #}"

# architecture, file name, name, basename, size label, finetune, entry
PUBLISHED = [
    # seen: unsloth
    ("gemma4", "gemma-4-26B-A4B-it-UD-Q5_K_M.gguf", "Gemma-4-26B-A4B-It", "Gemma-4-26B-A4B-It",
     "26B-A4B", "it", "gemma-4-26b-a4b-it"),
    ("qwen35", "Qwen3.5-9B-Q4_K_S.gguf", "Qwen3.5-9B", "Qwen3.5-9B", "9B", "", "qwen3.5-9b"),
    ("qwen35", "Qwen3.5-27B-UD-Q4_K_XL.gguf", "Qwen3.5-27B", "Qwen3.5-27B", "27B", "",
     "qwen3.5-27b"),
    ("gpt-oss", "unsloth_gpt-oss-20b-GGUF_gpt-oss-20b-Q4_K_M.gguf", "Gpt-Oss-20B", "Gpt-Oss-20B",
     "20B", "", "gpt-oss-20b"),
    ("gpt-oss", "gpt-oss-120b.gguf", "Gpt-Oss-120B", "Gpt-Oss-120B", "120B", "", "gpt-oss-120b"),
    # seen: ggml-org, and what it published first
    ("gpt-oss", "ggml-org_gpt-oss-20b-GGUF_gpt-oss-20b-mxfp4.gguf", "Gpt Oss 20b", "gpt-oss",
     "20B", "", "gpt-oss-20b"),
    ("gpt-oss", "gpt-oss-20b-mxfp4.gguf", "Prerelease 100 20b Hf", "prerelease-100", "20B", "hf",
     "gpt-oss-20b"),
    # seen: lmstudio-community, made by bartowski
    ("gpt-oss", "gpt-oss-120b-MXFP4-00001-of-00002.gguf", "Openai_Gpt Oss 120b", "openai_gpt-oss",
     "120B", "", "gpt-oss-120b"),
    ("qwen35", "Qwen3.5-9B-Q4_K_M.gguf", "Qwen_Qwen3.5 9B", "Qwen_Qwen3.5", "9B", "",
     "qwen3.5-9b"),
    # seen: the embedded model's own
    ("llama", "SmolLM2-135M-Instruct.Q8_0.gguf", "Smollm2 135M 8k Lc100K Mix1 Ep2", "smollm2",
     "135M", "8k-lc100k-mix1-ep2", "smollm2-135m-instruct-q8_0"),
    # bartowski's names
    ("gemma4", "google_gemma-4-31B-it-Q4_K_M.gguf", "Gemma 4 31B It", "gemma-4", "31B", "it",
     "gemma-4-31b-it"),
    ("gpt-oss", "openai_gpt-oss-20b-MXFP4.gguf", "Openai_Gpt Oss 20b", "openai_gpt-oss", "20B",
     "", "gpt-oss-20b"),
    ("gemma3", "google_medgemma-27b-text-it-Q4_K_M.gguf", "Medgemma 27b Text It", "medgemma",
     "27B", "text-it", "medgemma-27b-text-it"),
    ("gemma3", "medgemma-4b-it.i1-Q4_K_M.gguf", "Medgemma 4b It", "medgemma", "4B", "it",
     "medgemma-4b-it"),
    ("qwen35moe", "Qwen_Qwen3.5-35B-A3B-IQ4_XS.gguf", "Qwen3.5 35B A3B", "Qwen3.5", "35B-A3B", "",
     "qwen3.5-35b-a3b"),
    # Ollama's blobs of files from Hugging Face, and files that somebody renamed
    ("gemma4", BLOB, "Google_Gemma 4 31B It", "google_gemma-4", "31B", "it", "gemma-4-31b-it"),
    ("qwen35", BLOB, "Qwen3.5-27B", "Qwen3.5-27B", "27B", "", "qwen3.5-27b"),
    ("gpt-oss", "model.gguf", "", "gpt-oss", "120B", "", "gpt-oss-120b"),
]  # fmt: skip

# The same, of other models: what the family is, and nothing more.
OTHERS = [
    # seen
    ("gemma4", "gemma-4-26B-A4B-it-qat-q4_0-uncensored.gguf",
     "Gemma 4 26B A4B It Qat Q4_0 Uncensored", "gemma-4", "26B-A4B", "it-qat-uncensored",
     "Gemma 4"),
    ("gemma4", BLOB, "Gemma-4-E2B-It", "Gemma-4-E2B-It", "4.6B", "", "Gemma 4"),
    ("qwen35moe", "Qwen3.6-35B-A3B-Q4_K_M.gguf", "Qwen3.6-35B-A3B", "Qwen3.6-35B-A3B", "35B-A3B",
     "", "Qwen3.5"),
    ("qwen35", "distilled-Q4_K_M.gguf", HASH, "", "27B", HASH, "Qwen3.5"),
    # what a header says is stronger than a file's name
    ("qwen35", "Qwen3.5-27B-Q4_K_M.gguf", "Qwen3.6 27B", "Qwen3.6", "27B", "", "Qwen3.5"),
    # the base's name kept, and the tuning told
    ("qwen35", "Qwen3.5-9B-Q4_K_M.gguf", "Qwen3.5 9B", "Qwen3.5", "9B", "medical", "Qwen3.5"),
    # another size under the name
    ("gpt-oss", "x.gguf", "Gpt Oss 20b", "gpt-oss", "120B", "", "gpt-oss"),
    # the model that sees is another than the one that reads
    ("gemma3", "medgemma-27b-it-Q4_K_M.gguf", "Medgemma 27b It", "medgemma", "27B", "it",
     "Gemma 3"),
    # a pretrained base answers no questions
    ("gemma4", "gemma-4-31B-Q4_K_M.gguf", "Gemma 4 31B", "gemma-4", "31B", "", "Gemma 4"),
    # Ollama's own library writes no name at all
    ("qwen35moe", BLOB, "", "", "", "", "Qwen3.5"),
]  # fmt: skip

Make = Callable[..., Path]


@pytest.fixture
def make(tiny_models: ModuleType, tmp_path: Path) -> Make:
    """`make(architecture, file, name, basename, size, finetune)` writes a tiny file."""

    def write(family: str, file: str, *told: str, **more: Any) -> Path:
        keys = ("name", "basename", "size_label", "finetune")
        says = {f"general.{k}": v or None for k, v in zip(keys, told, strict=True)}
        path = tmp_path / file
        tiny_models.write(family, path, says={**says, **more.pop("says", {})}, **more)
        return path

    return write


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return load_catalogue()


@pytest.mark.parametrize(("family", "file", "name", "base", "size", "tuned", "entry"), PUBLISHED)
def test_a_published_file_is_known_by_its_header(
    catalogue: Catalogue, make: Make, family: str, file: str, name: str, base: str, size: str,
    tuned: str, entry: str,
) -> None:  # fmt: skip
    path = make(family, file, name, base, size, tuned)
    found = recognise(catalogue, path, read_header(path))
    assert found.entry is not None
    assert (found.entry.name, found.by) == (entry, Evidence.HEADER)
    known = known_entry(catalogue, path)
    assert known.thinking == catalogue.get(entry).thinking
    assert bool(known.thinking) == (family not in ("llama", "gemma3"))


@pytest.mark.parametrize(("family", "file", "name", "base", "size", "tuned", "kin"), OTHERS)
def test_another_model_of_a_family_has_its_markers_and_nothing_else(
    catalogue: Catalogue, make: Make, family: str, file: str, name: str, base: str, size: str,
    tuned: str, kin: str,
) -> None:  # fmt: skip
    markers = next(f.thinking for f in catalogue.families if f.name == kin)
    template = "{{ messages[0].content }}{{ messages[1].content }}"
    template += f"{{# {markers.stop} #}}" if markers else ""
    path = make(family, file, name, base, size, tuned, template=template)
    found = recognise(catalogue, path, read_header(path))
    assert found.entry is None
    known = known_entry(catalogue, path)
    assert known.family == kin
    assert known.thinking == markers
    assert known.sampling.top_p == next(
        f.sampling.top_p for f in catalogue.families if f.name == kin
    )
    assert (known.licence, known.published, known.digests, known.sha256) == ("", (), (), "")
    assert not known.demonstration


def test_a_variant_that_never_learnt_to_think_is_not_led_to(
    catalogue: Catalogue, make: Make
) -> None:
    told = ("Qwen3.5 9B Plain", "Qwen3.5", "9B", "plain")
    without = make("qwen35", "a.gguf", *told, template="{{ messages[0].content }}")
    assert known_entry(catalogue, without).thinking is None
    # The site's template counts, where it gives one.
    assert known_entry(catalogue, without, template=THINKS).thinking is not None


def test_a_header_of_another_architecture_says_nothing(catalogue: Catalogue, make: Make) -> None:
    path = make("llama", "x.gguf", "Gpt Oss 20b", "gpt-oss", "20B", "")
    found = recognise(catalogue, path, read_header(path))
    assert (found.entry, found.family, found.by) == (None, None, Evidence.NOTHING)


def test_a_digest_says_more_than_a_header(catalogue: Catalogue, make: Make) -> None:
    digest = catalogue.get("smollm2-135m-instruct-q8_0").digests[0]
    path = make("gpt-oss", "x.gguf", "Gpt Oss 20b", "gpt-oss", "20B", "")
    found = recognise(catalogue, path, read_header(path), digest)
    assert found.entry is not None
    assert (found.entry.demonstration, found.by) == (True, Evidence.DIGEST)


def test_a_file_without_a_name_inside_is_known_by_its_file_s_name(
    catalogue: Catalogue, make: Make
) -> None:
    for name in ("", HASH):
        path = make("gpt-oss", "openai_gpt-oss-20b-MXFP4.gguf", name, "", "", "")
        found = recognise(catalogue, path, read_header(path))
        assert found.entry is not None
        assert (found.entry.name, found.by) == ("gpt-oss-20b", Evidence.FILE_NAME)
    assert recognise(catalogue, Path("gpt-oss-20b-heretic-Q4_K_M.gguf"), None).entry is None


def test_a_file_s_name_is_not_believed_of_another_architecture(
    catalogue: Catalogue, make: Make
) -> None:
    """No name inside, and a well-known one outside: neither licence, nor results, nor markers."""
    path = make("llama", "gpt-oss-20b-MXFP4.gguf", "", "", "", "")
    found = recognise(catalogue, path, read_header(path))
    assert (found.entry, found.by) == (None, Evidence.NOTHING)
    assert found.misnamed == catalogue.get("gpt-oss-20b")
    known = known_entry(catalogue, path)
    assert (known.licence, known.published, known.thinking) == ("", (), None)


OWN = """
version = "1"
[[model]]
name = "{name}"
family = "Test"
architecture = "gpt-oss"
named = ["{named}"]
licence = "MIT"
source = "here"
context = 4096
"""


def test_a_site_s_own_entry_goes_before_a_shipped_one(make: Make, tmp_path: Path) -> None:
    site = tmp_path / "site.toml"
    site.write_text(OWN.format(name="ours", named="gpt-oss-20b"))
    path = make("gpt-oss", "a.gguf", "Gpt Oss 20b", "gpt-oss", "20B", "")
    assert known_entry(load_catalogue(site), path).name == "ours"


def test_a_site_s_own_entry_that_lists_the_file_goes_before_its_header(
    make: Make, tmp_path: Path
) -> None:
    site = tmp_path / "site.toml"
    text = OWN.format(name="ours", named="ours").replace(
        "licence", 'files = ["ward*.gguf"]\nlicence'
    )
    site.write_text(text)
    told = ("Gpt Oss 20b", "gpt-oss", "20B", "")
    listed, other = make("gpt-oss", "ward.gguf", *told), make("gpt-oss", "x.gguf", *told)
    found = recognise(load_catalogue(site), listed, read_header(listed))
    assert found.entry is not None
    assert (found.entry.name, found.by) == ("ours", Evidence.FILE_NAME)
    assert known_entry(load_catalogue(site), other).name == "gpt-oss-20b"


def test_of_two_entries_that_fit_the_closer_is_taken_or_none(
    make: Make, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    site = tmp_path / "site.toml"
    first = OWN.format(name="one", named="gpt-oss-20b")
    second = OWN.format(name="two", named="gpt-oss-20b").replace('version = "1"', "")
    site.write_text(first + second)
    both = load_catalogue(site)
    path = make("gpt-oss", "ward-2026.gguf", "Gpt Oss 20b", "gpt-oss", "20B", "")
    found = recognise(both, path, read_header(path))
    assert (found.entry, found.rivals) == (None, ("one", "two"))
    assert found.family is not None
    (said,) = [f for f in inspect(path, both, None).findings if f.id == "catalogue-ambiguous"]
    assert "one, two" in said.text
    with caplog.at_level(logging.WARNING, "cds_hooks.inference"):
        assert known_entry(both, path).thinking == found.family.thinking
        known_entry(both, path)
    assert [record.message for record in caplog.records].count(
        "catalogue-ambiguous: one, two fit ward-2026.gguf, so none is taken"
    ) == 1
    site.write_text(first + second.replace('named = ["gpt-oss-20b"]',
                    'named = ["gpt-oss-20b"]\nfiles = ["ward*.gguf"]'))  # fmt: skip
    assert known_entry(load_catalogue(site), path).name == "two"


def test_check_says_how_a_file_is_known(catalogue: Catalogue, make: Make) -> None:
    told = ("Gpt Oss 20b", "gpt-oss", "20B", "")
    path = make("gpt-oss", BLOB, *told, says={"general.license": "mit"})
    found = inspect(path, catalogue, None)
    assert {"known-by-header", "licence-differs"} <= {f.id for f in found.findings}
    tuned = make("gpt-oss", BLOB, "Gpt Oss 20b Ward", "gpt-oss", "20B", "ward")
    found = inspect(tuned, catalogue, None)
    assert "family-only" in {f.id for f in found.findings}
    assert found.described.name == "gpt-oss-20b-ward"
    assert found.described.thinking is not None


_ANY = st.text(max_size=60)
_WORDS = st.lists(
    st.sampled_from(["Gemma", "Qwen3.5", "Gpt", "Oss", "4", "3", "27B", "31B", "It", "Medgemma",
                     "Text", "20b", "120b", "9B", "35B", "A3B", "Base", "Q4_K_M", "medical"]),
    min_size=1, max_size=6,
)  # fmt: skip
_ARCHITECTURES = ["llama", "gemma3", "gemma4", "qwen35", "qwen35moe", "gpt-oss", "qwen2", ""]


@given(
    architecture=st.sampled_from(_ARCHITECTURES),
    name=_ANY | _WORDS.map(" ".join) | _WORDS.map("-".join),
    basename=_ANY | _WORDS.map("-".join),
    size=st.sampled_from(["", "27B", "31B", "20B", "120B", "9B", "35B-A3B", "4B", "8x7B"]),
    finetune=_ANY | st.sampled_from(["it", "medical", "text-it", "base"]),
)
def test_no_header_is_taken_for_a_model_that_it_does_not_name(
    architecture: str, name: str, basename: str, size: str, finetune: str
) -> None:
    told = {"architecture": architecture, "name": name, "basename": basename,
            "size_label": size, "finetune": finetune}  # fmt: skip
    metadata = {f"general.{key}": value for key, value in told.items()}
    header = Header(3, metadata, (), 0, 0)
    found = recognise(_SHIPPED, Path("unknown.gguf"), header)
    if found.family is not None:
        assert architecture in found.family.architectures
    if found.entry is None:
        return
    assert found.entry.architecture == architecture
    # Every word of the entry's name stands in the header: nothing else is guessed from it.
    words = set(" ".join((name, basename, size, finetune)).lower().replace("_", "-").split())
    words = {part for word in words for part in word.split("-")}
    assert set(header_name(header).split("-")) <= words
    assert header_name(header) in found.entry.named


_SHIPPED = load_catalogue()


@given(name=_ANY | _WORDS.map("-".join))
def test_a_name_that_is_normal_stays_so(name: str) -> None:
    assert normal(normal(name)) == normal(name)
    assert "/" not in file_name(Path("a") / f"{name.replace('/', '')}x")


def test_every_entry_and_family_is_told_by_headers(catalogue: Catalogue) -> None:
    names = [(entry.architecture, name) for entry in catalogue.entries for name in entry.named]
    assert len(names) == len(set(names))
    families = {a: family for family in catalogue.families for a in family.architectures}
    for entry in catalogue.entries:
        assert entry.named
        if entry.architecture not in families:
            continue
        family = families[entry.architecture]
        assert entry.thinking == family.thinking
        assert entry.template_options == family.template_options
        assert entry.sampling == family.sampling
