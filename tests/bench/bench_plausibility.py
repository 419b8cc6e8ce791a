"""Looking names up, and judging a differential of 8 on a chart of 1,000 facts."""

from __future__ import annotations

import csv
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from cds_hooks.consultation import Candidate, Differential, Evidence, Group
from cds_hooks.plausibility import (
    Terminology,
    assess,
    contradictions,
    medication_concerns,
    not_considered,
)
from fhir_mapping.chart import Chart, Code, Fact, Flag, Kind, PatientFacts
from tests.plausibility.invented import KINDS, invent

ROOT = Path(__file__).resolve().parents[2]
DATABASE = ROOT / "build" / "terminology.sqlite"
EVAL = ROOT.parent / "shared" / "data" / "eval"
NO_DIAGNOSIS = ROOT / "tests" / "plausibility" / "no_diagnosis_asked.txt"
Row = dict[str, Any]


def rows() -> list[Row]:
    """What the room costs, and how much of what people write it recognises."""
    with Terminology(DATABASE) as terminology:
        return [
            *_lookups(terminology),
            *_judging(terminology),
            *_recognised(terminology),
            _memory(),
        ]


def _row(name: str, unit: str, values: Iterable[float], against: str = "") -> Row:
    found = list(values)
    return {
        "name": name,
        "value": statistics.median(found),
        "unit": unit,
        "n": len(found),
        "minimum": min(found),
        "maximum": max(found),
        "against": against,
    }


def _milliseconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return (time.perf_counter() - started) * 1000


def _diagnoses() -> dict[str, list[str]]:
    """Names that published cases use, by list. The word tables were written with the first five
    lists at hand; the last one was only measured."""
    if not EVAL.is_dir():
        return {}
    lines = (EVAL / "osce_cases.jsonl").read_text("utf-8").splitlines()
    osce = [json.loads(line)["OSCE_Examination"]["Correct_Diagnosis"] for line in lines]
    asked = [json.loads(x) for x in (EVAL / "vignettes_mcq.jsonl").read_text("utf-8").splitlines()]
    no_diagnosis = set(NO_DIAGNOSIS.read_text("utf-8").splitlines())
    diagnosis = [v for v in asked if v["id"] not in no_diagnosis]
    with (EVAL / "eurorad_predictions.csv").open(encoding="utf-8", newline="") as file:
        options = [r["DifferentialDiagnosisList"].split(", ") for r in csv.DictReader(file)]
    return {
        "true diagnoses of cases": osce,
        "true answers of vignettes": [v["answer"] for v in asked],
        "distractors of vignettes": _distractors(asked),
        "true answers of vignettes that ask for a diagnosis": [v["answer"] for v in diagnosis],
        "distractors of vignettes that ask for a diagnosis": _distractors(diagnosis),
        "radiology differentials, split at commas": [o for found in options for o in found],
    }


def _distractors(asked: list[dict[str, Any]]) -> list[str]:
    return [c for v in asked for c in v["choices"] if c != v["answer"]]


def _lookups(terminology: Terminology) -> list[Row]:
    names = [n for found in _diagnoses().values() for n in found]
    names = list(dict.fromkeys(names or ["Pulmonary embolism", "Viral osteoporosis", "Glorbitis"]))
    times = [_milliseconds(lambda name=name: terminology.resolve(name)) for name in names]
    return [_row("plausibility: look a name up, first time", "ms", times)]


def _recognised(terminology: Terminology) -> list[Row]:
    names = (ROOT / "build" / "names.txt").read_text("utf-8").splitlines()
    lists = _diagnoses()
    lists |= {f"invented names, {k}": invent(k, names, 500, seed=7) for k in KINDS}
    return [
        _row(
            f"plausibility: recognised of {label}",
            "share",
            [sum(terminology.resolve(n).recognised for n in found) / len(found)],
            f"{len(found)} names",
        )
        for label, found in lists.items()
    ]


def misses(terminology: Terminology) -> dict[str, list[str]]:
    """The names of each list that are not recognised."""
    return {
        label: sorted({n.strip() for n in found if not terminology.resolve(n).recognised})
        for label, found in _diagnoses().items()
    }


def _judging(terminology: Terminology) -> list[Row]:
    chart, samples = _big_chart(), _samples()
    runs = [_milliseconds(lambda: assess(chart, samples, terminology)) for _ in range(20)]
    whole = [_milliseconds(lambda: contradictions(chart, terminology)) for _ in range(20)]
    drugs = [_milliseconds(lambda: medication_concerns(chart, terminology)) for _ in range(20)]
    found = assess(chart, samples, terminology)
    missed = [_milliseconds(lambda: not_considered(chart, found, terminology)) for _ in range(20)]
    return [
        _row("plausibility: what was not considered, 1,000 facts", "ms", missed),
        _row("plausibility: medication concerns, 1,000 facts", "ms", drugs),
        _row("plausibility: judge 8 diagnoses, 1,000 facts, first time", "ms", runs[:1]),
        _row("plausibility: judge 8 diagnoses, 1,000 facts", "ms", runs[1:]),
        _row("plausibility: contradictions of 1,000 facts", "ms", whole),
    ]


def _big_chart() -> Chart:
    problems = ("Essential hypertension", "Asthma", "Gout", "Type 2 diabetes", "Migraine")
    facts = [
        Fact(
            f"P{i}",
            Kind.PROBLEM,
            problems[i % 5],
            (Code("", "", problems[i % 5]),),
            status="active",
        )
        for i in range(60)
    ]
    facts += [Fact(f"L{i}", Kind.LAB, "Potassium", value=5.9, flag=Flag.HIGH) for i in range(940)]
    return Chart(PatientFacts(60, "male"), tuple(facts))


def _samples() -> list[Differential]:
    names = ("Heart attack", "Pneumonia", "Pulmonary embolism", "Sepsis")
    names += ("Aortic dissection", "Prostate cancer", "Viral osteoporosis", "Glorbitis")
    evidence = tuple(Evidence(f"L{i}", "high") for i in range(5))
    told = tuple(Candidate(n, Group.LIKELY, evidence) for n in names)
    return [Differential(told) for _ in range(3)]


def _memory() -> Row:
    """Memory of a process that has looked 500 names up, less that of one that only imports."""
    names = (ROOT / "build" / "names.txt").read_text("utf-8").splitlines()[::20][:500]
    imported = "from cds_hooks.plausibility import Terminology\n"
    used = imported + f"t = Terminology({str(DATABASE)!r})\n[t.resolve(n) for n in {names!r}]\n"
    extra = [_resident(used) - _resident(imported) for _ in range(3)]
    return _row("plausibility: memory of the terminology in use", "MB", extra, "import alone")


def _resident(code: str) -> float:
    tail = "import psutil; print(psutil.Process().memory_info().rss)"
    command = [sys.executable, "-c", f"{code}\n{tail}"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    return int(done.stdout) / 1e6


if __name__ == "__main__":
    with Terminology(DATABASE) as opened:
        for name, found in misses(opened).items():
            print(f"{name}: {'; '.join(found)}")
