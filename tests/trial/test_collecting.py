"""From stored consultations to cases: what is taken over, and what is not."""

from __future__ import annotations

import dataclasses
import sqlite3
import time
from collections.abc import AsyncIterator
from contextlib import nullcontext
from datetime import timedelta, timezone
from pathlib import Path

import pytest

from cds_hooks.audit import Store
from cds_hooks.audit.trial_outcomes import FollowUp
from cds_hooks.cli import tune_trial
from cds_hooks.consultation import Caller, RecordedCall, Verdict
from cds_hooks.plausibility import Terminology
from cds_hooks.runtime.configs import store_config
from cds_hooks.runtime.records import site_key
from cds_hooks.settings import load_settings
from cds_hooks.trial.collecting import Collecting, StoredCase
from cds_hooks.trial.collection import collect
from tests.trial.stored_trial import (
    assessment,
    consultation,
    follow_up,
    settings_file,
    waiting,
)
from tests.trial.trial_cases import ICD, icd

AT = 1_780_000_000.0  # 2026-05-28T20:26:40Z


@pytest.fixture(scope="module")
def collecting(terminology: Terminology) -> Collecting:
    return Collecting(terminology, zone=timezone(timedelta(hours=5)))


LISTED = (
    assessment("A41.9", Verdict.CONTRADICTED),
    assessment("K35.80", Verdict.UNCERTAIN, agreement=0.2),
    dataclasses.replace(assessment("I21.4", Verdict.SUPPORTED, agreement=0.8), probability=0.7),
)


def test_a_case_has_what_was_shown_in_the_order_of_the_card(collecting: Collecting) -> None:
    found = collecting.case(StoredCase(consultation(1, AT, LISTED), None, "e1"))
    assert found is not None
    assert [each.codes for each in found.proposed] == [icd("I21.4"), icd("K35.80"), icd("A41.9")]
    assert [each.struck_out for each in found.proposed] == [False, False, True]
    assert [each.agreement for each in found.proposed] == [0.8, 0.2, 1.0]
    assert found.proposed[1].flags == ("evidence-relevant",)
    assert [each.probability for each in found.proposed] == [0.7, None, None]
    assert (found.patient, found.encounter, found.silent) == ("p1:1", "e1", True)
    assert (found.age_band, found.sex, found.hour) == ("45 to 64", "female", 1)
    assert (found.seconds, found.ended, found.settings) == (4.0, "answered", "2" * 64)


def test_visible_are_codes_of_what_the_prompt_says_that_the_patient_has(
    collecting: Collecting,
) -> None:
    found = collecting.case(StoredCase(consultation(1, AT, ()), None))
    assert found is not None
    assert (ICD, "E11.9") in found.visible_codes
    assert not found.visible_codes & {(ICD, "A41.9"), (ICD, "M10.9")}


def test_a_rule_has_the_codes_of_the_diagnosis_that_it_names(collecting: Collecting) -> None:
    found = collecting.case(StoredCase(consultation(1, AT, ()), None))
    assert found is not None
    assert (ICD, "I21.4") in found.findings[0].codes


def test_all_rules_of_the_service_are_known_with_their_codes(collecting: Collecting) -> None:
    rules = collecting.rules()
    assert len(rules) > 100
    coded = [codes for codes in rules.values() if codes]
    assert len(coded) > 0.8 * len(rules)
    assert any((ICD, "A41.9") in codes for codes in coded)


def test_outcomes_count_once_the_window_has_closed(collecting: Collecting) -> None:
    done = consultation(1, AT, ())
    gone = dataclasses.replace(follow_up(done, "I21.4"), state="patient-gone")
    read: list[tuple[FollowUp | None, int | None]] = [
        (None, None),
        (follow_up(done, "I21.4", final=False), None),
        (gone, None),
        (follow_up(done, "I21.4"), 1),
    ]
    for found, count in read:
        case = collecting.case(StoredCase(done, found))
        assert case is not None
        assert (None if case.outcomes is None else len(case.outcomes)) == count


