"""Every step up and down, with rows in the tables."""

import pytest
from sqlalchemy import create_engine, inspect, text
from sqlalchemy.orm import Session

from catalog import queries
from catalog.database import open_database, upgrade
from catalog.errors import SchemaMismatch
from catalog.store import store_items, with_keys
from catalog.tables import SCHEMA_VERSION, ItemType, Listen, Listener


def fill(url, make_row):
    engine = open_database(url)
    with Session(engine) as session, session.begin():
        session.add(ItemType(name="show", label="Show", plural="Shows"))
        session.flush()
        store_items(session, with_keys([make_row("show", "Café Noir", ["Zoë"]), make_row("show", "Sea", ["Ada"])]))
        session.add(Listener(name="Ada", listens=[Listen(item_id=1, at=text("'2026-01-01 00:00:00'"))]))
    engine.dispose()


def shape(engine) -> dict:
    """Tables, their columns and indexes, in a form that can be compared; Alembic's own table aside."""
    look = inspect(engine)
    return {
        table: (
            sorted((column["name"], column["nullable"]) for column in look.get_columns(table)),
            sorted(
                (index["name"], tuple(index["column_names"]), bool(index["unique"]))
                for index in look.get_indexes(table)
            ),
            sorted((tuple(key["constrained_columns"]), key["referred_table"]) for key in look.get_foreign_keys(table)),
        )
        for table in look.get_table_names()
        if table != "alembic_version"
    }


def rows(engine) -> dict[str, int]:
    tables = ("items", "makers", "item_makers", "item_facets", "listens")
    with engine.connect() as connection:
        return {table: connection.scalar(text(f"select count(*) from {table}")) for table in tables}


def test_down_to_the_first_version_and_up_again_keeps_every_row(anywhere, make_row):
    fill(anywhere, make_row)
    engine = create_engine(anywhere)
    before, made = rows(engine), shape(engine)
    engine.dispose()
    for version in range(int(SCHEMA_VERSION) - 1, 0, -1):
        assert upgrade(anywhere, str(version)) == (str(version + 1), str(version))
        assert rows(engine) == before
        engine.dispose()
        with pytest.raises(SchemaMismatch, match="python -m catalog upgrade"):
            open_database(anywhere)
    assert "part_of_id" not in {column["name"] for column in inspect(engine).get_columns("items")}
    engine.dispose()
    assert upgrade(anywhere) == ("1", SCHEMA_VERSION)
    assert upgrade(anywhere) == (SCHEMA_VERSION, SCHEMA_VERSION)
    engine = open_database(anywhere)
    assert rows(engine) == before
    assert shape(engine) == made, "a migrated database is shaped as a new one"
    with Session(engine) as session:
        found = session.scalars(queries.search_titles("cafe")).unique().all()
        assert [item.title for item in found] == ["Café Noir"], "words of rows that were there before the index"
    engine.dispose()


def test_an_empty_database_is_made_and_unknown_versions_are_refused(tmp_path):
    url = f"sqlite:///{tmp_path}/catalog.db"
    assert upgrade(url) == (SCHEMA_VERSION, SCHEMA_VERSION)
    with pytest.raises(SchemaMismatch):
        upgrade(url, "99")


def test_a_step_that_fails_leaves_the_version_before(tmp_path, make_row):
    url = f"sqlite:///{tmp_path}/catalog.db"
    fill(url, make_row)
    upgrade(url, "1")
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(text("create table item_refs (in_the_way integer)"))  # the step to 3 will stumble over it
    with pytest.raises(Exception, match="item_refs"):
        upgrade(url)
    with engine.connect() as connection:
        assert connection.scalar(text("select value from meta where key = 'schema version'")) == "1"
        assert "part_of_id" not in {column["name"] for column in inspect(connection).get_columns("items")}
    engine.dispose()
