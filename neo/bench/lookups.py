"""What it costs to look a reply's SIDs up in a large catalog: for the database alone, and until the items are there."""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from time import perf_counter

import numpy as np
from sqlalchemy import Engine, insert
from sqlalchemy.orm import Session

from catalog import queries
from catalog.database import open_database
from catalog.store import BATCH
from catalog.tables import Base, Facet, Item, ItemFacet, ItemMaker, ItemType, Maker, SidRow
from neo.items import CatalogItem

REPLY, REPLIES = 3, 1000  # SIDs of a reply; replies that are looked up
LEVELS, CODES = 4, 256


def bench_lookups(items: int, seed: int = 0, progress=lambda done: None) -> dict[str, float]:
    """A catalog of `items` made-up items in a SQLite file, each with a maker, two facets and a SID of its own;
    `progress` hears how many were written."""
    with tempfile.TemporaryDirectory() as folder:
        engine = open_database(f"sqlite:///{Path(folder) / 'catalog.db'}")
        before = perf_counter()
        _fill(engine, items, progress)
        filled = perf_counter() - before
        chosen = np.random.default_rng(seed).integers(0, items, (REPLIES, REPLY))
        replies = [[_sid(int(index)) for index in row] for row in chosen]
        alone = [sids[:1] for sids in replies]
        with Session(engine) as session:
            times = {
                "sid_first": _database_seconds(session, alone),  # pages of the file that nobody has read yet
                "sid": _database_seconds(session, alone),  # the same pages, now in the system's memory
                "reply": _database_seconds(session, replies),
                "reply_items": _whole_seconds(session, replies),
            }
        engine.dispose()
    return {"items": items, "write_s": round(filled, 1)} | {
        f"{name}_ms_p{share}": round(float(np.percentile(taken, share)) * 1e3, 3)
        for name, taken in times.items()
        for share in (50, 99)
    }


def _database_seconds(session: Session, replies: list[list[str]]) -> list[float]:
    """Seconds of the query of each reply, by the database alone."""
    cursor, times = session.connection().connection.cursor(), []
    for sql, values in [_compiled(session, sids) for sids in replies]:
        before = perf_counter()
        found = cursor.execute(sql, values).fetchall()
        times.append(perf_counter() - before)
        assert len(found) >= len(set(values)), "every SID has its item"
    return times


def _compiled(session: Session, sids: list[str]) -> tuple[str, tuple[str, ...]]:
    statement = queries.items_by_sid(sids)
    compiled = statement.compile(session.get_bind(), compile_kwargs={"render_postcompile": True})
    return str(compiled), tuple(compiled.params[name] for name in compiled.positiontup)


def _whole_seconds(session: Session, replies: list[list[str]]) -> list[float]:
    """Seconds of the query of each reply until its items are there."""
    times = []
    for sids in replies:
        before = perf_counter()
        found = [CatalogItem.of(row) for row in session.scalars(queries.items_by_sid(sids)).unique()]
        times.append(perf_counter() - before)
        session.expunge_all()
        assert len(found) == len(set(sids)), "every SID has its item"
    return times


def _sid(index: int) -> str:
    return "show:" + "-".join(str(index // CODES**level % CODES) for level in range(LEVELS))


def _fill(engine: Engine, items: int, progress) -> None:
    with engine.begin() as connection:
        connection.execute(insert(ItemType), [{"name": "show", "label": "Show", "plural": "Shows"}])
        makers = [{"id": n + 1, "name": f"Maker {n}"} for n in range(min(items, 5000))]
        connection.execute(insert(Maker), makers)
        connection.execute(insert(Facet), [{"id": n + 1, "kind": "topic", "name": f"topic {n}"} for n in range(60)])
        for numbers in _batches(items):
            for table, rows in _rows(numbers, len(makers)).items():
                connection.execute(insert(table.__table__), rows)
            progress(len(numbers))


def _batches(items: int) -> Iterator[range]:
    return (range(start, min(start + BATCH, items)) for start in range(0, items, BATCH))


def _rows(numbers: range, makers: int) -> dict[type[Base], list[dict]]:
    """Items of these numbers, with a maker, two facets and a SID each."""
    about = "Made up, and described as others are: in two dozen words, a line or two, that say little of what it is."
    same = {"type": "show", "language": "en", "fame": 1, "description": about}
    return {
        Item: [{"id": n + 1, "key": f"show:{n}", "title": f"Show {n}"} | same for n in numbers],
        ItemMaker: [{"item_id": n + 1, "maker_id": n % makers + 1, "position": 0} for n in numbers],
        ItemFacet: [
            {"item_id": n + 1, "facet_id": (n + at * 7) % 60 + 1, "position": at} for n in numbers for at in range(2)
        ],
        SidRow: [{"item_id": n + 1, "sid": _sid(n), "rank": 0} for n in numbers],
    }
