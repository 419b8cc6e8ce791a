"""Relevance compared with the symptoms and diseases that publications name together.

The table of co-occurrences (119 diseases, 316 symptoms) is a check and no source: it is read where
it lies beside the checkout, and nothing of it is shipped.
"""

from __future__ import annotations

import csv
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from cds_hooks.consultation import Evidence
from cds_hooks.plausibility import Terminology
from cds_hooks.plausibility.chart.finding_index import FindingIndex
from cds_hooks.plausibility.chart.indexed_chart import identity_of, index_chart
from cds_hooks.plausibility.checks import CheckedDiagnosis
from cds_hooks.plausibility.relevance import link_evidence
from fhir_mapping.chart import Chart, Fact, Kind, PatientFacts
from tests.sample.places import SHARED

PAIRS = SHARED.folder / "knowledge" / "symptoms-DO.tsv"
NO_FINDINGS = {
    "Akathisia, Drug-Induced",
    "Birth Weight",
    "Body Weight",
    "Body Weight Changes",
    "Fetal Weight",
    "Pain, Postoperative",
    "Postoperative Nausea and Vomiting",
    "Pseudophakia",
    "Psychophysiologic Disorders",
    "Vomiting, Anticipatory",
}
"""What is measured in everybody, follows from treatment, or is a heading for studies."""
STRONGEST, DRAWN = 300, 3000
ORGANS = {
    "C23.888.307": "C11", "C23.888.592": "C10", "C23.888.821": "C06", "C23.888.852": "C08",
    "C23.888.885": "C17", "C23.888.942": "C12", "C23.888.144": "C18",
}  # fmt: skip
NO_ORGAN = {"C01", "C04", "C16", "C23"}

Row = dict[str, str]
Bears = Callable[[str, str], bool]


@pytest.fixture(scope="module")
def rows() -> list[Row]:
    if not PAIRS.is_file():
        pytest.skip("the table of co-occurrences is not beside the checkout")
    with PAIRS.open(encoding="utf-8", newline="") as lines:
        read = list(csv.DictReader(lines, delimiter="\t"))
    return [r for r in read if r["symptom_name"] not in NO_FINDINGS]


def plain(heading: str) -> str:
    """A heading in the order of speech: "Failure, Heart" as "Heart Failure"."""
    first, _, rest = heading.partition(", ")
    return f"{rest} {first}" if rest else first


@pytest.fixture(scope="module")
def bears(terminology: Terminology) -> Bears:
    """Whether a complaint of a symptom is a known link to a disease, or of its organ system."""

    def judged(symptom: str, disease: str) -> bool:
        fact = Fact("S1", Kind.COMPLAINT, plain(symptom))
        indexed = index_chart(Chart(PatientFacts(50, "female"), (fact,)), terminology)
        found = terminology.resolve(disease)
        found = found if found.recognised else terminology.resolve(plain(disease))
        is_ = identity_of(disease, found.concepts, terminology)
        cited = (Evidence("S1", "present"),)
        case = CheckedDiagnosis(
            disease, found, is_, cited, (), indexed, terminology, FindingIndex(indexed)
        )
        told = link_evidence(case)
        return bool(told.links or told.shared)

    return judged


def test_the_strongest_pairs_are_known_links_or_of_one_organ_system(
    rows: list[Row], bears: Bears
) -> None:
    strongest = sorted(rows, key=lambda r: -float(r["tfidf_score"]))[:STRONGEST]
    missed = [
        (r["disease_name"], r["symptom_name"])
        for r in strongest
        if not bears(r["symptom_name"], r["disease_name"])
    ]
    assert len(missed) / STRONGEST <= 0.10, missed


def test_pairs_of_other_organ_systems_that_nobody_names_together_are_not(
    rows: list[Row], bears: Bears, terminology: Terminology
) -> None:
    named = {(r["disease_name"], r["symptom_name"]) for r in rows}
    ids = {r["disease_name"]: r["disease_id"] for r in rows}
    ids |= {r["symptom_name"]: r["symptom_id"] for r in rows}
    diseases, symptoms = (sorted({p[at] for p in named}) for at in (0, 1))
    draw = random.Random(1)
    drawn = [(draw.choice(diseases), draw.choice(symptoms)) for _ in range(DRAWN)]
    unrelated = [
        p for p in drawn if p not in named and _are_apart(ids[p[0]], ids[p[1]], terminology)
    ]
    linked = [(d, s) for d, s in unrelated if bears(s, d)]
    assert len(unrelated) > DRAWN / 3
    assert len(linked) / len(unrelated) <= 0.10, linked


def _are_apart(disease: str, symptom: str, terminology: Terminology) -> bool:
    """Whether MeSH puts both under organ systems, and under no common one."""
    mine, other = _organs(disease, terminology), _organs(symptom, terminology)
    return bool(mine and other) and mine.isdisjoint(other)


def _organs(descriptor: str, terminology: Terminology) -> set[str]:
    concept = terminology.concept(descriptor)
    trees = concept.trees if concept is not None else ()
    tops = {
        next((organ for place, organ in ORGANS.items() if t.startswith(place)), t[:3])
        for t in trees
    }
    return tops - NO_ORGAN


def test_the_folder_of_the_check_is_not_within_the_project() -> None:
    assert Path(__file__).resolve().parents[2] not in PAIRS.parents
