"""Writes item records into the tables: new items are added, known ones brought up to date under their old id.

Works for any list of rows, be it the demo's or an importer's. Plain SQL a batch, so that a hundred thousand rows take
seconds; objects of the session that were loaded before are expired. The caller commits.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import delete, insert, select, update
from sqlalchemy.orm import Session

from catalog.names import item_key
from catalog.records import Row
from catalog.tables import Facet, Item, ItemFacet, ItemMaker, Maker

Progress = Callable[[int, int], None]
"""Called with (items done, items in all)."""

BATCH = 500
UNKNOWN_LANGUAGE, UNKNOWN_FAME = "und", 1
COLUMNS = ("type", "title", "language", "year", "minutes", "fame", "explicit", "description")


@dataclass(frozen=True)
class KeyedRow:
    key: str
    row: Row


@dataclass(frozen=True)
class Stored:
    """What became of a row."""

    item_id: int
    key: str
    new: bool
    changed: tuple[str, ...] = ()
    """Names of the fields that differ from before; empty for a new item."""

    @property
    def differs(self) -> bool:
        return self.new or bool(self.changed)


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
    for start in range(0, len(rows), BATCH):
        store_batch(session, rows[start : start + BATCH])
        if progress:
            progress(min(start + BATCH, len(rows)), len(rows))
    for start in range(0, len(rows), BATCH):
        attach(session, {row.key: row.row.record.part_of for row in rows[start : start + BATCH]})


def store_batch(session: Session, rows: Sequence[KeyedRow], keep: bool = False) -> list[Stored]:
    """Adds or updates the items of up to a few hundred rows, one a key; what they are parts of is left to `attach`.

    With `keep`, what a row does not say (None or empty) stays as it is stored.
    """
    session.flush()
    known = _known(session, [row.key for row in rows])
    values = {row.key: _values(row.row, known.get(row.key)) for row in rows}
    if keep:
        for key, before in known.items():
            values[key] |= {name: old for name, old in before.values.items() if values[key][name] in (None, "", ())}
    new = [key for key in values if key not in known]
    changed = {
        key: tuple(name for name, value in values[key].items() if value != before.values[name])
        for key, before in known.items()
    }
    ids = {key: before.item_id for key, before in known.items()} | _insert(session, new, values)
    updates = [
        {"id": ids[key]} | _columns(values[key]) for key, names in changed.items() if not set(names).isdisjoint(COLUMNS)
    ]
    if updates:
        session.execute(update(Item), updates)
    _link(session, ids, values, new, changed)
    session.expire_all()
    return [Stored(ids[row.key], row.key, row.key not in known, changed.get(row.key, ())) for row in rows]


def attach(session: Session, wholes: dict[str, str | None]) -> None:
    """Points items at what they are parts of: key of the part -> key of the whole, or None. Both must be stored."""
    session.flush()
    keys = {*wholes, *filter(None, wholes.values())}
    found = {
        row.key: row for row in session.execute(select(Item.id, Item.key, Item.part_of_id).where(Item.key.in_(keys)))
    }
    updates = []
    for key, whole in wholes.items():
        wanted = found[whole].id if whole else None
        if found[key].part_of_id != wanted:
            updates.append({"id": found[key].id, "part_of_id": wanted})
    if updates:
        session.execute(update(Item), updates)
        session.expire_all()


@dataclass(frozen=True)
class _Known:
    item_id: int
    values: dict[str, object]


def _values(row: Row, before: _Known | None) -> dict[str, object]:
    """What a row says of its item; the language that it seems to be in only where none is known, and for an item that
    is stored only if the row has more of its text than the title."""
    record, language = row.record, row.record.language
    unknown = before is None or (before.values["language"] == UNKNOWN_LANGUAGE and record.description)
    if language is None and unknown:
        language = record.likely_language
    return {
        "type": row.type,
        "title": record.title,
        "language": language,
        "year": record.year,
        "minutes": record.minutes,
        "fame": record.fame,
        "explicit": record.explicit,
        "description": record.description,
        "makers": tuple(record.makers),
        "facets": record.facets,
    }


def _columns(values: dict[str, object]) -> dict[str, object]:
    columns = {name: values[name] for name in COLUMNS}
    columns["language"] = columns["language"] or UNKNOWN_LANGUAGE
    columns["fame"] = columns["fame"] or UNKNOWN_FAME
    return columns


def _known(session: Session, keys: Sequence[str]) -> dict[str, _Known]:
    columns = [getattr(Item, name) for name in COLUMNS]
    found = {
        row.key: _Known(row.id, dict(zip(COLUMNS, row[2:], strict=True)) | {"makers": (), "facets": ()})
        for row in session.execute(select(Item.id, Item.key, *columns).where(Item.key.in_(keys)))
    }
    by_id = {known.item_id: known.values for known in found.values()}
    if by_id:
        makers = select(ItemMaker.item_id, Maker.name).join(Maker).order_by(ItemMaker.item_id, ItemMaker.position)
        for item_id, name in session.execute(makers.where(ItemMaker.item_id.in_(by_id))):
            by_id[item_id]["makers"] += (name,)
        facets = select(ItemFacet.item_id, Facet.kind, Facet.name).join(Facet)
        facets = facets.where(ItemFacet.item_id.in_(by_id)).order_by(ItemFacet.item_id, ItemFacet.position)
        for item_id, kind, name in session.execute(facets):
            by_id[item_id]["facets"] += ((kind, name),)
    return found


def _insert(session: Session, keys: Sequence[str], values: dict[str, dict]) -> dict[str, int]:
    if not keys:
        return {}
    rows = [{"key": key} | _columns(values[key]) for key in keys]
    return dict(session.execute(insert(Item.__table__).returning(Item.key, Item.id), rows).all())


def _link(session: Session, ids: dict[str, int], values: dict, new: Sequence[str], changed: dict[str, tuple]) -> None:
    for name, link, column, ids_of in (
        ("makers", ItemMaker, "maker_id", _maker_ids),
        ("facets", ItemFacet, "facet_id", _facet_ids),
    ):
        again = [key for key, names in changed.items() if name in names]
        if again:
            session.execute(delete(link).where(link.item_id.in_([ids[key] for key in again])))
        keys = [*new, *again]
        owned = ids_of(session, {value for key in keys for value in values[key][name]})
        rows = [
            {"item_id": ids[key], column: owned[value], "position": position}
            for key in keys
            for position, value in enumerate(values[key][name])
        ]
        if rows:
            session.execute(insert(link.__table__), rows)


def _maker_ids(session: Session, names: set[str]) -> dict[str, int]:
    found = dict(session.execute(select(Maker.name, Maker.id).where(Maker.name.in_(names))).all())
    if missing := sorted(names - set(found)):
        found |= dict(
            session.execute(
                insert(Maker.__table__).returning(Maker.name, Maker.id), [{"name": n} for n in missing]
            ).all()
        )
    return found


def _facet_ids(session: Session, pairs: set[tuple[str, str]]) -> dict[tuple[str, str], int]:
    rows = session.execute(select(Facet.kind, Facet.name, Facet.id).where(Facet.name.in_({name for _, name in pairs})))
    found = {(kind, name): id_ for kind, name, id_ in rows}
    if missing := sorted(pairs - set(found)):
        new = [{"kind": kind, "name": name} for kind, name in missing]
        returned = session.execute(insert(Facet.__table__).returning(Facet.kind, Facet.name, Facet.id), new)
        found |= {(kind, name): id_ for kind, name, id_ in returned}
    return found
