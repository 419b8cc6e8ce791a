"""What the verdict is worth for "this entry is wrong", on entries of real models.

python -m tests.plausibility.cases.auroc --entries FILE... --cases FOLDER... [--json]

Each recorded differential is judged by the code as it is. The verdict is an ordinal score:
supported 0, plausible 1, uncertain 2, contradicted and unrecognised 3. An entry that is recorded
on the problem list is no proposal: it has no place in that order, is left out and counted apart.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from cds_hooks.consultation import Assessment, Verdict
from cds_hooks.evaluation.metrics import Figure, proportion
from cds_hooks.plausibility import Terminology, assess_differentials
from tests.plausibility.cases.areas import Scored, area, chance
from tests.plausibility.cases.bench import DATABASE
from tests.plausibility.cases.build import chart_of
from tests.plausibility.cases.labels import Labeller, Listed, read_labels
from tests.plausibility.cases.load import DATA, LABELS, Case, CaseError, load
from tests.plausibility.cases.said import (
    Answered,
    EntriesError,
    chart_digest,
    differentials,
    read,
)

__all__ = ["ORDER", "Entry", "Judged", "judged", "report"]

ORDER = {
    Verdict.SUPPORTED: 0,
    Verdict.PLAUSIBLE: 1,
    Verdict.UNCERTAIN: 2,
    Verdict.CONTRADICTED: 3,
    Verdict.UNRECOGNISED: 3,
}
"""A higher one says "wrong". Both worst ones strike an entry from the list, so they are level."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One diagnosis of a model's merged list, judged and labelled. `place` counts from 1;
    `reasonable` is a reader's word on an unlisted one, None where nobody was asked."""

    run: str
    case: str
    name: str
    verdict: Verdict
    listed: Listed
    reasonable: bool | None
    agreement: float
    place: int


@dataclass(frozen=True, slots=True)
class Judged:
    """One chart of one run: its entries, and how the answer came about. `lost` citations have no
    fact in the chart as it is now; `changed`: the chart is another than the model was shown."""

    run: str
    case: str
    usable: bool
    seconds: float
    samples: int
    entries: tuple[Entry, ...] = ()
    lost: int = 0
    changed: bool = False


def judged(
    answers: Iterable[Answered],
    cases: Mapping[str, Case],
    terminology: Terminology,
    labeller: Labeller,
) -> Iterator[Judged]:
    """Every answer about one of the cases, judged by the code as it is."""
    for answer in answers:
        case = cases.get(answer.case)
        if case is None:
            continue
        chart = chart_of(case)
        said, lost = differentials(answer, chart)
        run = _run_of(answer)
        found = assess_differentials(chart, said, terminology).assessments if said else ()
        entries = (
            _entry(run, case, each, place, labeller) for place, each in enumerate(found, start=1)
        )
        yield Judged(
            run=run,
            case=case.id,
            usable=bool(said),
            seconds=answer.seconds,
            samples=answer.asked.samples,
            entries=tuple(entries),
            lost=lost,
            changed=answer.chart != chart_digest(chart),
        )


def _run_of(answer: Answered) -> str:
    asked = answer.asked
    names = "along names" if asked.names else "free text"
    return f"{asked.model}, {asked.template}, {names}, k = {asked.samples}, seed {asked.seed}"


def _entry(run: str, case: Case, found: Assessment, place: int, labeller: Labeller) -> Entry:
    listed = labeller.listed(case, found.name)
    said = labeller.reasonable(case, found.name) if listed is Listed.UNLISTED else None
    return Entry(run, case.id, found.name, found.verdict, listed, said, found.agreement, place)


def report(answers: Sequence[Judged]) -> dict[str, Any]:
    """Figures of each run and of all together, as JSON holds them."""
    runs = {
        run: [a for a in answers if a.run == run] for run in dict.fromkeys(a.run for a in answers)
    }
    told = {run: _of(part) for run, part in runs.items()}
    return {**told, "pooled": _of(answers)} if len(runs) > 1 else told


def _of(answers: Sequence[Judged]) -> dict[str, Any]:
    entries = [entry for answer in answers for entry in answer.entries]
    ranked = [entry for entry in entries if entry.verdict in ORDER]
    unlisted = [e for e in ranked if e.listed is Listed.UNLISTED]
    labelled = [e for e in unlisted if e.reasonable is not None]
    return {
        "charts": len(answers),
        "usable": _figure(proportion(sum(a.usable for a in answers), len(answers))),
        "seconds a chart, median": statistics.median(a.seconds for a in answers),
        "entries": len(ranked),
        "listed": dict(Counter(e.listed for e in ranked)),
        "recorded, left out": dict(Counter(e.listed for e in entries if e.verdict not in ORDER)),
        "unlisted that a reader labelled": len(labelled),
        "of these reasonable": _figure(proportion(sum(map(_said, labelled)), len(labelled))),
        "charts that changed": sum(a.changed for a in answers),
        "citations without a fact": sum(a.lost for a in answers),
        "verdicts": {
            v: dict(Counter(e.listed for e in entries if e.verdict is v)) for v in Verdict
        },
        "areas": _all_areas(ranked, {a.run for a in answers if a.samples > 1}),
    }


