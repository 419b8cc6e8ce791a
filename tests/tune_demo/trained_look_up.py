"""What a look-up among the trained cases would answer: a baseline with the same data, no model."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from cds_hooks.evaluation.matching import MatchRule, TruthMatcher
from cds_hooks.evaluation.suites.lookup import tokens
from cds_hooks.evaluation.suites.own import load_own
from cds_hooks.evaluation.suites.similarity import vectors

__all__ = ["look_up_ranks"]


def look_up_ranks(
    cases: Path, trained: Collection[str], unseen: Collection[str], matcher: TruthMatcher
) -> dict[str, int | None]:
    """For each unseen case the rank of the truth among the nearest trained cases' truths."""
    suite = load_own(cases, now=datetime.now(UTC))
    known = [case for case in suite.cases if case.id in trained]
    asked = [case for case in suite.cases if case.id in unseen]
    table = vectors([list(tokens(case)) for case in (*known, *asked)])
    cosines = table[len(known) :] @ table[: len(known)].T
    order = np.argsort(-cosines, axis=1, kind="stable")
    golds = [case.gold.name for case in known]

    def ranks() -> Iterator[tuple[str, int | None]]:
        for case, row in zip(asked, order, strict=True):
            named = list(dict.fromkeys(golds[at] for at in row.tolist()))
            right = (MatchRule.ANCESTOR in matcher.matches(case.gold, name) for name in named)
            yield case.id, next((n for n, same in enumerate(right, 1) if same), None)

    return dict(ranks())
