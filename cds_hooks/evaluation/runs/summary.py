"""The figures of a run. Pure: results in, figures out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from cds_hooks.consultation import Outcome, Verdict
from cds_hooks.evaluation.matching import MatchRule
from cds_hooks.evaluation.metrics import (
    Figure,
    VerdictRow,
    auprc,
    auroc,
    bootstrap,
    calibration,
    mean,
    mean_reciprocal_rank,
    pass_at_k,
    proportion,
    top,
    verdict_confusion,
)
from cds_hooks.evaluation.metrics.curves import CalibrationCurve
from cds_hooks.evaluation.runs.flagging import Flags, measure_flags
from cds_hooks.evaluation.runs.results import CaseResult, ListedDiagnosis
from cds_hooks.evaluation.suites.suite import AGE_BANDS

__all__ = ["Accuracy", "RunCost", "CaseGroup", "Listed", "Pace", "RunSummary", "summarise"]


@dataclass(frozen=True, slots=True)
class Accuracy:
    """By one match rule: where the truth stands in the list, and how samples found it; a sample
    that is no valid answer is one that did not find it."""

    match: MatchRule
    top1: Figure
    top3: Figure
    top5: Figure
    reciprocal_rank: Figure
    any_sample: Figure
    majority: Figure
    anywhere: Figure


@dataclass(frozen=True, slots=True)
class CaseGroup:
    """Top-1 and top-5 of a part of the cases, by the strict rule."""

    kind: str
    name: str
    top1: Figure
    top5: Figure


@dataclass(frozen=True, slots=True)
class RunCost:
    """Seconds and tokens a case: median with its interval, 9th decile."""

    what: str
    median: Figure
    high: Figure


@dataclass(frozen=True, slots=True)
class Pace:
    """A third of the cases by how long they took: median seconds, accuracy by the strict rule."""

    name: str
    seconds: float
    top1: Figure
    top5: Figure


@dataclass(frozen=True, slots=True)
class Listed:
    """Every diagnosis of every list, judged by `ANCESTOR`: what verdicts and agreement are worth.
    `agreement_*` are of the share of samples for "this diagnosis is right"."""

    verdicts: tuple[VerdictRow, ...]
    agreement_auroc: Figure
    agreement_auprc: Figure
    agreement: CalibrationCurve
    unrecognised: Figure


@dataclass(frozen=True, slots=True)
class RunSummary:
    """All figures of a run. Cases without an answer count as wrong; `answered` tells how many had
    one, `outcomes` how the others ended. `off_list` is of samples of closed lists before any
    mapping, `judged_error` the mean distance of stated from people's scores."""

    cases: int
    answered: Figure
    outcomes: tuple[tuple[str, int], ...]
    gold_resolved: Figure
    samples_failed: Figure
    accuracy: tuple[Accuracy, ...]
    list_size: Figure
    listed: Listed
    flags: Flags
    off_list: Figure
    judged_error: Figure
    groups: tuple[CaseGroup, ...]
    costs: tuple[RunCost, ...]
    paces: tuple[Pace, ...]


def summarise(results: Sequence[CaseResult]) -> RunSummary:
    """Every figure with its n and interval; those that a task has no answers for are NaN.

    In whatever order cases were answered, the figures and their intervals are the same.
    """
    results = sorted(results, key=lambda r: r.case)
    outcomes = [r.outcome for r in results]
    drawn, failed = (sum(map(of, results)) for of in (_drawn, _failed))
    return RunSummary(
        cases=len(results),
        answered=_share(results, lambda r: r.outcome == Outcome.ANSWERED),
        outcomes=tuple((o, outcomes.count(o)) for o in dict.fromkeys(outcomes)),
        gold_resolved=_share(results, lambda r: r.resolved_gold),
        samples_failed=proportion(failed, drawn + failed),
        accuracy=tuple(_accuracy(results, match) for match in MatchRule),
        list_size=mean([len(r.answers) for r in results]),
        listed=_listed([a for r in results for a in r.answers]),
        flags=measure_flags(results),
        off_list=proportion(sum(r.off_list for r in results), drawn),
        judged_error=mean(list(_judged(results))),
        groups=tuple(_groups(results)),
        costs=tuple(_costs(results)),
        paces=tuple(_paces(results)),
    )


