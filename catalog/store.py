"""Writes item records into the tables: new items are added, known ones (by key) brought up to date under their old id.

Works for any list of rows, be it the demo's or an importer's. Changes the session and flushes; the caller commits.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from catalog.names import item_key
from catalog.queries import items_by_key
from catalog.records import Row
from catalog.tables import Facet, Item, Maker

Progress = Callable[[int, int], None]
"""Called with (items done, items in all)."""

BATCH = 200


@dataclass(frozen=True)
class KeyedRow:
    key: str
    row: Row


def with_keys(rows: Iterable[Row]) -> list[KeyedRow]:
    """Rows with the keys they will have: among namesakes the first bears the plain key."""
    taken: set[str] = set()
    keyed = []
    for row in rows:
        key = item_key(row.type, row.record.title, row.record.makers, taken)
        taken.add(key)
        keyed.append(KeyedRow(key, row))
    return keyed


def store_items(session: Session, rows: Sequence[KeyedRow], progress: Progress | None = None) -> None:
    """Adds or updates one item a row. An item that has no row is left alone: listens may refer to it."""
    makers = {maker.name: maker for maker in session.scalars(select(Maker))}
    facets = {(facet.kind, facet.name): facet for facet in session.scalars(select(Facet))}
    for start in range(0, len(rows), BATCH):
        batch = rows[start : start + BATCH]
        known = {item.key: item for item in session.scalars(items_by_key(row.key for row in batch)).unique()}
        for keyed in batch:
            record = keyed.row.record
            item = known.get(keyed.key)
            if item is None:
                item = Item(key=keyed.key)
                session.add(item)
            item.type, item.title, item.language = keyed.row.type, record.title, record.language
            item.year, item.minutes, item.fame = record.year, record.minutes, record.fame
            item.description = record.description
            item.makers = [makers.setdefault(name, Maker(name=name)) for name in record.makers]
            item.facets = [facets.setdefault(pair, Facet(kind=pair[0], name=pair[1])) for pair in record.facets]
        session.flush()
        if progress:
            progress(start + len(batch), len(rows))
    _attach(session, rows)


def _attach(session: Session, rows: Sequence[KeyedRow]) -> None:
    """Points items at what they are parts of, once all are there."""
    wholes = {row.key: row.row.record.part_of for row in rows}
    for start in range(0, len(rows), BATCH):
        keys = [row.key for row in rows[start : start + BATCH]]
        wanted = {*keys, *(wholes[key] for key in keys if wholes[key])}
        found = {item.key: item for item in session.scalars(items_by_key(wanted)).unique()}
        for key in keys:
            found[key].part_of = found[wholes[key]] if wholes[key] else None
    session.flush()
