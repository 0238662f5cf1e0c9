from datetime import datetime

import pytest
from sqlalchemy import create_engine, inspect, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from catalog.database import default_url, open_database
from catalog.errors import DatabaseUnusable, SchemaMismatch
from catalog.tables import SCHEMA_VERSION, Base, Listen, Meta


def test_an_empty_database_gets_the_tables_and_keeps_its_rows(tmp_path):
    url = f"sqlite:///{tmp_path}/new/folder/catalog.db"
    for _ in range(2):
        engine = open_database(url)
        assert set(Base.metadata.tables) <= set(inspect(engine).get_table_names())
        with Session(engine) as session:
            assert session.get(Meta, "schema version").value == SCHEMA_VERSION
        with engine.connect() as connection:
            assert connection.scalar(text("pragma foreign_keys")) == 1
            assert connection.scalar(text("pragma journal_mode")) == "wal"
        engine.dispose()


def test_another_version_is_refused_and_named(tmp_path):
    url = f"sqlite:///{tmp_path}/catalog.db"
    engine = open_database(url)
    with Session(engine) as session, session.begin():
        session.get(Meta, "schema version").value = "0.1"
    engine.dispose()
    with pytest.raises(SchemaMismatch, match=rf"version 0\.1.*expects {SCHEMA_VERSION}.*python -m catalog upgrade"):
        open_database(url)


def test_tables_of_ours_without_a_version_are_refused(tmp_path):
    url = f"sqlite:///{tmp_path}/catalog.db"
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(text("create table items (id integer primary key)"))
    engine.dispose()
    with pytest.raises(SchemaMismatch, match="version none"):
        open_database(url)


def test_what_is_no_database_is_said_so(tmp_path):
    (tmp_path / "notes.txt").write_text("These are notes, and no database at all. " * 20)
    notes = f"sqlite:///{tmp_path}/notes.txt"
    for url in (notes, f"{notes}/catalog.db", "catalog.db", "odd://x"):
        with pytest.raises(DatabaseUnusable, match="expected a URL such as"):
            open_database(url)


def test_the_default_follows_the_environment(monkeypatch, tmp_path):
    monkeypatch.delenv("NEO_DATABASE", raising=False)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert default_url() == f"sqlite:///{tmp_path}/neo/catalog.db"
    monkeypatch.setenv("NEO_DATABASE", "sqlite://")
    assert default_url() == "sqlite://"


def test_a_listen_of_nothing_is_impossible(session):
    session.add(Listen(listener_id=1, item_id=1, at=datetime(2026, 1, 1)))
    with pytest.raises(IntegrityError):
        session.flush()