def test_a_day_alone_is_no_exact_time(collecting: Collecting) -> None:
    done = consultation(1, AT, ())
    told = follow_up(done, "I21.4")
    day = dataclasses.replace(
        told, outcomes=(dataclasses.replace(told.outcomes[0], precision="day"),)
    )
    for found, exact in ((told, True), (day, False)):
        case = collecting.case(StoredCase(done, found))
        assert case is not None
        assert case.outcomes is not None
        assert case.outcomes[0].exact is exact


def test_what_the_service_asked_itself_is_no_case(collecting: Collecting) -> None:
    own = dataclasses.replace(consultation(1, AT, ()), caller=Caller(issuer="chartside-inspector"))
    assert collecting.case(StoredCase(own, None)) is None


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    settings = load_settings(settings_file(tmp_path))
    opened = Store(store_config(settings), site_key(settings, create=True))
    await opened.open()
    yield opened
    await opened.close()


async def test_silent_and_shown_consultations_are_read_with_outcomes_and_encounters(
    store: Store, collecting: Collecting
) -> None:
    now = time.time()
    silent = consultation(1, now - 60, LISTED)
    shown = consultation(2, now - 50, LISTED, silent=False)
    early = consultation(3, now - 9000, LISTED)
    call = RecordedCall(hook="patient-view", encounter_id="Encounter-1")
    await store.silent.save_consultation(silent, call=call)
    await store.save_consultation(shown, (), dataclasses.replace(call, encounter_id=""))
    await store.silent.save_consultation(early)
    await store.outcomes.save(follow_up(silent, "I21.4"))
    found = await collect(store, collecting, now - 100, now + 100)
    first, second = found.cases
    assert (first.consultation, first.silent, second.silent) == (silent.id, True, False)
    assert first.encounter
    assert "Encounter-1" not in first.encounter
    assert second.encounter == ""
    assert first.outcomes is not None
    assert second.outcomes is None
    assert (found.hooks, found.unread, found.erased) == (2, 0, 0)
    none = await collect(store, collecting, now - 100, now + 100, service="another")
    assert (none.cases, none.hooks) == ((), 0)


async def test_damaged_outcomes_are_counted_and_stop_no_report(
    store: Store, collecting: Collecting, tmp_path: Path
) -> None:
    now = time.time()
    for number in (1, 2):
        done = consultation(number, now - 60, LISTED)
        await store.silent.save_consultation(done, call=RecordedCall(hook="patient-view"))
        await store.outcomes.save(follow_up(done, "I21.4"))
    with sqlite3.connect(tmp_path / "r.sqlite") as other:
        other.execute(
            "UPDATE trial_outcomes SET state = 'patient-gone' WHERE consultation_id LIKE '%1'"
        )
    other.close()
    found = await collect(store, collecting, now - 100, now + 100)
    assert ([each.consultation[-1] for each in found.cases], found.unread) == (["2"], 1)


async def test_a_hook_that_was_answered_before_the_model_was_done_is_a_case_to_train_on(
    store: Store, terminology: Terminology, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All silent hooks are: without their answers a silent trial would have no example at all."""
    monkeypatch.setattr(tune_trial, "Terminology", lambda _: nullcontext(terminology))
    answered, lost = (consultation(n, time.time() - 60, LISTED) for n in (1, 2))
    for done in (answered, lost):
        await store.silent.save_consultation(waiting(done), call=RecordedCall(hook="patient-view"))
        await store.outcomes.save(follow_up(waiting(done), "I21.4"))
    await store.silent.save_consultation(answered)
    settings = load_settings(tmp_path / "chartside.toml")
    made = await tune_trial.read_trial(settings, "2026-01-01", "", "to train")
    assert [each.gold.code for each in made.drafts if each.gold] == ["I21.4"]
    assert made.dropped["no-answer"] == 1


async def test_a_hook_and_the_answer_after_it_are_followed_up_once(store: Store) -> None:
    now = time.time()
    later, at_once = (consultation(n, now - 60, LISTED) for n in (1, 2))
    again = dataclasses.replace(waiting(later), id=f"2{later.id[1:]}", created=now - 50)
    call = RecordedCall(hook="patient-view")
    for hook in (waiting(later), again, at_once):
        await store.silent.save_consultation(hook, call=call)
    await store.silent.save_consultation(later)
    found = await store.outcomes.to_follow(now - 100, now)
    assert {each.id for each in found if each.is_answer} == {later.id}
    assert len(found) == 4
