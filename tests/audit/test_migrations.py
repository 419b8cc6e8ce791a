"""Numbered migrations: applied once, whole or not at all, and equal to what the queries expect."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, inspect, select, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import OperationalError
from sqlalchemy.types import TypeEngine

from cds_hooks.audit import SiteKey, StoreRefused, StoreUnavailable, tables
from cds_hooks.audit.database import Database, DatabaseConfig, insert_for
from cds_hooks.audit.migrations import MIGRATIONS, Migration, migrate


@pytest.fixture
def database(place: Path, site_key: SiteKey) -> Iterator[Database]:
    database = Database(DatabaseConfig(place), site_key.key_id, lambda: 5.0)
    yield database
    database.close()


def _numbers(connection: Connection) -> list[int]:
    column = tables.migrations.c.number
    return list(connection.execute(select(column).order_by(column)).scalars())


def test_they_are_numbered_from_one_without_gaps() -> None:
    assert [m.number for m in MIGRATIONS] == list(range(1, len(MIGRATIONS) + 1))


def test_each_is_applied_once(database: Database) -> None:
    for _ in range(2):
        with database.write() as connection:
            migrate(connection, 6.0)
            assert _numbers(connection) == [m.number for m in MIGRATIONS]
            assert set(connection.execute(select(tables.migrations.c.applied)).scalars()) == {5.0}
        database.close()


def _kind(type_: TypeEngine[object]) -> str:
    return type_.python_type.__name__


def test_they_make_the_tables_that_the_queries_expect(database: Database) -> None:
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


def _fail(connection: Connection) -> None:
    connection.exec_driver_sql("CREATE TABLE half (a INTEGER)")
    connection.exec_driver_sql("this is no statement")


def test_one_that_fails_leaves_nothing_behind(database: Database) -> None:
    longer = (*MIGRATIONS, Migration(len(MIGRATIONS) + 1, "fails", _fail))
    with pytest.raises(StoreUnavailable), database.write() as connection:
        migrate(connection, 6.0, longer)
    with database.read() as connection:
        assert _numbers(connection) == [m.number for m in MIGRATIONS]
        assert not inspect(connection).has_table("half")


def test_a_new_one_runs_on_what_is_there(database: Database) -> None:
    def add(connection: Connection) -> None:
        connection.exec_driver_sql("CREATE TABLE later (a INTEGER)")

    longer = (*MIGRATIONS, Migration(len(MIGRATIONS) + 1, "adds", add))
    with database.write() as connection:
        assert migrate(connection, 6.0, longer) == longer[-1].number
        assert inspect(connection).has_table("later")


def test_a_store_of_a_later_version_is_refused(database: Database) -> None:
    with database.write() as connection:
        row = {"number": 99, "name": "from the future", "applied": 1.0}
        connection.execute(tables.migrations.insert(), row)
    database.close()
    with pytest.raises(StoreRefused, match="version 99"), database.read():
        pytest.fail("a store of a later version was opened")


def test_another_site_key_is_refused(database: Database, place: Path) -> None:
    with database.read():
        pass
    other = Database(DatabaseConfig(place), SiteKey(bytes(32)).key_id, lambda: 5.0)
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
        statement = insert_for(Named(), table).values(row).on_conflict_do_nothing()  # type: ignore[arg-type]
        assert "ON CONFLICT DO NOTHING" in str(statement.compile(dialect=dialect))


def test_parameters_are_hidden_from_the_drivers_messages(database: Database) -> None:
    query = text("SELECT * FROM nowhere WHERE name = :name")
    with database.read() as connection, pytest.raises(OperationalError) as caught:
        connection.execute(query, {"name": "Ada Lovelace"})
    assert "Ada" not in str(caught.value)