def _all_areas(entries: Sequence[Entry], several: Set[str]) -> dict[str, Any]:
    """Verdict by both conventions; agreement, with the verdict beside it, on runs of several
    samples; the place in the list."""
    voted = [e for e in entries if e.run in several]
    compared = {
        "agreement": [_scored(e, 1 - e.agreement) for e in voted],
        "verdict on the same entries as agreement": _by_file(voted),
        "place in the list": [_scored(e, e.place) for e in entries],
    }
    return {
        **_areas("unlisted is wrong", _by_file(entries)),
        **_areas("unlisted as a reader labelled it", _by_reader(entries)),
        **{f"{what}, unlisted is wrong": _figure(area(rows)) for what, rows in compared.items()},
    }


def _areas(convention: str, scored: Sequence[Scored]) -> dict[str, Any]:
    return {
        f"verdict, {convention}": _figure(area(scored)),
        f"verdicts dealt out at random, {convention}": _figure(chance(scored)),
    }


def _said(entry: Entry) -> bool:
    return entry.reasonable is True


def _by_file(entries: Iterable[Entry]) -> list[Scored]:
    return [_scored(entry, ORDER[entry.verdict]) for entry in entries]


def _scored(entry: Entry, score: float) -> Scored:
    return Scored(entry.case, score, entry.listed is not Listed.RIGHT)


def _by_reader(entries: Sequence[Entry]) -> list[Scored]:
    """Unlisted entries that a reader labelled stand for all unlisted ones of their run."""
    unlisted = Counter(e.run for e in entries if e.listed is Listed.UNLISTED)
    labelled = Counter(e.run for e in entries if e.reasonable is not None)
    made = []
    for entry in entries:
        score = ORDER[entry.verdict]
        if entry.listed is not Listed.UNLISTED:
            made.append(_scored(entry, score))
        elif entry.reasonable is not None:
            weight = unlisted[entry.run] / labelled[entry.run]
            made.append(Scored(entry.case, score, not entry.reasonable, weight))
    return made


def _figure(figure: Figure) -> dict[str, Any]:
    """As JSON holds it, which has no NaN."""
    known = {k: None if v != v else v for k, v in asdict(figure).items()}
    return known if figure.known else {**known, "value": None}


def _print(found: Mapping[str, Any], console: Console) -> None:
    for run, told in found.items():
        table = Table("what", "value", title=run, min_width=100)
        for name, value in told.items():
            if name == "areas":
                continue
            table.add_row(name, _text(value) if isinstance(value, dict) else f"{value}")
        for name, value in told["areas"].items():
            table.add_row(f"AUROC: {name}", _text(value))
        console.print(table)


def _text(value: Mapping[str, Any]) -> str:
    if "method" not in value:
        return ", ".join(f"{name}: {told}" for name, told in value.items() if told) or "none"
    if value["value"] is None:
        return "not known"
    return f"{value['value']:.3f} ({value['low']:.3f} to {value['high']:.3f}), n = {value['n']}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--entries", type=Path, nargs="+", required=True, metavar="FILE")
    parser.add_argument("--cases", type=Path, nargs="+", required=True, metavar="FOLDER")
    parser.add_argument("--labels", type=Path, default=DATA / LABELS, metavar="FILE")
    parser.add_argument("--terminology", type=Path, default=DATABASE, metavar="FILE")
    parser.add_argument("--json", action="store_true", help="print JSON instead of tables")
    options = parser.parse_args()
    try:
        cases = {case.id: case for case in load(*options.cases)}
        answers = [answer for path in options.entries for answer in read(path)]
        by_reader = read_labels(options.labels) if options.labels.exists() else {}
    except (CaseError, EntriesError) as fault:
        print(fault, file=sys.stderr)
        return 1
    with Terminology(options.terminology) as terminology:
        labeller = Labeller(terminology, by_reader)
        found = report(list(judged(answers, cases, terminology, labeller)))
    if options.json:
        print(json.dumps(found, indent=1))
    else:
        _print(found, Console(width=140))
    return 0


if __name__ == "__main__":
    sys.exit(main())
