"""A hook and the answer that came after it are one consultation of the trial."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from cds_hooks.trial.answered_later import joined
from cds_hooks.trial.cases import TrialCase
from tests.trial.trial_cases import ASKED, case

HOUR = timedelta(hours=1)


HOOK: dict[str, Any] = {"patient": "p1", "encounter": "e1", "asked": ASKED}


def waiting(**more: Any) -> TrialCase:
    return case(1, **HOOK | {"consultation": "hook", "ended": "pending", "seconds": 0.2} | more)


def answer(listed: Sequence[str] = ("I21.4",), **more: Any) -> TrialCase:
    return case(
        1, listed, **HOOK | {"consultation": "answer", "encounter": "", "seconds": 9.0} | more
    )


def test_the_hook_has_the_answer_and_keeps_its_time_and_encounter() -> None:
    [found] = joined([("k", waiting()), ("k", answer(asked=ASKED + HOUR))])
    assert (found.consultation, found.asked, found.encounter) == ("hook", ASKED, "e1")
    assert (found.ended, found.seconds, found.proposed) == ("answered", 9.0, answer().proposed)
    assert found.answered_in == "answer"


def test_an_answer_to_another_question_or_of_another_patient_is_its_own() -> None:
    assert len(joined([("k", waiting()), ("other", answer())])) == 2
    assert len(joined([("k", waiting()), ("k", answer(patient="p9"))])) == 2


def test_a_hook_whose_answer_never_came_stays_without_one() -> None:
    assert joined([("k", waiting())]) == (waiting(),)


def test_two_hooks_that_joined_one_work_both_have_its_answer() -> None:
    later = waiting(consultation="later", asked=ASKED + HOUR)
    found = joined([("k", waiting()), ("k", answer()), ("k", later)])
    assert [each.consultation for each in found] == ["hook", "later"]
    assert all(each.proposed == answer().proposed for each in found)


def test_the_first_answer_since_the_hook_is_taken_before_older_ones() -> None:
    old = answer((), consultation="old", asked=ASKED - HOUR)
    found = joined([("k", old), ("k", waiting()), ("k", answer())])
    assert [(each.consultation, bool(each.proposed)) for each in found] == [
        ("old", False),
        ("hook", True),
    ]


def test_a_hook_for_which_the_last_answer_stood_has_its_list() -> None:
    reused = waiting(consultation="reused", asked=ASKED + HOUR, ended="last-answer-stands")
    other = answer(("J18.9",), consultation="other", patient="p2")
    later = answer(("J18.9",), consultation="later", asked=ASKED + 2 * HOUR)
    *_, found = joined([("k", answer()), ("k", other), ("k", later), ("new", reused)])
    assert (found.ended, found.proposed) == ("last-answer-stands", answer().proposed)
    assert (found.consultation, found.answered_in) == ("reused", "answer")
    *_, separate = joined([("k", replace(answer(), silent=False)), ("new", reused)])
    assert separate.proposed == ()
    assert len(joined([("k", answer()), ("new", reused)])) == 2
