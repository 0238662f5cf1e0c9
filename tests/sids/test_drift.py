"""Statistics say when new items no longer fit the codebooks."""

import numpy as np
from sqlalchemy.orm import Session

from catalog.store import KeyedRow, store_items
from neo.sids.store import MOST_NEW, Drift, build, drift, write
from tests.evaluation.test_suites import record, small_assistant


class Places:
    """Vectors on a circle by the number in the title; from 100 on they lie where no other does."""

    name, width = "places", 3

    def encode(self, texts, batch=64, progress=lambda done: None):
        numbers = [int(text.split()[1]) for text in texts]  # "Title 7 Of Things ..."
        return np.array([[0, 0, 1] if n >= 100 else [np.cos(n), np.sin(n), 0] for n in numbers], np.float32)


def test_new_items_are_counted_and_how_well_they_fit(tmp_path):
    assistant = small_assistant(tmp_path, 24)
    with Session(assistant.database) as session:
        book = build(session, Places(), shape=(2, 8))
        write(session, book, Places())

        def moved():
            return drift(session, book, Places())["show"]

        before = moved()
        assert (before.new, before.items, before.fit_new) == (0, 12, 0.0) and before.fit > 0.9 and not before.rebuild
        store_items(session, [KeyedRow("item:30", record(30))])
        alike = moved()
        assert alike.new == 1 and alike.fit_new > 0.8 and alike.fit == before.fit
        store_items(session, [KeyedRow("item:100", record(100))])
        strange = moved()
        assert strange.new == 2 and strange.fit_new < alike.fit_new - 0.3 and strange.rebuild


def test_many_new_items_ask_for_new_sids_however_well_they_fit():
    enough = int(100 * MOST_NEW)
    assert not Drift(enough, 100, 0.8, 0.8).rebuild and Drift(enough + 1, 100, 0.8, 0.8).rebuild
    assert not Drift(0, 100, 0.8, 0.0).rebuild and Drift(1, 100, 0.8, 0.7).rebuild
