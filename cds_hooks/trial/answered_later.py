"""Hooks that were answered before the model was done, joined with what the model came to. Pure.

Such a hook leaves two records: one that says "not yet", which the hook was answered with, and one
of the answer, under an id of its own. A silent hook always does, as nobody waits for it. It is one
consultation of one encounter and counts once, at the time of the hook.

A hook of a chart in which nothing that matters changed has no answer of its own: it would have been
shown the patient's last one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from cds_hooks.consultation import Outcome
from cds_hooks.trial.cases import TrialCase

__all__ = ["joined"]


def joined(read: Sequence[tuple[str, TrialCase]]) -> tuple[TrialCase, ...]:
    """The cases, each with the content key of its question, without records of answers that belong
    to a hook among them. A hook whose answer never came stays as it is."""
    answers: dict[tuple[str, str], list[TrialCase]] = {}
    for key, case in read:
        if not _waits(case):
            answers.setdefault((case.patient, key), []).append(case)
    found: list[TrialCase] = []
    taken: set[str] = set()
    for key, case in read:
        answer = _answer(case, answers.get((case.patient, key), ())) if _waits(case) else None
        if answer is not None:
            taken.add(answer.consultation)
        found.append(_with(case, answer) if answer is not None else case)
    told: dict[tuple[str, bool], list[TrialCase]] = {}
    for _, case in read:
        if case.ended == Outcome.ANSWERED.value:
            told.setdefault((case.patient, case.silent), []).append(case)
    return tuple(
        _shown(each, told.get((each.patient, each.silent), ()))
        for each in found
        if each.consultation not in taken
    )


def _shown(case: TrialCase, answers: Sequence[TrialCase]) -> TrialCase:
    """The case, with the patient's last answer where that is what stood."""
    if case.ended != Outcome.REUSED.value or case.proposed:
        return case
    before = (each for each in answers if each.asked <= case.asked)
    last = max(before, key=lambda each: each.asked, default=None)
    return case if last is None else replace(case, proposed=last.proposed)


def _waits(case: TrialCase) -> bool:
    return case.ended == Outcome.PENDING.value


def _answer(case: TrialCase, answers: Sequence[TrialCase]) -> TrialCase | None:
    """The first answer since the hook, else the last before: work that was in flight already."""
    since = [each for each in answers if each.asked >= case.asked]
    if since:
        return min(since, key=lambda each: each.asked)
    return max(answers, key=lambda each: each.asked, default=None)


def _with(case: TrialCase, answer: TrialCase) -> TrialCase:
    return replace(
        case,
        ended=answer.ended,
        seconds=answer.seconds,
        model=answer.model,
        proposed=answer.proposed,
    )
