"""Recorded listeners take the place of simulated ones, and the held-out ones stay out of training."""

from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from catalog.database import open_database
from catalog.tables import Item, ItemType, Listen, Listener
from neo.items import CatalogItem
from neo.training.listeners import FIRST_HELD_OUT, Recorded, Simulation, listeners_of
from tests.training.test_tasks import SHELF


def test_held_out_listeners_are_drawn_by_held_out_seeds_only():
    listeners = Recorded({f"person {n}": [n, n + 1, n + 2] for n in range(100)})
    kept = {tuple(listeners.history(seed)) for seed in range(500)}
    held = {tuple(listeners.history(FIRST_HELD_OUT + seed)) for seed in range(500)}
    assert not kept & held and len(kept | held) == 100 and 3 <= len(held) <= 25


def test_listens_in_the_catalog_replace_the_simulation(tmp_path):
    with Session(open_database(f"sqlite:///{tmp_path}/listens.db")) as session:
        session.add(ItemType(name="show", label="Show", plural="Shows"))
        session.flush()
        items = [
            Item(key=f"show:{n}", type="show", title=f"Show {n}", language="en", fame=3, description="A show.")
            for n in range(12)
        ]
        session.add_all(items)
        session.flush()
        known = [CatalogItem.of(item) for item in items]
        assert isinstance(listeners_of(session, known, SHELF.vectors[:12]), Simulation)
        noon = datetime(2026, 1, 1, 12)
        for n in range(60):
            order = [(n + step) % 12 for step in (5, 1, 3, 2, 5)]  # the first is heard again at the end
            listens = [Listen(item=items[at], at=noon + timedelta(days=day)) for day, at in enumerate(order)]
            session.add(Listener(name=f"person {n}", listens=listens))
        session.flush()
        found = listeners_of(session, known, SHELF.vectors[:12])
        assert isinstance(found, Recorded)
        heard = found.history(0)
        assert len(heard) == 4 and [(at - heard[0]) % 12 for at in heard] == [0, 8, 10, 9], "in order, none twice"


def test_recorded_listeners_are_not_drawn_without_end():
    assert Recorded({"one": [1, 2], "two": [2, 3], "three": [3, 4]}).up_to(16_000) < 16_000
    assert Simulation(SHELF.items, SHELF.vectors).up_to(16_000) == 16_000
