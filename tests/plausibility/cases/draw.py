"""Draws unlisted entries of real models at random, with their charts, for somebody to label.

python -m tests.plausibility.cases.draw --entries FILE --cases FOLDER... [--count 40] [--seed 0]

What is drawn depends on the file, the seed and which entries the cases list; those that
`data/labels.toml` holds already are not drawn again.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Iterable, Sequence
from itertools import groupby
from pathlib import Path

from cds_hooks.plausibility import Terminology
from tests.plausibility.cases.bench import DATABASE
from tests.plausibility.cases.build import chart_of
from tests.plausibility.cases.labels import Labeller, Listed, read_labels
from tests.plausibility.cases.load import DATA, LABELS, Case, load
from tests.plausibility.cases.said import Answered, read

__all__ = ["drawn", "unlisted"]


def unlisted(
    answers: Iterable[Answered], cases: dict[str, Case], labeller: Labeller
) -> list[tuple[str, str]]:
    """Case and name of each unlisted entry, once each, in order."""
    said = (
        (cases[a.case], d.name) for a in answers if a.case in cases for s in a.samples for d in s
    )
    found = {
        (case.id, name.casefold()): (case.id, name)
        for case, name in said
        if labeller.listed(case, name) is Listed.UNLISTED
        and labeller.reasonable(case, name) is None
    }
    return sorted(found.values())


def drawn(found: Sequence[tuple[str, str]], count: int, seed: int) -> list[tuple[str, str]]:
    """So many of them, each as likely as any other."""
    return sorted(random.Random(seed).sample(list(found), min(count, len(found))))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--entries", type=Path, nargs="+", required=True, metavar="FILE")
    parser.add_argument("--cases", type=Path, nargs="+", required=True, metavar="FOLDER")
    parser.add_argument("--count", type=int, default=40)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--terminology", type=Path, default=DATABASE, metavar="FILE")
    options = parser.parse_args()
    cases = {case.id: case for case in load(*options.cases)}
    labels = read_labels() if (DATA / LABELS).exists() else {}
    with Terminology(options.terminology) as terminology:
        answers = [answer for path in options.entries for answer in read(path)]
        found = unlisted(answers, cases, Labeller(terminology, labels))
    for case, rows in groupby(drawn(found, options.count, options.seed), key=lambda row: row[0]):
        facts = "; ".join(fact.text for fact in chart_of(cases[case]).facts)
        print(f"{case} ({cases[case].age}, {cases[case].sex}), {cases[case].truth}: {facts}")
        print(*(f"    {name}" for _, name in rows), sep="\n")
    print(f"drawn of {len(found)}")


if __name__ == "__main__":
    main()
