"""Generated patients with a known diagnosis, without what gives the diagnosis away.

Complaint and problem list are fixed for each disease, so a look-up finds nearly all cases as they
are written: the forms take away, one after the other, what a look-up lives on.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import orjson

from cds_hooks.evaluation.evaluation_errors import SuiteError
from cds_hooks.evaluation.suites.registry import make_suite
from cds_hooks.evaluation.suites.suite import EvaluationCase, Gold, OnError, Suite
from cds_hooks.evaluation.suites.suite_rows import Rows, digest
from cds_hooks.evaluation.suites.times import age_of, latest, shift
from fhir_mapping.chart import Code

__all__ = ["ChartForm", "Untold", "load_clinosim", "strip_stay"]

Resource = Mapping[str, Any]
Tables = Mapping[str, Any]


class ChartForm(StrEnum):
    """How much of the emergency visit is shown; the values are ids of suites."""

    AS_WRITTEN = "clinosim"
    REWORDED = "clinosim-reworded"
    WITHOUT_COMPLAINT = "clinosim-without-complaint"
    RESULTS = "clinosim-results"


@dataclass(frozen=True, slots=True)
class Untold:
    """A patient before the stay: what may be seen, and the diagnosis that the stay gave."""

    resources: tuple[Resource, ...]
    diagnosis: Code


def load_clinosim(
    folder: Path, form: ChartForm, *, now: datetime, on_error: OnError = OnError.STOP
) -> Suite:
    """A folder of bundles, `<case>.json` each, with `labels.json` (case -> patient id)."""
    labels = _labels(folder / "labels.json")
    rows = Rows(folder / "labels.json", on_error)
    cases = []
    for number, (name, label) in enumerate(sorted(labels.items()), start=1):
        try:
            cases.append(_case(folder / f"{name}.json", name, label, form, now))
        except SuiteError as error:
            rows.reject(number, f"{name}: {error.message}")
    paths = [folder / "labels.json", *(folder / f"{name}.json" for name in labels)]
    return make_suite(form.value, digest(*filter(Path.is_file, paths)), cases, rows.rejected)


def strip_stay(resources: Iterable[Resource]) -> Untold:
    """Take the inpatient stay out, and with it everything that was made from the diagnosis.

    Raises SuiteError when there is no such stay, or no coded reason for it.
    """
    found = list(resources)
    stays = [r for r in found if _is_stay(r)]
    if not stays:
        raise SuiteError("no inpatient stay to take the diagnosis from")
    hidden = {f"Encounter/{r.get('id')}" for r in stays}
    kept = (r for r in found if r.get("resourceType") in tables()["kept"] and r not in stays)
    seen = [_loosened(r, hidden) for r in _first_results(kept) if not _made_in(r, hidden)]
    return Untold(tuple(seen), _diagnosis(stays))


@cache
def tables() -> Tables:
    """`clinosim.toml`."""
    return tomllib.loads(files(__package__).joinpath("clinosim.toml").read_text("utf-8"))


def _case(
    path: Path, name: str, label: Mapping[str, Any], form: ChartForm, now: datetime
) -> EvaluationCase:
    untold = strip_stay(_bundle(path))
    patient = str(label.get("patient", ""))
    disease = str(label.get("disease", name)).replace("_", " ")
    moved = shift(untold.resources, now - latest(untold.resources, now))
    shown = tuple(_in_form(moved, form))
    about = next((r for r in shown if r.get("resourceType") == "Patient"), {})
    gold = Gold((untold.diagnosis.display or disease, disease), (untold.diagnosis,))
    made = EvaluationCase(
        id=f"{form.value}/{name}",
        gold=gold,
        resources=shown,
        patient_id=patient,
        text=_complaint(untold.resources),
        age_years=age_of(about, now),
        recorded_sex=about.get("gender"),
    )
    return made.tagged("gold-recorded") if _recorded(shown, untold.diagnosis) else made


def _in_form(resources: Iterable[Resource], form: ChartForm) -> Iterator[Resource]:
    for resource in resources:
        kind = resource.get("resourceType")
        if kind == "Encounter":
            yield _visit(resource, form)
        elif form is not ChartForm.RESULTS or kind == "Patient" or _is_result(resource):
            yield resource


def _visit(encounter: Resource, form: ChartForm) -> Resource:
    """The emergency visit as if it were going on, its complaint as the form has it."""
    period = {k: v for k, v in encounter.get("period", {}).items() if k != "end"}
    shown = {**encounter, "status": "in-progress", "period": period}
    for key in ("diagnosis", "hospitalization", "serviceType"):
        shown.pop(key, None)
    if form in (ChartForm.WITHOUT_COMPLAINT, ChartForm.RESULTS):
        shown.pop("reasonCode", None)
    elif form is ChartForm.REWORDED:
        shown["reasonCode"] = [{"text": _reworded(_complaint([encounter]))}]
    return shown


def _reworded(complaint: str) -> str:
    """The complaint in other words. Raises SuiteError for one that has none."""
    other = tables()["reworded"].get(complaint)
    if other is None:
        raise SuiteError("the complaint has no other words in clinosim.toml")
    return str(other)


def _is_stay(resource: Resource) -> bool:
    kind = resource.get("class")
    code = kind.get("code") if isinstance(kind, dict) else None
    return resource.get("resourceType") == "Encounter" and code == tables()["stay"]


def _made_in(resource: Resource, hidden: set[str]) -> bool:
    """Whether a resource that is not a result was made in the stay."""
    return resource.get("resourceType") != "Observation" and _encounter(resource) in hidden


def _loosened(resource: Resource, hidden: set[str]) -> Resource:
    """A first result without its link to the stay, and without words about what it is cut for."""
    shown = dict(resource)
    if _encounter(resource) in hidden:
        del shown["encounter"]
    if "referenceRange" in shown:
        ranges = [r for r in shown["referenceRange"] if isinstance(r, dict)]
        shown["referenceRange"] = [{k: v for k, v in r.items() if k != "text"} for r in ranges]
    return shown


def _encounter(resource: Resource) -> str:
    reference = resource.get("encounter")
    return str(reference.get("reference", "")) if isinstance(reference, dict) else ""


def _first_results(resources: Iterable[Resource]) -> Iterator[Resource]:
    """Of Observations with the same code the first; everything else."""
    found = list(resources)
    observations = [r for r in found if r.get("resourceType") == "Observation"]
    first: dict[str, Resource] = {}
    for one in sorted(observations, key=lambda r: str(r.get("effectiveDateTime", ""))):
        first.setdefault(orjson.dumps(one.get("code")).decode(), one)
    chosen = {id(one) for one in first.values()}
    yield from (r for r in found if r.get("resourceType") != "Observation" or id(r) in chosen)


def _is_result(resource: Resource) -> bool:
    codes = {
        coding.get("code")
        for concept in resource.get("category", ())
        if isinstance(concept, dict)
        for coding in concept.get("coding", ())
    }
    wanted = codes & set(tables()["results"])
    return resource.get("resourceType") == "Observation" and bool(wanted)


def _diagnosis(stays: Iterable[Resource]) -> Code:
    for stay in stays:
        for reason in stay.get("reasonCode", ()):
            for coding in reason.get("coding", ()):
                if coding.get("code"):
                    return Code(coding.get("system", ""), coding["code"], coding.get("display", ""))
    raise SuiteError("the stay has no coded reason")


def _complaint(resources: Iterable[Resource]) -> str:
    reasons = (
        str(reason.get("text", ""))
        for r in resources
        if r.get("resourceType") == "Encounter"
        for reason in r.get("reasonCode", ())
    )
    return "; ".join(filter(None, reasons))


def _recorded(resources: Iterable[Resource], diagnosis: Code) -> bool:
    """Whether the problem list names the diagnosis, or one of its category."""
    codes = (
        str(coding.get("code", ""))
        for r in resources
        if r.get("resourceType") == "Condition"
        for coding in r.get("code", {}).get("coding", ())
    )
    return any(code[:3] == diagnosis.code[:3] for code in codes)


def _labels(path: Path) -> dict[str, Mapping[str, Any]]:
    labels = _json(path)
    if not isinstance(labels, dict) or not all(isinstance(v, dict) for v in labels.values()):
        raise SuiteError("not a map of cases to labels", where=str(path))
    return labels


def _bundle(path: Path) -> list[Resource]:
    bundle = _json(path)
    entries = bundle.get("entry") if isinstance(bundle, dict) else None
    if not isinstance(entries, list):
        raise SuiteError("not a bundle", where=str(path))
    resources = (e.get("resource") for e in entries if isinstance(e, dict))
    return [r for r in resources if isinstance(r, dict)]


def _json(path: Path) -> Any:
    try:
        return orjson.loads(path.read_bytes())
    except OSError as error:
        raise SuiteError("cannot be read", where=str(path)) from error
    except orjson.JSONDecodeError:
        raise SuiteError("not JSON", where=str(path)) from None
