"""The schema: created once, checked at every opening, and equal to what the queries expect."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, inspect, select, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import OperationalError
from sqlalchemy.types import TypeEngine

from cds_hooks.audit import SiteKey, StoreRefused, StoreUnavailable, tables
from cds_hooks.audit.database import Database, DatabaseConfig, insert_on_conflict
from cds_hooks.audit.schema import prepare_schema
from tests.audit.tampering import execute, rows


@pytest.fixture
def database(place: Path, site_key: SiteKey) -> Iterator[Database]:
    database = Database(DatabaseConfig(place), site_key.key_id)
    yield database
    database.close()


def _version(connection: Connection) -> str:
    column = tables.store_metadata.c
    query = select(column.value).where(column.name == "schema-version")
    return connection.execute(query).scalar_one()


def test_the_tables_are_created_once_and_have_version_1(database: Database) -> None:
    for _ in range(2):
        with database.write() as connection:
            prepare_schema(connection)
            assert _version(connection) == "1"
            assert connection.execute(select(tables.ledger_head.c.size)).all() == [(0,)]
        database.close()


def _kind(type_: TypeEngine[object]) -> str:
    return type_.python_type.__name__


def test_the_database_has_the_tables_that_the_queries_expect(database: Database) -> None:
    with database.read() as connection:
        found = inspect(connection)
        assert set(found.get_table_names()) == set(tables.metadata.tables)
        for table in tables.metadata.tables.values():
            have = {
                (c["name"], _kind(c["type"]), bool(c["nullable"]), bool(c["primary_key"]))
                for c in found.get_columns(table.name)
            }
            want = {(c.name, _kind(c.type), c.nullable, c.primary_key) for c in table.columns}
            assert have == want
            indexes = {(i["name"], *i["column_names"]) for i in found.get_indexes(table.name)}
            assert indexes == {(i.name, *(c.name for c in i.columns)) for i in table.indexes}


def test_a_creation_that_fails_leaves_nothing_behind(
    database: Database, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("cds_hooks.audit.schema._EMPTY_HEAD", {"only": 2})
        with pytest.raises(StoreUnavailable), database.read():
            pytest.fail("a store without a ledger head was opened")
    assert rows(place, "SELECT name FROM sqlite_master") == []
    with database.read() as connection:
        assert _version(connection) == "1"


@pytest.mark.parametrize("version", ["0", "2", "99"])
def test_a_store_of_another_version_is_refused(
    database: Database, place: Path, version: str
) -> None:
    with database.read():
        pass
    database.close()
    change = "UPDATE store_metadata SET value = :version WHERE name = 'schema-version'"
    execute(place, change, version=version)
    with pytest.raises(StoreRefused, match=f"version {version},") as caught, database.read():
        pytest.fail("a store of another version was opened")
    assert caught.value.code == "store-version-unsupported"


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM store_metadata WHERE name = 'schema-version'",
        "DROP TABLE store_metadata",
    ],
)
def test_tables_without_a_version_are_refused(
    database: Database, place: Path, statement: str
) -> None:
    with database.read():
        pass
    database.close()
    execute(place, statement)
    with pytest.raises(StoreRefused, match="version unknown"), database.read():
        pytest.fail("a store without a version was opened")


def test_another_site_key_is_refused(database: Database, place: Path) -> None:
    with database.read():
        pass
    other = Database(DatabaseConfig(place), SiteKey(bytes(32)).key_id)
    with pytest.raises(StoreRefused, match="another site key"), other.write():
        pytest.fail("a store of another site was opened")
    other.close()


@pytest.mark.parametrize("dialect", [postgresql.dialect(), sqlite.dialect()])
def test_the_statements_can_be_said_in_both_languages(dialect: sqlite.dialect) -> None:
    class Named:
        def __init__(self) -> None:
            self.dialect = dialect

    for table in tables.metadata.tables.values():
        row = {c.name: None for c in table.columns}
        statement = insert_on_conflict(Named(), table).values(row).on_conflict_do_nothing()  # type: ignore[arg-type]
        assert "ON CONFLICT DO NOTHING" in str(statement.compile(dialect=dialect))


def test_parameters_are_hidden_from_the_drivers_messages(database: Database) -> None:
    query = text("SELECT * FROM nowhere WHERE name = :name")
    with database.read() as connection, pytest.raises(OperationalError) as caught:
        connection.execute(query, {"name": "Ada Lovelace"})
    assert "Ada" not in str(caught.value)
