"""Following consultations up into a real store: once, again, broken off, erased meanwhile."""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from cds_hooks.audit import SiteKey, Store, StoreConfig
from cds_hooks.audit.trial_outcomes import READ, FollowedConsultation
from cds_hooks.consultation import CheckedConsultation, Consultation, KeyState, Outcome
from cds_hooks.gather import NoteCode
from cds_hooks.plausibility import Terminology
from cds_hooks.trial.outcomes.decide import OutcomeDecider
from cds_hooks.trial.outcomes.reading import PatientNotRead, PatientRecord
from cds_hooks.trial.outcomes.rules import load_rules
from cds_hooks.trial.outcomes.run import Followed, FollowUpRun, TooManyNotRead, due
from fhir_mapping.chart import Omission
from tests.trial.outcome_cases import HOOK, chart, condition

ROOT = Path(__file__).resolve().parents[2]
RULES = load_rules()
DAY = 86_400.0
SERVER = "https://fhir.example.org/r4"


@pytest.fixture(scope="module")
def terminology() -> Iterator[Terminology]:
    with Terminology(ROOT / "build" / "terminology.sqlite") as opened:
        yield opened


@pytest.fixture
def key(tmp_path: Path) -> SiteKey:
    return SiteKey.load(tmp_path / "site.key", create=True)


@pytest.fixture
async def store(tmp_path: Path, key: SiteKey) -> AsyncIterator[Store]:
    store = Store(StoreConfig(tmp_path / "s.sqlite"), key, clock=lambda: HOOK.timestamp())
    await store.open()
    yield store
    await store.close()


def consultation(key: SiteKey, name: str, patient: str = "pat", **more: Any) -> CheckedConsultation:
    """A consultation about a chart without problems, of a patient of the server."""
    found = chart()
    named = (Omission(f"Patient/{patient}", "told-as-patient"),)
    made = CheckedConsultation(
        id=f"00000000-0000-4000-8000-{name:>012}",
        key=name,
        service="chartside-patient-view",
        created=HOOK.timestamp(),
        patient_key=key.patient_key(patient, fhir_server=SERVER),
        chart=dataclasses.replace(found, omissions=named),
        key_states={"problems": KeyState.EMPTY},
        outcome=Outcome.ANSWERED,
    )
    return dataclasses.replace(made, **more)


class Hospital:
    """Patients' records; a patient whose record is an error cannot be read."""

    def __init__(self, **records: Any) -> None:
        self.records = records
        self.asked: list[str] = []

    async def read(self, patient_id: str, since: float) -> PatientRecord:
        assert since <= HOOK.timestamp()
        self.asked.append(patient_id)
        found = self.records.get(patient_id, [condition("c1")])
        if isinstance(found, Exception):
            raise found
        if isinstance(found, str):
            return PatientRecord(found, missing=("Encounter:forbidden",) * (found == "partial"))
        return PatientRecord("read", frozenset({patient_id}), tuple(found))


class Follower:
    """Runs, with the real store."""

    def __init__(self, store: Store, key: SiteKey, terminology: Terminology) -> None:
        self.store, self.key = store, key
        self.decider = OutcomeDecider(RULES, terminology)

    async def load(self, id_: str) -> Consultation | None:
        return await self.store.get(id_) or await self.store.silent.get(id_)

    async def run(self, hospital: Hospital, *, days: float = 1, again: bool = False) -> Followed:
        now = HOOK.timestamp() + days * DAY
        found = await self.store.outcomes.to_follow(0, 2e9)
        wanted = due(found, RULES.digest, now, again_after_s=DAY, again=again)
        told = Followed()
        self.told = told
        run = FollowUpRun(
            self.load,
            lambda id_: [self.key.patient_key(id_, fhir_server=SERVER)],
            hospital.read,
            self.decider,
            self.store.outcomes.save,
            now,
        )
        await run.follow(wanted, told)
        return told


@pytest.fixture
def follower(store: Store, key: SiteKey, terminology: Terminology) -> Follower:
    return Follower(store, key, terminology)


async def test_outcomes_are_stored_and_a_second_run_reads_nothing_until_it_is_due(
    follower: Follower, store: Store, key: SiteKey
) -> None:
    one = consultation(key, "1")
    await store.save_consultation(one)
    told = await follower.run(Hospital(), days=2)
    assert (told.outcomes, told.states, told.sources) == (
        1, {READ: 1}, {"condition-problem-list": 1})  # fmt: skip
    [outcome] = (await store.outcomes.of([one.id]))[one.id].outcomes
    assert (outcome.code, outcome.charted) == ("I26.99", HOOK.timestamp() + DAY)
    hospital = Hospital()
    assert (await follower.run(hospital, days=2.9)).done == 0
    assert (await follower.run(hospital, days=3)).done == 1
    last = await follower.run(hospital, days=30)
    assert (last.done, (await store.outcomes.of([one.id]))[one.id].conclusive) == (1, True)
    assert (await follower.run(hospital, days=90)).done == 0
    assert hospital.asked == ["pat", "pat"]


