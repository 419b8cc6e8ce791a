"""Services that are switched off and on: one row, one record, and every process sees it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from cds_hooks.audit import SiteKey, Store, StoreConfig
from cds_hooks.audit.switch_operations import SwitchOperations
from cds_hooks.audit.switches import ALL_SERVICES, ReasonMissing, SwitchChange, make_change
from cds_hooks.runtime.switches import ServiceSwitches
from cds_hooks.services import REGISTRY
from tests.audit.tampering import execute, rows

VIEW = "chartside-patient-view"


def _change(scope: str = VIEW, *, off: bool = True, reason: str = "wrong cards") -> SwitchChange:
    now = 1_700_000_100.0
    return make_change(scope, reason, off=off, now=now, user="os-user/ann", name="Ann")


async def _types(store: Store) -> list[str]:
    found = []
    for type_ in ("service-switched-off", "service-switched-on"):
        found += [type_] * len(await store.ledger.records_of(type_))
    return found


async def test_a_change_is_one_row_and_one_record(
    store: Store, config: StoreConfig, site_key: SiteKey, clock: Callable[[], float]
) -> None:
    with SwitchOperations(config, site_key, clock=clock) as command:
        assert command.change(_change())
        assert not command.change(_change(reason="said again"))  # it was so already
    (row,) = await store.switches.switched_off()
    assert (row.scope, row.reason, row.by, row.since) == (VIEW, "wrong cards", "Ann", 1.7000001e9)
    (record,) = await store.ledger.records_of("service-switched-off")
    assert b'"reason":"wrong cards"' in record
    assert f'"event_id":"{row.event_id}"'.encode() in record
    assert b'"service_id":"chartside-patient-view"' in record
    assert b"ann" not in record.lower()  # people are keyed hashes
    assert await store.switches.change(_change(off=False, reason="mended"))
    assert not await store.switches.change(_change(off=False, reason="mended"))
    assert await store.switches.switched_off() == ()
    (record,) = await store.ledger.records_of("service-switched-on")
    assert f'"ends":"{row.event_id}"'.encode() in record


async def test_all_is_a_switch_of_its_own(store: Store) -> None:
    """What was off before stays off when everything is switched on again."""
    assert await store.switches.change(_change())
    assert await store.switches.change(_change(ALL_SERVICES))
    assert {row.scope for row in await store.switches.switched_off()} == {VIEW, ALL_SERVICES}
    assert await store.switches.change(_change(ALL_SERVICES, off=False))
    assert [row.scope for row in await store.switches.switched_off()] == [VIEW]
    assert await _types(store) == ["service-switched-off"] * 2 + ["service-switched-on"]


async def test_a_switch_outlives_the_process(
    where: Path | str, site_key: SiteKey, clock: Callable[[], float]
) -> None:
    for times in range(2):
        store = Store(StoreConfig(where), site_key, clock=clock)
        await store.open()
        assert await store.switches.change(_change()) == (times == 0)
        assert len(await store.switches.switched_off()) == 1
        await store.close()


async def test_a_switch_that_was_taken_out_of_the_table_stays_off(
    place: Path, where: Path | str, site_key: SiteKey, clock: Callable[[], float]
) -> None:
    """The table is in clear: whoever can write into the database could switch on, unrecorded."""
    store = Store(StoreConfig(where), site_key, clock=clock)
    await store.open()
    assert await store.switches.change(_change())
    await store.close()
    execute(place, "DELETE FROM switched_off")
    store = Store(StoreConfig(where), site_key, clock=clock)
    (row,) = await store.switches.switched_off()
    assert (row.scope, row.reason, row.taken_out) == (VIEW, "wrong cards", True)
    switches = ServiceSwitches(store, REGISTRY, CollectorRegistry())
    await switches.read()
    assert switches.hidden() == {VIEW}
    assert switches.trouble == f"taken out of the store, and off by the ledger: {VIEW}"
    assert await switches.change(_change(off=False, reason="looked into"))
    assert (switches.trouble, switches.hidden()) == ("", frozenset())
    await store.close()


@pytest.mark.parametrize("since", ["1e300", "-1"])
async def test_a_time_that_is_none_keeps_nobody_from_switching(
    place: Path, where: Path | str, site_key: SiteKey, clock: Callable[[], float], since: str
) -> None:
    store = Store(StoreConfig(where), site_key, clock=clock)
    await store.open()
    await store.switches.change(_change())
    execute(place, f"UPDATE switched_off SET since = {since}")
    assert [row.since for row in await store.switches.switched_off()] == [0.0]
    assert await store.switches.change(_change(off=False))
    await store.close()


async def test_a_store_that_was_made_without_switches_gets_them(
    place: Path, where: Path | str, site_key: SiteKey, clock: Callable[[], float]
) -> None:
    store = Store(StoreConfig(where), site_key, clock=clock)
    await store.open()
    await store.close()
    execute(place, "DROP TABLE switched_off")
    store = Store(StoreConfig(where), site_key, clock=clock)
    assert await store.switches.switched_off() == ()
    await store.close()
    assert rows(place, "SELECT count(*) FROM switched_off") == [(0,)]


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("ab", None),
        ("abc", "abc"),
        ("  \u200b\n ", None),
        ("wrong\ncards", "wrong cards"),
        ("Mrs Quellfeld, 0123456789, got it", ""),
    ],
)
def test_a_reason_is_needed_and_masked(typed: str, kept: str | None) -> None:
    if kept is None:
        with pytest.raises(ReasonMissing):
            _change(reason=typed)
        return
    reason = _change(reason=typed).row.reason
    assert "Quellfeld" not in reason
    assert "0123456789" not in reason
    assert not kept or reason == kept


def test_a_person_is_needed() -> None:
    with pytest.raises(ReasonMissing):
        make_change(VIEW, "wrong cards", off=True, now=0.0, user="")
