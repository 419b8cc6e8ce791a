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
    assess_candidates,
    assess_differentials,
)
from fhir_mapping.chart import Chart, Code, Fact, Flag, Kind, PatientFacts
from tests.plausibility.clean import Told, causes, radiology, vignettes
from tests.plausibility.concepts import checked, counts, expected
from tests.plausibility.corruptions import (
    CORRUPTIONS,
    bound_cases,
    clean_flagged,
    run,
    true_cases,
)
from tests.plausibility.invented import KINDS, invent
from tests.sample.places import SHARED

ROOT = Path(__file__).resolve().parents[2]
DATABASE = ROOT / "build" / "terminology.sqlite"
EVAL = ROOT.parent / "shared" / "data" / "eval"
NO_DIAGNOSIS = ROOT / "tests" / "plausibility" / "no_diagnosis_asked.txt"
Row = dict[str, Any]


def rows() -> list[Row]:
    """What the checks cost, and how much of what people write it recognises."""
    with Terminology(DATABASE) as terminology:
        return [
            *_lookups(terminology),
            *_judging(terminology),
            *_recognised(terminology),
            *_right_concepts(terminology),
            *_corrupted(terminology),
            *_clean(terminology),
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


def _processor(work: Callable[[], object]) -> tuple[float, float]:
    """Milliseconds that passed, and those that this thread had a processor."""
    wall, own = time.perf_counter(), time.thread_time()
    work()
    return (time.perf_counter() - wall) * 1000, (time.thread_time() - own) * 1000


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
    both = [_processor(lambda name=name: terminology.resolve(name)) for name in names]
    times, own = (sorted(found) for found in zip(*both, strict=True))
    late = [t for t in own if t > 1]
    rarest = len(own) // 100
    return [
        _row("plausibility: look a name up, first time", "ms", times),
        _row("plausibility: the same, processor time", "ms", own),
        _row("plausibility: 99th percentile, processor time", "ms", [own[-rarest]]),
        _row("plausibility: share over 1 ms, processor time", "share", [len(late) / len(own)]),
        _row("plausibility: open the terminology", "ms", [_milliseconds(_open) for _ in range(5)]),
        _row("plausibility: size of the terminology", "MB", [DATABASE.stat().st_size / 1e6]),
    ]


def _open() -> None:
    with Terminology(DATABASE):
        pass


def _corrupted(terminology: Terminology) -> list[Row]:
    """Right assessments with one thing made wrong: how many change the verdict for the right
    reason, by kind, and how many right ones are called contradicted or unrecognised."""
    if not EVAL.is_dir():
        return []
    cases = list(true_cases(SHARED))
    found = {c.__name__: run(c, cases, terminology) for c in CORRUPTIONS}
    made, seen = (sum(getattr(f, k) for f in found.values()) for k in ("made", "seen"))
    flagged = clean_flagged(cases, terminology)
    unknown = sum(f.endswith("unrecognised") for f in flagged)
    bound = list(bound_cases(cases))
    shares = {
        f"corruptions seen, {k.replace('_', ' ')}": (f.seen / f.made, f.made)
        for k, f in found.items()
    }
    shares |= {
        "corruptions seen, all": (seen / made, made),
        "right ones called contradicted": ((len(flagged) - unknown) / len(cases), len(cases)),
        "right ones called unrecognised": (unknown / len(cases), len(cases)),
        "right ones tied to sex called either": (
            len(clean_flagged(bound, terminology)) / len(bound),
            len(bound),
        ),
    }
    return [_row(f"plausibility: {k}", "share", [v], f"{n} made") for k, (v, n) in shares.items()]


def _recognised(terminology: Terminology) -> list[Row]:
    names = (ROOT / "build" / "names.txt").read_text("utf-8").splitlines()
    lists = _diagnoses()
    lists |= {f"invented names, {k}": invent(k, names, 500, seed=7) for k in KINDS}
    rows = []
    for label, found in lists.items():
        resolved = [terminology.resolve(n) for n in found]
        told = sum(r.recognised or r.other is not None for r in resolved)
        for measured, count in (
            ("recognised", sum(r.recognised for r in resolved)),
            ("recognised or told as what else it is,", told),
        ):
            name = f"plausibility: {measured} of {label}"
            rows.append(_row(name, "share", [count / len(found)], f"{len(found)} names"))
    return rows


def _right_concepts(terminology: Terminology) -> list[Row]:
    """Names checked by hand: found with a code of the right category, of another, or how else."""
    rows = []
    for which in ("sample", "common"):
        found = counts(which, terminology)
        n = found.total()
        for outcome in ("right", "wrong", "wider", "uncoded", "not recognised"):
            told = f"plausibility: names checked by hand ({which}), {outcome}"
            rows.append(_row(told, "share", [found[outcome] / n], f"{n} names"))
    return rows


def _clean(terminology: Terminology) -> list[Row]:
    """Right diagnoses that are called contradicted or unrecognised, by the check that did so, on
    cases that no rule was adjusted with."""
    rows = []
    for label, told in _others().items():
        n, why, _ = causes(told, terminology)
        for check in ("name-recognised", *sorted(set(why) - {"name-recognised"})):
            name = f"plausibility: right ones flagged, {label}, by {check}"
            rows.append(_row(name, "share", [why[check] / n], f"{n} cases"))
        others = sum(count for check, count in why.items() if check != "name-recognised")
        name = f"plausibility: right ones called contradicted, {label}"
        rows.append(_row(name, "share", [others / n], f"{n} cases"))
    return rows


def _others() -> dict[str, list[Told]]:
    if not EVAL.is_dir():
        return {}
    no_diagnosis = frozenset(NO_DIAGNOSIS.read_text("utf-8").splitlines())
    return {
        "vignettes": list(vignettes(EVAL / "vignettes_mcq.jsonl", no_diagnosis)),
        "radiology": list(radiology(EVAL / "eurorad_predictions.csv")),
    }


def misses(terminology: Terminology) -> dict[str, list[str]]:
    """The names of each list that are neither recognised nor told as what else they are."""
    return {
        label: sorted({n.strip() for n in found if _unresolved(terminology, n)})
        for label, found in _diagnoses().items()
    }


def _unresolved(terminology: Terminology, name: str) -> bool:
    found = terminology.resolve(name)
    return not found.recognised and found.other is None


def _judging(terminology: Terminology) -> list[Row]:
    """All checks together: every diagnosis, red flags, unexplained results, medication, and
    the chart by itself."""
    chart, samples = _big_chart(), _samples()
    both = [
        _processor(lambda: assess_differentials(chart, samples, terminology)) for _ in range(41)
    ]
    runs, own = zip(*both, strict=True)
    alone = [
        _processor(lambda: assess_candidates(chart, samples, terminology))[1] for _ in range(20)
    ]
    told = f"{len(chart.facts)} facts, {len(samples)} samples"
    return [
        _row("plausibility: all checks, 8 diagnoses, first time", "ms", runs[:1], told),
        _row("plausibility: all checks, 8 diagnoses", "ms", runs[1:], told),
        _row("plausibility: the same, processor time", "ms", own[1:], told),
        _row("plausibility: the diagnoses alone, processor time", "ms", alone, told),
    ]


_TOLD = (
    ("2823-3", "Potassium 5.9 mmol/L (3.5-5.1) high", 5.9, "mmol/L", Flag.HIGH),
    ("2160-0", "Creatinine 1.9 mg/dL (0.6-1.2) high", 1.9, "mg/dL", Flag.HIGH),
    ("718-7", "Hemoglobin 9.1 g/dL (12-16) low", 9.1, "g/dL", Flag.LOW),
    ("2951-2", "Sodium 139 mmol/L (135-145)", 139.0, "mmol/L", Flag.NORMAL),
    ("6598-7", "Troponin T 3 ng/L (0-14)", 3.0, "ng/L", Flag.NORMAL),
    ("1988-5", "C reactive protein 120 mg/L (0-5) high", 120.0, "mg/L", Flag.HIGH),
)
_PROBLEMS = ("Essential hypertension", "Asthma", "Gout", "Type 2 diabetes", "Migraine")
_DRUGS = ("Lisinopril 20 mg daily", "Ibuprofen 400 mg", "Metformin 1 g", "Atorvastatin 20 mg")
_SAID = ("Chest pain", "Shortness of breath", "Fever and cough", "Swelling of the left leg")


def _big_chart() -> Chart:
    """1,000 facts as a chart mixes them."""
    loinc, now = "http://loinc.org", "active"
    facts = [Fact(f"S{i}", Kind.COMPLAINT, _SAID[i % 4], days_ago=0.1) for i in range(20)]
    for i in range(60):
        name = _PROBLEMS[i % 5]
        facts.append(Fact(f"P{i}", Kind.PROBLEM, name, (Code("", "", name),), status=now))
    facts += [Fact(f"M{i}", Kind.MEDICATION, _DRUGS[i % 4], status=now) for i in range(60)]
    facts += [
        Fact(f"X{i}", Kind.PROCEDURE, "Colonoscopy", status="completed", days_ago=400.0 + i)
        for i in range(60)
    ]
    for i in range(800):
        code, text, value, unit, flag = _TOLD[i % 6]
        told = {"value": value, "unit": unit, "flag": flag, "days_ago": i / 10}
        facts.append(Fact(f"L{i}", Kind.LAB, text, (Code(loinc, code),), **told))
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
        for label, told in _others().items():
            print(f"right ones flagged, {label}: {'; '.join(causes(told, opened)[2])}")
        for one in expected():
            if checked(one, opened) != "right":
                print(f"checked by hand, {one.set}, {checked(one, opened)}: {one.name}")