async def test_reading_again_gives_the_same(follower: Follower, store: Store, key: SiteKey) -> None:
    await store.save_consultation(one := consultation(key, "1"))
    first = await follower.run(Hospital(), days=40)
    kept = await store.outcomes.of([one.id])
    second = await follower.run(Hospital(), days=40, again=True)
    assert await store.outcomes.of([one.id]) == kept
    assert first.saved == second.saved


async def test_a_run_that_was_broken_goes_on_with_the_rest(
    follower: Follower, store: Store, key: SiteKey
) -> None:
    for n in range(3):
        await store.save_consultation(consultation(key, str(n), f"p{n}"))
    order = [each.id for each in await store.outcomes.to_follow(0, 2e9)]
    at_the_second = Hospital(**{f"p{order[1][-1]}": ConnectionError("pulled out")})
    with pytest.raises(ConnectionError):
        await follower.run(at_the_second)
    assert follower.told.done == 1
    rest = Hospital(p0=[], p1=[], p2=[])
    assert (await follower.run(rest)).states == {READ: 2}
    assert rest.asked == [f"p{each[-1]}" for each in order[1:]]


async def test_the_record_of_a_patient_is_read_once_for_all_their_consultations(
    follower: Follower, store: Store, key: SiteKey
) -> None:
    await store.save_consultation(consultation(key, "1"))
    later = consultation(key, "2", created=HOOK.timestamp() + 2 * DAY)
    await store.save_consultation(later)
    hospital = Hospital()
    told = await follower.run(hospital, days=3)
    assert (told.done, hospital.asked) == (2, ["pat"])
    # What was charted between the two hooks was to be found at the first only.
    assert (told.outcomes, told.passed_over) == (1, {"charted-before": 1})


async def test_what_a_silent_trial_recorded_is_followed_up_too(
    follower: Follower, store: Store, key: SiteKey
) -> None:
    shown, silent = consultation(key, "1"), consultation(key, "2", silent=True)
    await store.save_consultation(shown)
    await store.silent.save_consultation(silent)
    found = await store.outcomes.to_follow(0, 2e9)
    assert {each.id: each.silent for each in found} == {shown.id: False, silent.id: True}
    assert (await follower.run(Hospital())).states == {READ: 2}
    assert set(await store.outcomes.of([shown.id, silent.id])) == {shown.id, silent.id}


async def test_a_patient_of_another_server_is_never_asked_for(
    follower: Follower, store: Store, key: SiteKey
) -> None:
    other = key.patient_key("pat", fhir_server="https://elsewhere.example.org/r4")
    await store.save_consultation(consultation(key, "1", patient_key=other))
    await store.save_consultation(consultation(key, "2", chart=chart()))
    hospital = Hospital()
    told = await follower.run(hospital)
    assert told.states == {"patient-of-another-server": 1, READ: 1}
    assert hospital.asked == ["pat"]


async def test_a_patient_who_is_gone_is_counted_and_keeps_what_was_read_before(
    follower: Follower, store: Store, key: SiteKey
) -> None:
    await store.save_consultation(one := consultation(key, "1"))
    await store.save_consultation(two := consultation(key, "2", "never"))
    gone = "patient-gone"
    assert (await follower.run(Hospital(never=gone), days=2)).states == {READ: 1, gone: 1}
    for lost in (gone, "partial"):
        told = await follower.run(Hospital(pat=lost, never=lost), days=40, again=True)
        assert told.states == {"kept-earlier": 1, lost: 1}
    found = await store.outcomes.of([one.id, two.id])
    assert len(found[one.id].outcomes) == 1
    assert (found[two.id].state, found[two.id].conclusive) == ("partial", False)


async def test_patients_that_cannot_be_read_are_left_and_five_in_a_row_end_the_run(
    follower: Follower, store: Store, key: SiteKey
) -> None:
    failing = PatientNotRead(NoteCode.SERVER_ERROR, "Patient")
    for n in range(6):
        await store.save_consultation(consultation(key, str(n), f"p{n}"))
    with pytest.raises(TooManyNotRead):
        await follower.run(Hospital(**{f"p{n}": failing for n in range(6)}))
    assert follower.told.problems == {"server-error": 5}
    told = await follower.run(Hospital(p0=failing))
    assert (told.states, told.problems) == ({READ: 5}, {"server-error": 1})


def test_other_rules_have_everything_read_again() -> None:
    read = FollowedConsultation("c", "p", "s", 0.0, READ, True, "rules-1", 5.0)
    assert due([read], "rules-1", 9.0, again_after_s=1.0) == ()
    assert due([read], "rules-2", 9.0, again_after_s=1.0) == (read,)
