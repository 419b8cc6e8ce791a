"""The whole service, started again with one thing changed: the ledger has that one record."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest

import prompts
from cds_hooks.audit import Store
from cds_hooks.audit.ledger import storage
from cds_hooks.consult.rule_tables import RuleTable, rule_tables
from cds_hooks.runtime import answer_basis
from cds_hooks.runtime.service import Runtime
from cds_hooks.settings import Settings
from tests.fake_engine import FakeEngine

ROOT = Path(__file__).resolve().parents[2]
CANARY = "canary-91c5"
USUAL = {"running", "service-started", "service-stopped"}


def settings_in(folder: Path, **more: Any) -> Settings:
    return Settings.model_validate(
        {
            "store": {"path": str(folder / "r.sqlite"), "site_key": str(folder / "site.key")},
            "terminology": {"path": str(ROOT / "build" / "terminology.sqlite")},
            **more,
        }
    )


async def records(store: Store) -> list[dict[str, Any]]:
    return await store._transactions.read(
        lambda c: [orjson.loads(row.record) for row in storage.records(c)]
    )


async def start(
    settings: Settings, template: prompts.Template, model: str = "0" * 64
) -> list[dict[str, Any]]:
    """One start until it is signed, and what it recorded beside the usual."""
    engine = FakeEngine()
    engine._model = replace(engine.model, sha256=model)
    runtime = Runtime(settings, settings.server.port, template=template, engine=engine)
    async with runtime.lifespan():
        before = len(await runtime.store.ledger.checkpoints())
        async with asyncio.timeout(120):
            while len(await runtime.store.ledger.checkpoints()) == before:  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        assert runtime.ready().checks["ledger"] == "ok"
        whole = await records(runtime.store)
    types = [each["type"] for each in whole]
    stops = [n for n, type_ in enumerate(types) if type_ == "service-stopped"]
    since = whole[stops[-1] + 1 if stops else 0 :]
    assert [each["type"] for each in since].count("service-started") == 1
    return [each for each in since if each["type"] not in USUAL]


async def test_each_kind_of_change_is_one_record(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings, template = settings_in(tmp_path), prompts.load("differential")
    assert [each["type"] for each in await start(settings, template)] == ["tables-loaded"]
    assert await start(settings, template) == []

    other = replace(template, ref=replace(template.ref, version="other", sha256="d" * 64))
    (record,) = await start(settings, other)
    assert (record["type"], record["template_id"]) == (
        "template-changed", f"{template.ref.id}/other",
    )  # fmt: skip
    assert record["details"]["now"] == "d" * 64

    (record,) = await start(settings, other, "b" * 64)
    assert (record["type"], record["details"]["now"]) == ("model-changed", "b" * 64)

    settings = settings_in(tmp_path, cards={"link_s": 7200})
    (record,) = await start(settings, other, "b" * 64)
    assert record["type"] == "settings-changed"
    assert list(record["details"]["changed"]) == ["cards.link_s"]

    secret = tmp_path / CANARY
    secret.write_text(f"{CANARY}-within\n")
    secret.chmod(0o600)
    client = {
        "name": "epic", "issuer": "https://ehr.example", "jku": "https://ehr.example/jwks",
        "smart_client_id": "us", "smart_client_secret": str(secret),
    }  # fmt: skip
    settings = settings_in(tmp_path, cards={"link_s": 7200}, clients=[client])
    (record,) = await start(settings, other, "b" * 64)
    assert record["type"] == "clients-changed"
    assert record["details"]["changed"]["clients.epic.issuer"]["now"] == '"https://ehr.example"'
    assert CANARY not in orjson.dumps(record).decode()

    tables = {**rule_tables(), "cards.texts": RuleTable("99", "e" * 64)}
    monkeypatch.setattr(answer_basis, "rule_tables", lambda: tables)
    (record,) = await start(settings, other, "b" * 64)
    assert (record["type"], record["details"]["changed"]) == (
        "tables-loaded",
        ["tables.cards.texts"],
    )
    assert record["user_ref"]
    assert await start(settings, other, "b" * 64) == []
    assert CANARY.encode() not in (tmp_path / "r.sqlite").read_bytes()
