"""Scores of `findings_of` on phrasings, by kind.

Run `python -m tests.fhir_mapping.findings.scoring [FILE]`.
"""

from __future__ import annotations

import sys
import tomllib
from collections import Counter
from pathlib import Path
from typing import Any

from fhir_mapping.chart import Certainty, Chart, Experiencer, Fact, Kind, PatientFacts
from fhir_mapping.context import Temporality
from fhir_mapping.findings import FindingIndex, findings_of, vocabulary

HERE = Path(__file__).parent
_KINDS = {"social": Kind.SOCIAL, "problem": Kind.PROBLEM, "procedure": Kind.PROCEDURE}


def cases(name: str) -> list[dict[str, Any]]:
    """The phrasings of a file beside this one."""
    found: list[dict[str, Any]] = tomllib.loads((HERE / name).read_text("utf-8"))["case"]
    return found


def index_of(case: dict[str, Any]) -> FindingIndex:
    """The findings of one phrasing, as the one fact of a chart."""
    kind = _KINDS.get(case.get("as", ""), Kind.COMPLAINT)
    status = "completed" if kind is Kind.PROCEDURE else ""
    fact = Fact("X1", kind, case["text"], status=status, days_ago=float(case.get("days_ago", 0)))
    return findings_of(Chart(PatientFacts(50, None), (fact,)))


def wrong(case: dict[str, Any]) -> list[str]:
    """What of a phrasing is not read as it should be."""
    index = index_of(case)
    checks = {
        "now": lambda n: any(m.is_affirmed(past=vocabulary()[n].history) for m in index.of(n)),
        "denied": lambda n: bool(index.denied(n)) and not index.affirmed(n),
        "past": lambda n: any(
            m.time is Temporality.HISTORICAL and m.is_affirmed(past=True) for m in index.of(n)
        ),
        "unsure": lambda n: any(
            m.certainty is Certainty.UNCERTAIN and m.is_affirmed(unsure=True) for m in index.of(n)
        ),
        "family": lambda n: any(m.experiencer is Experiencer.FAMILY for m in index.of(n)),
        "not": lambda n: not index.affirmed(n),
    }
    return [
        f"{key}:{n}" for key, holds in checks.items() for n in case.get(key, []) if not holds(n)
    ]


def main(name: str) -> None:
    """Prints scores by kind, then what is wrong."""
    right: Counter[str] = Counter()
    all_: Counter[str] = Counter()
    missed = []
    for case in cases(name):
        all_[case["kind"]] += 1
        found = wrong(case)
        right[case["kind"]] += not found
        if found:
            missed.append(f"{case['kind']:14} {case['text']!r}: {', '.join(found)}")
    for kind, n in all_.items():
        print(f"{kind:14} {right[kind]} of {n}")
    print(f"{'all':14} {sum(right.values())} of {sum(all_.values())}")
    print("\n".join(missed))


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "phrasings.toml")
