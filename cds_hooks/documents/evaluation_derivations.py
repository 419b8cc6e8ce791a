"""What was measured: runs of the very model that answers, its admission, and local counts.

Every figure comes from a run's folder, the signed admission record or the store's own counts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType

from cds_hooks.admission.record import AdmissionRecord
from cds_hooks.documents.attributes import Derived
from cds_hooks.documents.document import FilledBy
from cds_hooks.documents.installation import EvaluatedRun, Figure, Installation

__all__ = ["EVALUATED"]

_OVERLAP = "Whether cases of it were among the model's training data is not known."
_RULE = (
    "Right is by the exact rule (same code, or same concept or words); a case without an answer "
    "counts as wrong; shares have Wilson 95 % intervals."
)


def _derived(lines: Iterable[str]) -> Derived:
    return Derived("\n".join(lines), FilledBy.EVALUATION)


def _evaluated_on(of: Installation) -> Derived:
    lines = [" ".join((f"{_run(run)}; {run.origin}.", *run.notes)) for run in of.own_runs]
    if of.admission:
        suite = of.admission.manifest.suite
        lines.append(f"{suite.title}, {suite.cases} cases; {suite.origin}.")
    return _derived([*lines, *([_OVERLAP] if lines else [])])


def _evaluated_by(of: Installation) -> Derived:
    lines = []
    if of.admission:
        lines.append(f"{of.admission.who}, who signed the admission record of {of.admission.date}.")
    if of.own_runs:
        lines.append(
            "Runs of `chartside eval run` at this site; who ran them, the run does not tell."
        )
    return _derived(lines)


def _evaluated_patients(of: Installation) -> Derived:
    lines = [
        f"{_run(run)}: {'; '.join(f'{f.name} n = {f.n}' for f in run.groups)}."
        for run in of.own_runs
        if run.groups
    ]
    note = "Race, ethnicity, language and the other groups are not recorded in the cases."
    return _derived([*lines, *([note] if lines else [])])


def _evaluated_how(of: Installation) -> Derived:
    lines = [
        f"{_run(run)}: asked through the whole service (Chartside {run.chartside}, template "
        f"{run.template}), {run.made}. {_differs(of, run)}"
        for run in of.own_runs
    ]
    if of.admission:
        lines.append(f"Acceptance set through the whole service, {of.admission.manifest.started}.")
    return _derived([*lines, *([_RULE] if lines else [])])


def _validity(of: Installation) -> Derived:
    lines = [f"{_run(run)}: {_figures(run.figures)}. {_differs(of, run)}" for run in of.own_runs]
    if of.admission:
        lines += _admitted(of.admission)
    return _derived([*lines, *_published(of)] if lines else [])


def _fairness(of: Installation) -> Derived:
    lines = [
        f"{_run(run)}, right first: {_figures(run.groups)}. {_differs(of, run)}"
        for run in of.own_runs
        if run.groups
    ]
    note = "Groups of few cases have wide intervals and show no difference."
    return _derived([*lines, *([note] if lines else [])])


def _safety(of: Installation) -> Derived:
    lines = [
        f"{_run(run)}: {_figures(run.safety)}. {_differs(of, run)}"
        for run in of.own_runs
        if run.safety
    ]
    if of.admission:
        lines += _admitted(of.admission)
    return _derived(lines)


def _local_validity(of: Installation) -> Derived:
    return _local(of, of.local.overall if of.local else ())


def _local_fairness(of: Installation) -> Derived:
    return _local(of, of.local.groups if of.local else ())


def _local(of: Installation, figures: tuple[Figure, ...]) -> Derived:
    local = of.local
    told = [figure for figure in figures if figure.n]
    if local is None or not told:
        return Derived("", FilledBy.EVALUATION)
    return _derived(
        [
            f"{local.first} to {local.last} (UTC): {local.hooks} calls, {local.consultations} "
            f"consultations; counts of fewer than {local.smallest_count} patients are not told.",
            *(f"{figure.text}." for figure in told),
            "What clinicians said and what rules flagged; no comparison with a reference standard.",
        ]
    )


def _admitted(record: AdmissionRecord) -> list[str]:
    return [f"Admission record: {' '.join(record.told)}"]


def _published(of: Installation) -> list[str]:
    """What others published of the model, kept apart from what was measured here."""
    return [f"Published by others, of the authors' weights: {each}." for each in of.model.published]


def _run(run: EvaluatedRun) -> str:
    how = "along the terminology's names" if run.names else "free text"
    samples = f"{run.samples} sample{'' if run.samples == 1 else 's'}"
    return f"{run.suite} ({run.task}, {how}, {samples}, {run.cases} cases)"


def _differs(of: Installation, run: EvaluatedRun) -> str:
    """A figure of another configuration is one of another configuration."""
    found = of.differences(run)
    return f"Not as this installation asks: {', '.join(found)}." if found else "As configured here."


def _figures(figures: Iterable[Figure]) -> str:
    return "; ".join(figure.text for figure in figures)


EVALUATED: Mapping[str, Callable[[Installation], Derived]] = MappingProxyType(
    {
        "evaluated_on": _evaluated_on,
        "evaluated_by": _evaluated_by,
        "evaluated_patients": _evaluated_patients,
        "evaluated_how": _evaluated_how,
        "validity": _validity,
        "fairness": _fairness,
        "safety": _safety,
        "local_validity": _local_validity,
        "local_fairness": _local_fairness,
    }
)
