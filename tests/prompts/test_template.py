from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import prompts
from fhir_mapping.chart import Kind
from prompts import TemplateError, load
from prompts.template import digest

SHIPPED = Path(prompts.__file__).parent


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the shipped template that a test may break."""
    shutil.copytree(SHIPPED / "differential" / "1", tmp_path / "differential" / "1")
    return tmp_path / "differential" / "1"


def test_the_newest_version_is_the_default(folder: Path) -> None:
    for version in ("2", "10"):
        copy = folder.parent / version
        shutil.copytree(folder, copy)
        text = (
            (copy / "template.toml").read_text().replace('version = "1"', f'version = "{version}"')
        )
        (copy / "template.toml").write_text(text)
    root = folder.parents[1]
    assert load("differential", root=root).ref.version == "10"
    assert load("differential", "1", root=root).ref.version == "1"


def test_every_kind_of_fact_has_a_place() -> None:
    sections = load("differential").settings.sections
    assert {kind for section in sections for kind in section.kinds} == set(Kind)


@pytest.mark.parametrize(
    ("template_id", "version"),
    [
        ("../differential", None),
        ("differential/1", None),
        ("differential", "../1"),
        ("differential", "0"),
        ("differential", "99"),
        ("none", None),
        ("", None),
    ],
)
def test_what_is_not_there_is_an_error(template_id: str, version: str | None) -> None:
    with pytest.raises(TemplateError):
        load(template_id, version)


@pytest.mark.parametrize(
    ("name", "before", "after", "message"),
    [
        ("template.toml", "samples = 3", "samples = 3\nsample = 3", "sample"),
        ("template.toml", "samples = 3", "samples = 0", "samples"),
        ("template.toml", 'kinds = ["allergy"]', 'kinds = ["problem"]', "exactly once"),
        ("template.toml", 'kinds = ["allergy"]', 'kinds = ["alergy"]', "alergy|kinds"),
        ("template.toml", 'id = "differential"', 'id = "other"', "says other/1"),
        ("template.toml", "samples", "= samples", "template differential/1"),
        ("system.j2", "{{ fewest }}", "{{ fewest", "template differential/1"),
        ("output.schema.json", "{", "", "template differential/1"),
    ],
)
def test_a_broken_file_is_named(
    folder: Path, name: str, before: str, after: str, message: str
) -> None:
    text = (folder / name).read_text()
    assert before in text
    (folder / name).write_text(text.replace(before, after, 1))
    with pytest.raises(TemplateError, match=message):
        load("differential", root=folder.parents[1])


@pytest.mark.parametrize("name", ["template.toml", "system.j2", "chart.j2", "output.schema.json"])
def test_every_file_counts_for_the_digest(folder: Path, name: str) -> None:
    before = digest(folder)
    (folder / name).write_bytes((folder / name).read_bytes() + b"\n")
    assert digest(folder) != before
    assert before == digest(SHIPPED / "differential" / "1") == load("differential", "1").ref.sha256


def test_a_file_that_is_added_or_renamed_counts_too(folder: Path) -> None:
    before = digest(folder)
    (folder / "extra").write_bytes(b"")
    added = digest(folder)
    (folder / "extra").rename(folder / "extra2")
    assert len({before, added, digest(folder)}) == 3


def test_a_template_cannot_reach_out_of_the_sandbox(folder: Path) -> None:
    (folder / "chart.j2").write_text("{{ patient.__class__.__mro__ }}")
    template = load("differential", root=folder.parents[1])
    with pytest.raises(Exception, match="unsafe"):
        template.chart.render(patient={}, sections=[])
