"""What a record says that its answer rests on, and what the ledger says of the tables."""

from __future__ import annotations

from pathlib import Path

import orjson

import prompts
from cds_hooks.audit import SiteKey, Store, StoreConfig
from cds_hooks.consult.rule_tables import RuleTable, rule_tables, tables_digest
from cds_hooks.consultation import Basis
from cds_hooks.runtime.answer_basis import TABLES_LOADED, answer_basis, tables_record
from cds_hooks.settings import Settings

COMPILED = {"icd-10-cm.edition": "2026", "schema.version": "5"}


def basis(settings: Settings, terminology: dict[str, str] = COMPILED) -> Basis:
    template = prompts.load("differential")
    return answer_basis(settings, template, terminology, samples=3, names=True)


def test_only_settings_that_bear_on_an_answer_and_are_not_the_default_are_told() -> None:
    plain = Settings()
    changed = plain.model_copy(
        update={
            "model": plain.model.model_copy(update={"seed": 8, "path": Path("/secret/place.gguf")}),
            "log": plain.log.model_copy(update={"level": "debug"}),
        }
    )
    assert basis(plain).settings == {}
    assert basis(changed).settings == {"model.seed": "8"}
    assert basis(changed).sampling is not None
    assert basis(changed).sampling.seed == 8


def test_a_table_and_a_terminology_each_have_a_digest() -> None:
    tables = dict(rule_tables())
    assert tables["plausibility.chart_rules.heart"].version
    assert tables["cards.texts"].sha256
    assert "plausibility.mondo" not in tables
    other = {**tables, "plausibility.chart_rules.heart": RuleTable("2", "0" * 64)}
    assert tables_digest(other) != tables_digest(tables)
    one, two = basis(Settings()), basis(Settings(), {**COMPILED, "icd-10-cm.edition": "2027"})
    assert one.tables_sha256 == two.tables_sha256 == tables_digest(tables)
    assert one.terminology_sha256 != two.terminology_sha256


async def test_the_ledger_tells_the_tables_when_they_changed(tmp_path: Path) -> None:
    key = SiteKey.load(tmp_path / "site.key", create=True)
    store = Store(StoreConfig(tmp_path / "store.sqlite"), key)
    await store.open()
    try:
        for compiled in (COMPILED, COMPILED, {**COMPILED, "schema.version": "6"}, COMPILED):
            await tables_record(Settings(), compiled)(store)
        records = await store.ledger.records_of(TABLES_LOADED)
    finally:
        await store.close()
    told = [orjson.loads(each)["details"] for each in records]
    assert [each["terminology"]["schema.version"] for each in told] == ["5", "6", "5"]
    assert told[0]["tables"]["plausibility.chart_rules.heart"].startswith("2 ")
    assert told[0]["tables_sha256"] == basis(Settings()).tables_sha256
