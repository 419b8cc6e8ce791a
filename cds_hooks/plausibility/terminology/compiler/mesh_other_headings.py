"""What MeSH has besides diseases: drugs, organisms, tests, parts of the body, processes."""

from __future__ import annotations

from collections.abc import Container, Iterable
from dataclasses import dataclass

from cds_hooks.plausibility.data_files import read_csv_rows
from cds_hooks.plausibility.terminology.compiler.mesh_icd_links import term_key
from cds_hooks.plausibility.terminology.non_diagnoses import NonDiagnosisKind

__all__ = ["OtherHeading", "other_headings", "other_rows"]

_ORDER = (
    ("B", NonDiagnosisKind.ORGANISM),
    ("E", NonDiagnosisKind.PROCEDURE),
    ("D", NonDiagnosisKind.SUBSTANCE),
    ("A", NonDiagnosisKind.ANATOMY),
    ("F", NonDiagnosisKind.BEHAVIOR),
    ("G", NonDiagnosisKind.PROCESS),
)
"""By the letter of MeSH's trees; the first that a heading stands in decides."""


@dataclass(frozen=True, slots=True)
class OtherHeading:
    """A heading that is no disease: its kind, and all its names, the heading first."""

    code: str
    kind: NonDiagnosisKind
    trees: tuple[str, ...]
    names: tuple[str, ...]


def other_headings() -> list[OtherHeading]:
    """The shipped table `data/mesh_others.csv`."""
    return [_heading(r) for r in read_csv_rows("mesh_others.csv")]


def _heading(row: dict[str, str]) -> OtherHeading:
    trees = tuple(row["trees"].split())
    kind = next(k for letter, k in _ORDER if any(t.startswith(letter) for t in trees))
    names = (row["name"], *(s for s in row["synonyms"].split("|") if s))
    return OtherHeading(row["descriptor"], kind, trees, names)


def other_rows(
    headings: Iterable[OtherHeading], taken: Container[str]
) -> list[tuple[str, str, str, str]]:
    """Key, kind, descriptor and heading of each name that no disease has; a key once."""
    found: dict[str, tuple[str, str, str, str]] = {}
    for heading in headings:
        for name in heading.names:
            k = term_key(name)
            if k and k not in taken:
                found.setdefault(k, (k, heading.kind, heading.code, heading.names[0]))
    return [found[k] for k in sorted(found)]
