"""Whether cases can be built and mapped, and every citation names one fact.

python -m tests.plausibility.cases.check FOLDER [FOLDER ...] [--facts CASE]
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

from fhir_mapping import Chart, Fact, Kind, Polarity
from tests.plausibility.cases.build import chart_of
from tests.plausibility.cases.load import DATA, Case, CaseError, load

__all__ = ["cited", "complaints", "true_of"]

EXPECTED = frozenset({"excerpt", "nothing-new", "told-elsewhere", "told-as-patient"})
"""Reasons for which the mapper leaves out what a case says, as it should."""


def cited(text: str, chart: Chart) -> tuple[Fact, ...]:
    """The facts in whose text the words of a citation stand, in any case of letters.

    What a note or the present encounter says again counts only where no other fact says it.
    """
    words = text.rpartition(":")[0].strip().lower()
    found = [fact for fact in chart.facts if words in fact.text.lower()]
    for left_out in ((Kind.NOTE, Kind.ENCOUNTER), (Kind.ENCOUNTER,)):
        if narrow := tuple(fact for fact in found if fact.kind not in left_out):
            return narrow
    return tuple(found)


def true_of(fact: Fact, claim: str) -> bool:
    """Whether a fact is as claimed, by its flag and polarity as the mapper set them.

    Whether words are normal (a report's, a note's) no code can tell: that is the author's to say.
    """
    flag = fact.flag
    if claim in ("abnormal", "normal") and flag is None and fact.value is None:
        return fact.kind is not Kind.VITAL
    return {
        "high": flag is not None and flag.is_high,
        "low": flag is not None and flag.is_low,
        "abnormal": fact.is_abnormal,
        "normal": flag is not None and not flag.is_abnormal,
        "present": fact.polarity is Polarity.PRESENT,
        "absent": fact.polarity in (Polarity.ABSENT, Polarity.REFUTED),
    }[claim]


def complaints(case: Case, chart: Chart) -> Iterator[str]:
    """What is wrong with the citations of a case, and what of it the mapper did not read."""
    for entry in (*case.right, *case.absurd):
        for text in (*entry.cites, *entry.against):
            found = cited(text, chart)
            if len(found) != 1:
                where = f": {', '.join(f.id for f in found)}" if found else ""
                yield f"{entry.name}: {text!r} is in {len(found)} facts{where}"
            elif not true_of(found[0], text.rpartition(":")[2]):
                yield f"{entry.name}: {text!r} is not so: {found[0].text!r} {found[0].polarity}"
    for omission in chart.omissions:
        if omission.reason not in EXPECTED:
            yield f"not read: {omission.what}: {omission.reason} {omission.detail}"


def _show(chart: Chart) -> str:
    rows = [f"  {f.id:4} {f.polarity:8} {f.flag or '':14} {f.text}" for f in chart.facts]
    return "\n".join(rows)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", nargs="*", type=Path, default=[DATA])
    parser.add_argument("--facts", default="", help="print the facts of cases that begin so")
    options = parser.parse_args()
    try:
        cases = load(*options.folders)
    except CaseError as fault:
        print(fault, file=sys.stderr)
        return 1
    wrong = 0
    for case in cases:
        chart = chart_of(case)
        found = list(complaints(case, chart))
        wrong += bool(found)
        if found:
            print(f"{case.id}:", *found, sep="\n  ")
        if options.facts and case.id.startswith(options.facts):
            print(f"{case.id}\n{_show(chart)}")
    print(f"{len(cases)} cases, {wrong} to mend")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
