"""Each change of what runs is one record with who started it; without a change there is none."""

from __future__ import annotations

import os
import pwd
from pathlib import Path
from typing import Any

import orjson
import pytest

from cds_hooks.audit import SiteKey, Store
from cds_hooks.audit.ledger.entries import user_ref
from cds_hooks.settings import Settings, settings_digest
from tests.ledger.starts import FACTS, Site, records, until

CLIENT = """[[clients]]
name = "epic"
issuer = "https://ehr.example"
jwks_file = "{keys}"
"""
USUAL = {"running", "service-started", "service-stopped"}


async def start(
    site: Site, settings: Settings, **facts: str
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """One start and stop: the records that it made beside the usual, and all of the ledger."""
    now = {**FACTS, **facts, "settings_sha256": settings_digest(settings)}
    async with site.started(settings, now) as (ledger, store):
        await until(lambda: ledger._signed > 0)
        made = await records(store)
        began = max(n for n, each in enumerate(made) if each["type"] == "service-started")
        stops = [n for n, each in enumerate(made[:began]) if each["type"] == "service-stopped"]
        new = made[stops[-1] + 1 if stops else 0 :]
    return [each for each in new if each["type"] not in USUAL], made


def the_one(changes: list[dict[str, Any]], type_: str) -> dict[str, Any]:
    assert [each["type"] for each in changes] == [type_]
    details: dict[str, Any] = changes[0]["details"]
    return details


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


async def test_a_start_without_a_change_records_none(site: Site) -> None:
    assert (await start(site, site.settings()))[0] == []
    for _ in range(3):
        changes, whole = await start(site, site.settings())
        assert changes == []
    types = [each["type"] for each in whole]
    assert types.count("running") == 1
    assert types.count("service-started") == 4


@pytest.mark.parametrize(
    ("type_", "what", "now"),
    [
        ("version-changed", "version", "2"),
        ("model-changed", "model_sha256", "b" * 64),
        ("template-changed", "template_sha256", "d" * 64),
    ],
)
async def test_what_else_runs_is_one_record(site: Site, type_: str, what: str, now: str) -> None:
    settings = site.settings()
    await start(site, settings)
    told = the_one((await start(site, settings, **{what: now}))[0], type_)
    assert told == {"what": what, "before": FACTS[what], "now": now}
    assert (await start(site, settings, **{what: now}))[0] == []
    told = the_one((await start(site, settings))[0], type_)
    assert told == {"what": what, "before": now, "now": FACTS[what]}


async def test_a_model_and_a_template_are_named(site: Site) -> None:
    settings = site.settings()
    await start(site, settings)
    changes, _ = await start(
        site, settings, model="two", model_sha256="b" * 64, template="x/2", template_sha256="d" * 64
    )
    assert [(each["type"], each.get("model_id"), each.get("template_id")) for each in changes] == [
        ("model-changed", "two", None),
        ("template-changed", None, "x/2"),
    ]


async def test_a_setting_is_told_by_its_key_from_and_to(site: Site) -> None:
    before = site.settings()
    await start(site, before)
    now = site.settings('[server]\nport = 8020\n[model]\ntemperature = 0.5\nnames = ""\n')
    told = the_one((await start(site, now))[0], "settings-changed")
    assert (told["before"], told["now"]) == (settings_digest(before), settings_digest(now))
    names = orjson.dumps(str(before.model.names)).decode()
    assert told["changed"] == {
        "model.names": {"before": names, "now": "null"},
        "model.temperature": {"before": "null", "now": "0.5"},
        "server.port": {"before": "8010", "now": "8020"},
    }
    assert (await start(site, now))[0] == []
    back = the_one((await start(site, site.settings()))[0], "settings-changed")
    assert back["changed"]["server.port"] == {"before": "8020", "now": "8010"}


async def test_a_client_is_one_record_when_it_comes_changes_and_goes(
    site: Site, tmp_path: Path
) -> None:
    keys = tmp_path / "epic.jwks"
    keys.write_text('{"keys": []}')
    client = CLIENT.format(keys=keys)
    await start(site, site.settings())
    told = the_one((await start(site, site.settings(client)))[0], "clients-changed")
    assert told["changed"]["clients.epic.issuer"] == {"now": '"https://ehr.example"'}
    assert all(key.startswith("clients.epic.") for key in told["changed"])
    more = site.settings(client + "burst = 7\n")
    told = the_one((await start(site, more))[0], "clients-changed")
    assert told["changed"] == {"clients.epic.burst": {"before": "60", "now": "7"}}
    keys.write_text('{"keys": [{}]}')  # other keys in the same file
    told = the_one((await start(site, more))[0], "clients-changed")
    assert list(told["changed"]) == ["clients.epic.jwks_file.content"]
    assert (await start(site, more))[0] == []
    told = the_one((await start(site, site.settings()))[0], "clients-changed")
    assert told["changed"]["clients.epic.burst"] == {"before": "7"}
    assert (await start(site, site.settings()))[0] == []


async def test_another_signing_key_is_one_record(site: Site) -> None:
    settings = site.settings()
    await start(site, settings)
    async with site.started(settings) as (ledger, _):
        old = ledger.public_key
    (site.folder / "ledger.key").unlink()
    now = site.settings(ledger=f'earlier_keys = ["{old}"]\n')
    changes, _ = await start(site, now)
    assert [each["type"] for each in changes] == ["key-changed", "settings-changed"]
    assert changes[0]["details"]["before"] == old
    assert list(changes[1]["details"]["changed"]) == ["ledger.earlier_keys"]
    assert (await start(site, now))[0] == []


@pytest.mark.parametrize("users", ["keyed", "plain"])
async def test_a_change_names_the_user_of_the_operating_system(site: Site, users: str) -> None:
    ledger = f'users = "{users}"\n'
    await start(site, site.settings(ledger=ledger))
    changes, _ = await start(site, site.settings("[server]\nport = 8020\n", ledger))
    name = f"os-user/{pwd.getpwuid(os.geteuid()).pw_name}"
    key = SiteKey.load(site.folder / "site.key")
    wanted = name if users == "plain" else user_ref(key, name)
    assert changes[0]["user_ref"] == wanted


async def test_a_ledger_of_before_is_gone_on_with(site: Site) -> None:
    """Its `running` records have a digest of the settings and nothing else of them, and the
    template beside the details."""
    settings = site.settings()
    old = {**FACTS, "settings_sha256": "e" * 64}

    async def before(store: Store) -> None:
        await store.record_event("running", **old)

    async with site.started(settings, more=(before,)) as (ledger, _):
        await until(lambda: ledger._signed > 0)
    changes, _ = await start(site, settings, template_sha256="d" * 64)
    assert [each["type"] for each in changes] == ["template-changed", "settings-changed"]
    assert changes[0]["details"]["before"] == FACTS["template_sha256"]
    assert changes[1]["details"]["before"] == "e" * 64
    assert (await start(site, settings, template_sha256="d" * 64))[0] == []


async def test_services_with_other_settings_on_one_store_do_not_take_turns(site: Site) -> None:
    one, two = site.settings(), site.settings("[server]\nport = 8020\n")
    async with site.started(one) as (first, store), site.started(two) as (second, _):
        await until(lambda: first._signed > 0 and second._signed > 0)
        for _ in range(5):
            for ledger in (first, second):
                await ledger._changes.record(ledger._now(lambda: FACTS))
        types = [each["type"] for each in await records(store)]
    assert types.count("settings-changed") <= 1
    assert types.count("running") <= 2


async def test_a_model_that_is_known_later_is_recorded_then(site: Site) -> None:
    facts = dict(FACTS, model_sha256="")
    async with site.started(site.settings(), facts) as (ledger, store):
        await until(lambda: ledger._signed > 0)
        for digest in ("a" * 64, "a" * 64, "b" * 64):
            await ledger._changes.record({**facts, "model_sha256": digest})
        told = await records(store, "model-changed")
        assert [each["details"]["now"] for each in told] == ["b" * 64]
        assert (await records(store, "running"))[-1]["details"]["model_sha256"] == "a" * 64
