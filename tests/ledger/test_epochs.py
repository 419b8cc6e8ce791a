"""A restore is a signed, witnessed epoch: the service is ready again, and every reader is told."""

from __future__ import annotations

import math
import shutil
import time
from pathlib import Path

import pytest

from cds_hooks.audit import StoreConfig
from cds_hooks.audit.backup import BackupRefused
from cds_hooks.audit.ledger import checkpoint
from cds_hooks.audit.ledger.checkpoint import Checkpoint
from cds_hooks.audit.ledger.ledger_errors import LedgerForked
from cds_hooks.audit.restore import restore_backup, restore_in_place
from cds_hooks.audit.switches import SwitchChange, make_change
from cds_hooks.runtime import ledger as ledger_module
from tests.ledger.restores import RestoredSite
from tests.ledger.sites import run
from tests.ledger.starts import records, until

STARTED, RESTORED = "service-started", "store-restored"


@pytest.fixture(autouse=True)
def _in_quick_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, seconds in (("_LOOK_S", 0.01), ("_PAUSE_S", 0.01), ("_LONGEST_PAUSE_S", 0.04)):
        monkeypatch.setattr(ledger_module, name, seconds)


@pytest.fixture
async def site(tmp_path: Path) -> RestoredSite:
    """A site with a copy, and with more records than the copy has."""
    made = RestoredSite(tmp_path)
    await made.run(5)
    made.back_up()
    await made.run(20)
    return made


async def test_after_a_restore_the_service_is_ready_with_the_same_witness(
    site: RestoredSite,
) -> None:
    before = site.verified()
    done = site.restore(site.folder / "copy.sqlite").restored.begin
    assert (done.epoch, done.kept, done.seq) == (2, done.seq, done.seq)
    async with site.started() as (ledger, store):
        await until(lambda: ledger._signed > 0)
        assert ledger.trouble == ""
        types = [each["type"] for each in await records(store)]
    assert types.count(STARTED) == 2  # the one of the copy, and this one
    assert types[done.seq :][:2] == [RESTORED, STARTED]
    told = site.verified("--epoch-known", 2)
    assert told["whole"]
    (epoch,) = told["epochs"]
    assert (epoch["epoch"], epoch["reason"], epoch["kept"]) == (2, "the disk failed", done.seq)
    assert epoch["user_ref"] == "os-user/op"
    assert epoch["replaced_records"] == before["records"]
    (given_up,) = epoch["superseded"]
    assert given_up["size"] == before["covered"]
    assert given_up["root"] == before["root"]
    assert given_up["witnessed"]
    assert told["given_up_checkpoints"] > 0


async def test_a_reviewer_who_knows_of_no_restore_is_told(site: RestoredSite) -> None:
    site.verified("--epoch-known", 1)
    site.restore(site.folder / "copy.sqlite")
    told = site.verified("--epoch-known", 1, expect=1)
    assert (told["whole"], told["unknown_epochs"]) == (True, [2])


async def test_the_given_up_history_stays_verifiable_by_its_own_export(site: RestoredSite) -> None:
    config = site.folder / "chartside.toml"
    run("export", site.folder / "before", "--config", config)
    site.restore(site.folder / "copy.sqlite")
    await site.run(40)
    run("export", site.folder / "after", "--config", config)
    for name, epochs in (("before", []), ("after", [2])):
        folder = site.folder / name
        told = site.verified(folder, "--public-key", folder / "ledger.pub")
        assert [each["epoch"] for each in told["epochs"]] == epochs
        assert (told["later_checkpoints"] > 0) == (name == "before")


async def test_epochs_add_up_over_copies_of_any_epoch(site: RestoredSite) -> None:
    """A copy of the first epoch put back in the second begins the third, and so on."""
    first = site.folder / "copy.sqlite"
    site.restore(first)
    await site.run(60)
    second = site.back_up("second.sqlite")
    await site.run(3)
    again = site.restore(first).restored.begin
    assert again.epoch == 3
    assert [each.epoch for each in again.superseded] == [1, 2]
    await site.run(10)
    last = site.restore(second).restored.begin
    assert last.epoch == 4
    assert [each.epoch for each in last.superseded] == [2, 3]
    await site.run(10)
    assert [each["epoch"] for each in site.verified()["epochs"]] == [2, 4]


async def test_a_store_put_back_by_hand_is_a_fork_until_an_epoch_is_begun_in_place(
    site: RestoredSite,
) -> None:
    shutil.copy(site.folder / "copy.sqlite", site.site.store)
    async with site.started() as (ledger, store):
        assert ledger.trouble == "ledger-forked"
        for _ in range(60):  # by now it is longer than what the witness has
            await store.record_event("event")
        await until(lambda: ledger.trouble == "ledger-forked")
    assert site.verified(expect=1)["code"] in ("root-differs", "truncated")
    begin = site.restore_in_place(reason="snapshot put back").restored.begin
    assert begin.kept < begin.seq  # what went on by itself was not signed by anybody
    await site.run(2)
    (epoch,) = site.verified()["epochs"]
    assert (epoch["kept"], epoch["seq"]) == (begin.kept, begin.seq)


