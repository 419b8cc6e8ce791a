"""Hooks that were answered before the model was done, joined with what the model came to. Pure.

Such a hook leaves two records: one that says "not yet", which the hook was answered with, and one
of the answer, under an id of its own. A silent hook always does, as nobody waits for it. It is one
consultation of one encounter and counts once, at the time of the hook. A hook for which the
patient's last answer stood, as nothing that matters had changed, has the list of that answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from cds_hooks.consultation import Outcome
from cds_hooks.trial.cases import TrialCase

__all__ = ["joined"]

_ANY = ""


def joined(read: Sequence[tuple[str, TrialCase]]) -> tuple[TrialCase, ...]:
    """The cases, each with the content key of its question, without records of answers that belong
    to a hook among them. A hook whose answer never came stays as it is."""
    answers: dict[tuple[str, str], list[TrialCase]] = {}
    for key, case in read:
        if not (_waits(case) or _reuses(case)):
            for place in ((case.patient, key), (case.patient, _ANY)):
                answers.setdefault(place, []).append(case)
    found: list[TrialCase] = []
    taken: set[str] = set()
    for key, case in read:
        if _reuses(case):
            last = _last(case, answers.get((case.patient, _ANY), ()))
            has = last and replace(case, answer=last.consultation, proposed=last.proposed)
            found.append(has or case)
            continue
        answer = _answer(case, answers.get((case.patient, key), ())) if _waits(case) else None
        if answer is not None:
            taken.add(answer.consultation)
        found.append(_with(case, answer) if answer is not None else case)
    return tuple(each for each in found if each.consultation not in taken)


def _waits(case: TrialCase) -> bool:
    return case.ended == Outcome.PENDING.value


def _reuses(case: TrialCase) -> bool:
    return case.ended == Outcome.REUSED.value


def _answer(case: TrialCase, answers: Sequence[TrialCase]) -> TrialCase | None:
    """The first answer since the hook, else the last before: work that was in flight already."""
    since = [each for each in answers if each.asked >= case.asked]
    if since:
        return min(since, key=lambda each: each.asked)
    return _last(case, answers)


def _last(case: TrialCase, answers: Sequence[TrialCase]) -> TrialCase | None:
    own = (each for each in answers if each.silent == case.silent)
    before = [each for each in own if each.asked <= case.asked and each.proposed]
    return max(before, key=lambda each: each.asked, default=None)


def _with(case: TrialCase, answer: TrialCase) -> TrialCase:
    return replace(
        case,
        answer=answer.consultation,
        ended=answer.ended,
        seconds=answer.seconds,
        model=answer.model,
        proposed=answer.proposed,
    )