def _listed(answers: Sequence[ListedDiagnosis]) -> Listed:
    right = [MatchRule.ANCESTOR in a.matches for a in answers]
    agreement = [a.agreement for a in answers]
    return Listed(
        verdicts=verdict_confusion(zip((a.verdict for a in answers), right, strict=True)),
        agreement_auroc=auroc(agreement, right),
        agreement_auprc=auprc(agreement, right),
        agreement=calibration(agreement, right),
        unrecognised=_share(answers, lambda a: a.verdict is Verdict.UNRECOGNISED),
    )


def _drawn(result: CaseResult) -> int:
    return len(result.samples)


def _failed(result: CaseResult) -> int:
    return result.samples_failed


def _judged(results: Sequence[CaseResult]) -> Iterator[float]:
    for r in results:
        if r.stated is not None and r.score is not None:
            yield abs(r.stated - r.score)


def _accuracy(results: Sequence[CaseResult], match: MatchRule) -> Accuracy:
    ranks = [r.rank(match) for r in results]
    sampled = [r for r in results if r.samples or r.samples_failed]
    drawn = [len(r.samples) + r.samples_failed for r in sampled]
    firsts = [[bool(s) and match in s[0].matches for s in r.samples] for r in sampled]
    found = [any(match in said.matches for s in r.samples for said in s) for r in sampled]
    hits = [sum(f) for f in firsts]
    return Accuracy(
        match=match,
        top1=top(ranks, 1),
        top3=top(ranks, 3),
        top5=top(ranks, 5),
        reciprocal_rank=mean_reciprocal_rank(ranks),
        any_sample=pass_at_k(hits, drawn, min(drawn, default=0)),
        majority=proportion(
            sum(2 * right > n for right, n in zip(hits, drawn, strict=True)), len(drawn)
        ),
        anywhere=proportion(sum(found), len(found)),
    )


def _groups(results: Sequence[CaseResult]) -> Iterator[CaseGroup]:
    """By age band, recorded sex, and each tag, with and without it."""
    for kind, of in (("age", "age_band"), ("recorded sex", "recorded_sex")):
        names = sorted({str(getattr(r, of)) for r in results}, key=_place)
        for name in names:
            yield _group(kind, name, [r for r in results if getattr(r, of) == name])
    for tag in sorted({t for r in results for t in r.tags}):
        yield _group("tag", tag, [r for r in results if tag in r.tags])
        yield _group("tag", f"not {tag}", [r for r in results if tag not in r.tags])


def _place(name: str) -> tuple[int, str]:
    """Age bands from young to old, other names by the alphabet."""
    bands = [band for band, _ in AGE_BANDS]
    return (bands.index(name) if name in bands else len(bands), name)


def _group(kind: str, name: str, results: Sequence[CaseResult]) -> CaseGroup:
    ranks = [r.rank(MatchRule.EXACT) for r in results]
    return CaseGroup(kind, name, top(ranks, 1), top(ranks, 5))


def _costs(results: Sequence[CaseResult]) -> Iterator[RunCost]:
    yield _cost("seconds a case", [r.seconds for r in results])
    for what in ("prompt", "answer"):
        counted = [float(r.tokens[what]) for r in results if what in r.tokens]
        if counted:
            yield _cost(f"tokens of the {what}", counted)


def _cost(what: str, values: Sequence[float]) -> RunCost:
    return RunCost(
        what,
        bootstrap(lambda drawn: float(np.median(drawn[0])), [values]),
        bootstrap(lambda drawn: float(np.percentile(drawn[0], 90)), [values]),
    )


def _paces(results: Sequence[CaseResult]) -> Iterator[Pace]:
    ordered = sorted(results, key=lambda r: r.seconds)
    third = -(-len(ordered) // 3)
    for number, name in enumerate(("quickest third", "middle third", "slowest third")):
        part = ordered[number * third : (number + 1) * third]
        if part:
            ranks = [r.rank(MatchRule.EXACT) for r in part]
            seconds = float(np.median([r.seconds for r in part]))
            yield Pace(name, seconds, top(ranks, 1), top(ranks, 5))


def _share(items: Sequence[object], so: Callable[..., bool]) -> Figure:
    return proportion(sum(so(i) for i in items), len(items))