async def test_a_restore_that_nobody_signed_begins_no_epoch(site: RestoredSite) -> None:
    """Who can write into the store and has no key cannot make the service go on."""
    copy = site.folder / "copy.sqlite"
    shutil.copy(copy, site.site.store)
    begin = site.restore(copy).restored.begin  # what its record would say
    shutil.copy(copy, site.site.store)
    async with site.started() as (ledger, store):
        await store.record_event(RESTORED, **begin.details(), recorded=begin.recorded)
        await until(lambda: ledger.trouble == "ledger-forked")
    assert not site.verified(expect=1)["whole"]


async def test_a_later_epoch_at_the_witness_is_a_fork_of_the_store_of_before(
    site: RestoredSite,
) -> None:
    shutil.copy(site.site.store, site.folder / "whole.sqlite")
    site.restore(site.folder / "copy.sqlite")
    shutil.copy(site.folder / "whole.sqlite", site.site.store)
    async with site.started() as (ledger, _):
        assert ledger.trouble == "ledger-forked"
    assert site.verified(expect=1)["code"] == "epoch-later"


async def test_a_restore_that_knows_too_little_of_the_witness_is_a_fork(
    site: RestoredSite,
) -> None:
    """Such as one with settings that name no witness, while the store that is replaced is lost."""
    site.site.store.unlink()
    begin = site.restore(site.folder / "copy.sqlite", known=()).restored.begin
    assert begin.superseded == ()
    async with site.started() as (ledger, _):
        assert ledger.trouble == "ledger-forked"
    assert site.verified(expect=1)["code"] == "epoch-not-given-up"
    site.restore_in_place(reason="the witness is back")
    await site.run(2)
    assert [each["epoch"] for each in site.verified()["epochs"]] == [2, 3]


async def test_a_copy_of_another_history_begins_no_epoch(site: RestoredSite) -> None:
    other = Checkpoint("chartside", 3, bytes(32), "2026-01-01T00:00:00.000Z")
    foreign = checkpoint.sign(other, site.signer)
    site.later_s = 3600
    before = site.verified()
    with pytest.raises(LedgerForked, match="another history"):
        site.restore(site.folder / "copy.sqlite", known=[[foreign]])
    assert site.verified() == before


async def test_a_store_in_use_is_not_replaced(site: RestoredSite) -> None:
    async with site.started() as (_, store):
        await store.check()
        place = StoreConfig(site.site.store)
        with pytest.raises(BackupRefused, match="a service uses"):
            restore_backup(
                site.folder / "copy.sqlite", place, site.key, site.new(), replace_store=True
            )
        with pytest.raises(BackupRefused, match="a service uses"):
            restore_in_place(place, site.key, site.new())


async def test_tokens_of_before_a_restore_or_a_noticed_fork_are_refused(
    site: RestoredSite,
) -> None:
    async with site.started() as (_, store):
        assert await store.tokens.refused_until() == -math.inf
        assert await store.tokens.use("h1:a", time.time() + 300)
    site.restore(site.folder / "copy.sqlite")
    async with site.started() as (_, store):
        assert await store.tokens.refused_until() == pytest.approx(site.clock(), abs=600)
    # Put back by hand: the rows are of the copy, and the witness tells at the start.
    shutil.copy(site.folder / "copy.sqlite", site.site.store)
    begun = time.time()
    async with site.started() as (ledger, store):
        assert ledger.trouble == "ledger-forked"
        first = await store.tokens.refused_until()
        assert begun <= first <= time.time()
        await until(lambda: ledger._pause >= 0.04)  # signing is tried again and again
        assert await store.tokens.refused_until() == first


async def test_what_was_switched_off_stays_off(site: RestoredSite) -> None:
    """A copy of before must not put a service on again that somebody had put off."""

    def off(scope: str) -> SwitchChange:
        words = {"off": True, "now": time.time(), "user": "os-user/op"}
        return make_change(scope, "wrong answers", **words)  # type: ignore[arg-type]

    async with site.started() as (_, store):
        await store.switches.change(off("one"))
    copy = site.back_up("one-off.sqlite")
    async with site.started() as (_, store):
        await store.switches.change(off("two"))
    done = site.restore(copy).restored
    assert done.stay_off == ("two",)
    async with site.started() as (_, store):
        assert {each.scope for each in await store.switches.switched_off()} == {"one", "two"}
        found = await records(store, "service-switched-off")
        assert [each["service_id"] for each in found] == ["one", "two"]
    assert site.verified()["whole"]


async def test_a_person_is_told_in_a_sentence(site: RestoredSite) -> None:
    before = site.verified()["covered"]
    begin = site.restore(site.folder / "copy.sqlite", reason="\x1b[2Jdisk").restored.begin
    words = ("--witness", site.witness, "--config", site.folder / "chartside.toml")
    told = run("verify", *words)
    assert "restored once, now in epoch 2" in told
    assert f"Epoch 2 begins with record {begin.seq}" in told
    assert f"{begin.kept} records of epoch 1 were kept" in told
    assert f"{before - begin.kept} signed records were given up" in told
    assert 'Reason given: "?[2Jdisk".' in told  # nothing in it moves the cursor
    assert "NOT expected: epoch 2" in run("verify", *words, "--epoch-known", 1, expect=1)
    (site.witness / f"checkpoint-{before:016}.note").unlink()
    assert "does not have each checkpoint" in run("verify", *words)
