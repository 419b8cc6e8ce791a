"""Signs of rare diseases as the Human Phenotype Ontology annotates them: `data/systems/hpo.csv`."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from functools import cache

from cds_hooks.plausibility.data_files import data_file
from cds_hooks.plausibility.relevance.sign_table import Sign
from cds_hooks.plausibility.relevance.strength import Strength
from cds_hooks.plausibility.terminology.resolution import Concept

__all__ = ["SOURCE", "annotated", "load", "signs_of"]

SOURCE = "Human Phenotype Ontology annotations, 2025-01-16 (human-phenotype-ontology.org)"
_STRENGTHS = {"+": Strength.MODERATE, "": Strength.WEAK}


def signs_of(concepts: Iterable[Concept]) -> Mapping[str, Sign]:
    """Finding -> how it speaks for any of the concepts: moderately where at least 30 % of patients
    have it, weakly where fewer do or nobody counted."""
    found: dict[str, Sign] = {}
    for concept in concepts:
        for told in annotated().get(concept.code, "").split():
            name = told.removesuffix("+")
            strength = _STRENGTHS[told[len(name) :]]
            if name not in found or strength.rank < found[name].strength.rank:
                found[name] = Sign(name, strength, SOURCE)
    return found


@cache
def annotated() -> Mapping[str, str]:
    """Code of a concept -> its findings; one with "+" is frequent."""
    lines = data_file("systems", "hpo.csv").read_text("utf-8").splitlines()
    rows = csv.reader(line for line in lines if not line.startswith("#"))
    return {code: told for codes, told in rows for code in codes.split()}


def load() -> None:
    """Read the table of this module."""
    annotated()
