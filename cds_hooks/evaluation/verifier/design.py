"""From features to the columns that coefficients are fitted on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cds_hooks.evaluation.metrics.figures import Floats
from cds_hooks.evaluation.verifier.labelled import LabelledCase
from cds_hooks.verifier.coefficient_file import Standardisation
from cds_hooks.verifier.feature_catalogue import MISSING, feature_catalogue
from cds_hooks.verifier.features import Features, value_of

__all__ = ["FEWEST", "Design", "design_of", "rows_of"]

FEWEST = 10
"""A feature that fewer diagnoses have, or differ in, is not fitted: ours, against chance."""

_SAME = 0.999


@dataclass(frozen=True, slots=True)
class Design:
    """Which features become columns, and how each is centred and scaled."""

    features: tuple[str, ...]
    standardisation: Standardisation

    def matrix(self, rows: Sequence[Features]) -> Floats:
        """One row a diagnosis, standardised; a missing value is the mean, so 0."""
        raw = _raw(rows, self.features)
        mean, scale = map(np.array, (self.standardisation.mean, self.standardisation.scale))
        standardised: Floats = np.nan_to_num((raw - mean) / scale, nan=0.0)
        return standardised


def rows_of(cases: Sequence[LabelledCase]) -> tuple[list[Features], Floats]:
    """The features of every diagnosis of all cases, and 1 for each that is right."""
    rows = [f for c in cases for f in c.features]
    return rows, np.array([float(r) for c in cases for r in c.right])


def design_of(rows: Sequence[Features]) -> Design:
    """The columns for these diagnoses: no constants, nothing rare, nothing twice."""
    names = _names(rows)
    kept = [n for n in names if _enough(_raw(rows, [n])[:, 0])]
    kept = _different(rows, kept)
    absent = [f"{MISSING}{n}" for n in kept]
    kept += [n for n in absent if _enough(_raw(rows, [n])[:, 0])]
    return Design(tuple(kept), _standardisation(rows, kept))


def _names(rows: Sequence[Features]) -> list[str]:
    """In the order of the catalogue, members of a family by name."""
    seen = {name for row in rows for name in row}
    order = [f.name for f in feature_catalogue().feature]
    return sorted(seen, key=lambda n: (order.index(_family(n)), n))


def _family(name: str) -> str:
    family, colon, _ = name.partition(":")
    return family + colon


def _raw(rows: Sequence[Features], names: Sequence[str]) -> Floats:
    values = [[value_of(row, name) for name in names] for row in rows]
    return np.array(values, dtype=np.float64).reshape(len(rows), len(names))


def _enough(column: Floats) -> bool:
    known = column[~np.isnan(column)]
    if len(known) < FEWEST:
        return False
    # What differs in the last digits alone is the same number, added up in another order.
    _, counts = np.unique(np.round(known, 9), return_counts=True)
    return len(counts) > 1 and len(known) - int(counts.max()) >= FEWEST


def _different(rows: Sequence[Features], names: Sequence[str]) -> list[str]:
    """Of columns that say the same the first: votes of the only model are the share of votes."""
    kept: list[str] = []
    columns: list[Floats] = []
    for name in names:
        column = _raw(rows, [name])[:, 0]
        if not any(_same(column, other) for other in columns):
            kept.append(name)
            columns.append(column)
    return kept


def _same(one: Floats, other: Floats) -> bool:
    """Known for the same diagnoses, and one a straight line of the other."""
    known = ~np.isnan(one)
    if not np.array_equal(known, ~np.isnan(other)):
        return False
    return bool(abs(np.corrcoef(one[known], other[known])[0, 1]) > _SAME)


def _standardisation(rows: Sequence[Features], names: Sequence[str]) -> Standardisation:
    """Indicators stay 0 or 1, so that a coefficient is what absence adds."""
    raw = _raw(rows, names)
    mean, scale = np.nanmean(raw, axis=0), np.nanstd(raw, axis=0)
    plain = np.array([n.startswith(MISSING) for n in names], dtype=bool)
    mean[plain], scale[plain] = 0.0, 1.0
    return Standardisation(mean=tuple(mean.tolist()), scale=tuple(scale.tolist()))
