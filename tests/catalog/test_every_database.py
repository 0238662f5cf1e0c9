"""Imports into SQLite and PostgreSQL alike; real catalogs, whole, where NEO_TEST_DATA names a folder of them."""

import os
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from catalog.database import open_database
from catalog.tables import Listen, Listener

DATA = Path(os.environ.get("NEO_TEST_DATA", "no such folder"))


def test_items_and_listens_come_once_into_every_database(anywhere, bring):
    engine = open_database(anywhere)
    items = "title,makers,topics\nSerial,Sarah Koenig,law\nThe Wild Coast,BBC,sea|nature\n"
    listens = "listener,title,at\nZoe,Serial,2026-01-01\nZoe,The Wild Coast,2026-01-02\nAda,Serial,2026-01-03\n"
    assert bring(engine, "shows.csv", items, item_type="show").report.new == {"show": 2}
    assert bring(engine, "listens.csv", listens).report.listens == 3
    assert bring(engine, "shows.csv", items, item_type="show").report.same == 2
    assert bring(engine, "listens.csv", listens).report.listens == 0
    with Session(engine) as session:
        session.delete(session.scalars(select(Listener).where(Listener.name == "Zoe")).one())
        session.commit()
        assert [listen.listener.name for listen in session.scalars(select(Listen))] == ["Ada"]
    engine.dispose()


@pytest.mark.skipif(not DATA.exists(), reason="no real catalogs: set NEO_TEST_DATA to a folder of them")
@pytest.mark.parametrize(
    ("path", "type_name", "items", "rejected"),
    [
        ("apple_shows/podcasts_info.json", "show", 4510, {"an item needs a title": 50}),
        ("librivox_2016/db_catalog.json", "audiobook", 9732, {}),
        ("apple_cosubs/shows.jsonl", "show", 6803, {"the same item twice": 52}),
    ],
)
def test_real_catalogs_are_imported_whole(anywhere, bring, path, type_name, items, rejected):
    engine = open_database(anywhere)
    done = bring(engine, DATA / path)
    assert (done.report.new, done.report.rejected) == ({type_name: items}, rejected)
    assert bring(engine, DATA / path).report.same == items
    engine.dispose()
