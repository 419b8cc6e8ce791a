"""What kind of word a word is: the sites and the organisms that the sources themselves name."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import cache

from cds_hooks.plausibility.terminology.compiler.mesh_icd_links import term_key
from cds_hooks.plausibility.terminology.compiler.mesh_other_headings import OtherHeading
from cds_hooks.plausibility.terminology.compiler.source_concepts import (
    IcdConcept,
    MeshConcept,
    SourceTerm,
)
from cds_hooks.plausibility.terminology.name_keys import key_words, tables
from cds_hooks.plausibility.terminology.non_diagnoses import NonDiagnosisKind
from cds_hooks.plausibility.terminology.term_ranks import PREFERRED

__all__ = ["organism_words", "site_words", "without_sites"]

_SITE = re.compile(
    r"^(?:malignant neoplasm|benign neoplasm|carcinoma in situ|contusion|open wound|fracture"
    r"|dislocation|sprain|strain|laceration|crushing injury|injury|superficial injury|foreign body"
    r"|burn|abscess|cellulitis) (?:of|in) (?:the )?(.*)$",
    re.IGNORECASE,
)
_REST = re.compile(r"[,;(]| with| without| whether| due| as | any ")
_CAUSE = re.compile(r"due to (.*)$|^(.*?)(?: \[.*\])? as the cause of diseases", re.IGNORECASE)
_INFECTIONS = re.compile(r"^([^,]+) infections?$", re.IGNORECASE)
_MICROBES = frozenset({"B01.300", "B02", "B03", "B04"})
_NO_SITE = frozenset(
    {"closed", "complication", "cutaneous", "degree", "displaced", "effect", "encounter"}
    | {"first", "foreign", "initial", "late", "level", "loss", "multiple", "nail", "open", "organ"}
    | {"other", "overlapping", "part", "site", "specified", "system", "thickness", "type"}
    | {"unspecified", "without", "2", "3", "4", "5", "1", "2nd", "3rd", "body", "minor", "major"}
)
_NO_ORGANISM = frozenset(
    {"acute", "and", "animal", "asymptomatic", "bone", "breakthrough", "cardiovascular", "catheter"}
    | {"central", "community", "cross", "eye", "focal", "hospital", "laboratory", "latent", "other"}
    | {"opportunistic", "pelvic", "persistent", "prosthesis", "related", "reproductive", "skin"}
    | {
        "respiratory",
        "soft",
        "specified",
        "staphylococcal",
        "surgical",
        "system",
        "tissue",
        "tract",
    }
    | {"unspecified", "urinary", "wound", "organism", "agent", "not", "elsewhere", "classified"}
    | {"acquired", "aid", "associated", "blood", "borne", "cell", "cns", "disease", "group"}
    | {"human", "infection", "intestine", "intraabdominal", "invasive", "pelvis", "producing"}
    | {"puerperal", "recurrent", "resistant", "river", "round", "screw", "simian", "small", "specy"}
    | {
        "susceptible",
        "toxin",
        "tumor",
        "type",
        "african",
        "alpha",
        "atypical",
        "cancer",
        "cellulose",
    }
    | {"cerebralis", "congenital", "disseminated", "fever", "forest", "giant", "leukemia", "mixed"}
    | {"perinatal", "pneumonia", "raccoon", "reactivated", "reactivation", "renale", "secondary"}
    | {"severe", "syndrome", "keratitis", "primary", "thrombocytopenia", "xenotropic", "zoonotic"}
)


@cache
def _words_of(text: str) -> tuple[str, ...]:
    return tuple(key_words(text))


def site_words(icd: Iterable[IcdConcept]) -> frozenset[str]:
    """Words that ICD-10-CM's neoplasm and injury titles use for a part of the body."""
    found: set[str] = set()
    for concept in icd:
        hit = _SITE.match(concept.display) if concept.code[0] in "CDSTL" else None
        if hit:
            found.update(_words_of(_REST.split(hit.group(1))[0]))
    sites = found - _NO_SITE - tables().turning
    return frozenset(w for w in sites if len(w) > 2 and not w[0].isdigit())


def without_sites(mesh: Iterable[MeshConcept], sites: frozenset[str]) -> list[MeshConcept]:
    """Headings without entry terms of one word for a part of the body: "pancreas" is no tumor."""
    return [
        replace(c, terms=tuple(t for t in c.terms if t.rank == PREFERRED or not _site(t, sites)))
        for c in mesh
    ]


def _site(term: SourceTerm, sites: frozenset[str]) -> bool:
    return term_key(term.text) in sites


def organism_words(
    icd: Iterable[IcdConcept], mesh: Sequence[MeshConcept], others: Iterable[OtherHeading]
) -> frozenset[str]:
    """Words that ICD-10-CM chapter 1 and MeSH's infection headings use for an organism, and the
    genera of bacteria, fungi and parasites that MeSH has."""
    found: set[str] = set()
    for concept in icd:
        hit = _CAUSE.search(concept.display) if concept.chapter == "1" else None
        if hit:
            found.update(key_words(hit.group(1) or hit.group(2)))
    for heading in mesh:
        if heading.trees and all(t.startswith("C01") for t in heading.trees):
            for term in heading.terms:
                named = _INFECTIONS.match(term.text)
                found.update(key_words(named.group(1)) if named else ())
    found.update(_genera(others))
    organisms = found - _NO_ORGANISM - tables().turning
    return frozenset(w for w in organisms if len(w) > 2 and not w[0].isdigit())


def _genera(others: Iterable[OtherHeading]) -> Iterable[str]:
    """Headings of one Latin word in the trees of microbes; no plants, no animals but parasites."""
    for heading in others:
        found = key_words(heading.names[0])
        microbe = heading.kind is NonDiagnosisKind.ORGANISM and _MICROBES.issuperset(heading.trees)
        if microbe and len(found) == 1 and len(found[0]) > 4:
            yield found[0]
