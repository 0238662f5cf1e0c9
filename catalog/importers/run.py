"""Imports one file in one transaction: reads entries, makes records, finds the items they mean, writes in batches.

Memory holds a batch and one number an item. The caller begins and ends the transaction; an error leaves nothing.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

import yaml
from rapidfuzz import process
from sqlalchemy import select
from sqlalchemy.orm import Session

from catalog.demo import FOLDER
from catalog.importers import identity
from catalog.importers.clean import (
    Cleaner,
    Unusable,
    names_of,
    nothing,
    number_of,
    one_line,
    storable,
    time_of,
    title_of,
)
from catalog.importers.entry import Entry, Importer, Options, Reading, Refused, Says
from catalog.importers.references import Finder, Guess
from catalog.importers.source import Source
from catalog.records import ImportedRecord, Problem, Row
from catalog.store import KeyedRow, Stored, attach, store_batch
from catalog.tables import ItemType, Listen, Listener, now
from catalog.vocabulary import Vocabulary, load_vocabulary

BATCH = 400
MOST_WEIGHT, MOST_STARS = 100, 5
ORDINARY_STARS = 3
"""What weighs 1; five stars weigh 5/3, one a third."""
ALSO_CALLED = {"podcast": "show", "series": "show", "book": "audiobook"}
"""What others call our item types."""
OTHER_TITLE = "another title for a known number: another catalog's file? Rename it"
KEY = re.compile(r"[a-z]+:\S+")
"""What looks like a key or a number of some scheme, and not like a title."""


@dataclass
class Report:
    """What an import did, counted."""

    new: Counter[str] = field(default_factory=Counter)
    """By item type."""
    changed: int = 0
    same: int = 0
    listens: int = 0
    known_listens: int = 0
    rejected: Counter[str] = field(default_factory=Counter)
    """By reason."""
    mended: dict[tuple[str, str], tuple[int, str]] = field(default_factory=dict)
    """(field, what was done) -> how often, and the first value it was done to."""

    @property
    def items(self) -> int:
        return sum(self.new.values()) + self.changed + self.same


@dataclass(frozen=True)
class Hear:
    """Who wants to know while it runs; each may be left out."""

    rejected: Callable[[Problem], None] = lambda problem: None
    guessed: Callable[[str, str, str, float], None] = lambda where, said, key, confidence: None
    """A title that was matched to an item, not exactly: place, title, the item's key, confidence 0..1."""
    stored: Callable[[Stored], None] = lambda stored: None
    progress: Callable[[], None] = lambda: None


@dataclass(frozen=True)
class _Item:
    """An entry whose item is a record."""

    entry: Entry
    type: str
    record: ImportedRecord
    refs: tuple[identity.Ref, ...]
    key: str | None


def import_source(
    session: Session, source: Source, importer: Importer, reading: Reading, options: Options, hear: Hear
) -> Report:
    """Everything in a file, as its importer reads it. The session comes from `catalog.database.writing_session`."""
    return _Import(session, source, importer, options, hear).run(reading)


class _Import:
    def __init__(self, session, source: Source, importer: Importer, options: Options, hear: Hear):
        self.session, self.source, self.importer, self.options = session, source, importer, options
        self.hear, self.report = hear, Report()
        self.vocabulary: Vocabulary = load_vocabulary()
        self.clean = Cleaner(self.vocabulary, importer.fame_steps, self._mended)
        self.types = _ensure_types(session)
        self.finder = Finder(session)
        self.seen: dict[int, int] = {}
        """Item id -> the place that described it."""
        self.listeners: dict[str, int] = {}
        self._where = ""

    def run(self, reading: Reading) -> Report:
        for batch in _batches(reading.entries):
            self._batch(batch)
            self.hear.progress()
        self.session.flush()
        return self.report

    def _batch(self, batch: list[Entry | Refused]) -> None:
        items, listens = [], []
        for entry in batch:
            if isinstance(entry, Refused):
                self._reject(entry.place, "row", entry.value, entry.reason)
                continue
            try:
                if entry.says is Says.LISTEN:
                    listens.append((entry, None))
                else:
                    items.append(self._item(entry))
            except Unusable as error:
                self._reject(entry.place, error.field, error.value, error.reason)
        listens += [(item.entry, item_id) for item, item_id in self._store(items) if item.entry.fields.get("listener")]
        self._listens(listens)

    def _item(self, entry: Entry) -> _Item:
        self._where = self._at(entry.place)
        type_name = self._type(entry)
        record = self.clean.record(entry.fields)
        key = _name(entry.fields.get("key")) or None
        if key and not key.startswith(f"{type_name}:"):
            raise Unusable("key", key, f"a key begins with its type: expected {type_name}:...")
        if entry.says is Says.MENTION and entry.fields.get("listener"):
            time_of(entry.fields.get("at"))  # no item for a listen that will be refused
        return _Item(entry, type_name, record, identity.refs_of(entry, type_name, record, self.source.stem), key)

    def _type(self, entry: Entry) -> str:
        said = one_line(entry.fields.get("type")).lower()
        if not said and entry.fields.get("key"):
            said = str(entry.fields["key"]).partition(":")[0]
        name = self._our_type(said or self.options.item_type or "show")
        if name not in self.types:
            near = process.extractOne(name, self.types)
            raise Unusable("type", name, f"no such item type, nearest is {near[0]}: expected {', '.join(self.types)}")
        return name

    def _our_type(self, name: str) -> str:
        return name if name in self.types else ALSO_CALLED.get(name, name)

    def _store(self, items: list[_Item]) -> Iterator[tuple[_Item, int]]:
        """Writes items; each that was understood, with the id of the item it means."""
        meant = identity.find(self.session, [(one.type, one.record, one.refs, one.key) for one in items])
        rows: dict[str, KeyedRow] = {}
        chosen: list[tuple[_Item, str, int | None]] = []
        described: dict[str, int] = {}
        wholes: dict[str, str | None] = {}
        for one, found in zip(items, meant, strict=True):
            place, key, item_id = one.entry.place, found.key, found.item_id
            if one.entry.says is Says.ITEM:
                first = described.get(key) or self.seen.get(item_id)
                if first is not None:
                    reason = f"the same item as at {self.importer.place} {first}"
                    self._reject(place, "item", one.record.title, reason, kind="the same item twice")
                    continue
                described[key] = place
                try:
                    wholes[key] = self._whole(one)
                except Unusable as error:
                    self._mended("part_of", error.value, error.reason)
            elif item_id is None and key not in rows and (guess := self._guess(one)):
                key, item_id = guess.key, guess.item_id
                if guess.confidence < 1:
                    one = replace(one, refs=())  # who takes the guess for certain would not show it again
            if one.entry.says is Says.ITEM or (item_id is None and key not in rows):
                rows[key] = KeyedRow(key, Row(one.type, one.record, self._at(place)))
            chosen.append((one, key, item_id))
        stored = {one.key: one for one in store_batch(self.session, list(rows.values()), keep=True)} if rows else {}
        for one in stored.values():
            self._count(one, rows[one.key].row.type)
        for one, key, _ in chosen:
            if key in stored and "title" in stored[key].changed and not nothing(one.entry.fields.get("id")):
                self._where = self._at(one.entry.place)
                self._mended("title", one.record.title, OTHER_TITLE)
        ids = {key: one.item_id for key, one in stored.items()}
        self.seen |= {ids[key]: place for key, place in described.items() if key in ids}
        attach(self.session, {key: whole for key, whole in wholes.items() if whole})
        out = [(one, ids.get(key, item_id)) for one, key, item_id in chosen]
        identity.remember(self.session, [(item_id, ref) for one, item_id in out for ref in one.refs])
        return iter(out)

    def _count(self, stored: Stored, type_name: str) -> None:
        if stored.new:
            self.report.new[type_name] += 1
        elif stored.changed:
            self.report.changed += 1
        else:
            self.report.same += 1
        self.hear.stored(stored)

    def _whole(self, one: _Item) -> str | None:
        said = _name(one.entry.fields.get("part_of"))
        if not said:
            return None
        found = identity.items_called(self.session, [said])[said]
        if not found:
            raise Unusable("part_of", said, "no item is called so: left out")
        return found[0][0]

    def _guess(self, one: _Item) -> Guess | None:
        """The known item that a mention means, if title and maker say so nearly enough."""
        if not one.record.makers:
            return None
        try:
            guess = self.finder.find(one.record.title, one.record.makers, one.type)
        except Unusable:
            return None
        self.hear.guessed(self._at(one.entry.place), one.record.title, guess.key, guess.confidence)
        return guess

    def _listens(self, listens: list[tuple[Entry, int | None]]) -> None:
        names = [name for entry, item_id in listens if item_id is None for name in _names(entry)]
        called = identity.items_called(self.session, sorted(set(names))) if names else {}
        rows = []
        for entry, item_id in listens:
            self._where = self._at(entry.place)
            try:
                rows.append(self._listen(entry, item_id or self._named(entry, called)))
            except Unusable as error:
                self._reject(entry.place, error.field, error.value, error.reason)
        timeless = [row for row in rows if row["at"] is None]
        if timeless:
            # A subscription has no time of its own: one listen says it, however often it is imported.
            statement = select(Listen.listener_id, Listen.item_id)
            ids = {row["listener_id"] for row in timeless}, {row["item_id"] for row in timeless}
            statement = statement.where(Listen.listener_id.in_(ids[0]), Listen.item_id.in_(ids[1]))
            known = {tuple(row) for row in self.session.execute(statement)}
            today = now().replace(microsecond=0)
            for row in timeless:
                row["at"] = None if (event := (row["listener_id"], row["item_id"])) in known else today
                known.add(event)
        new = [row for row in rows if row["at"]]
        added = 0
        if new:
            statement = identity.inserting(self.session)(Listen.__table__).on_conflict_do_nothing()
            added = len(self.session.execute(statement.returning(Listen.__table__.c.id), new).all())
        self.report.listens += added
        self.report.known_listens += len(rows) - added

    def _named(self, entry: Entry, called: dict[str, list[tuple[str, int]]]) -> int:
        fields = entry.fields
        said, title = _names(entry), title_of(fields.get("title"))
        for name in said:
            found = called.get(name, ())
            if len(found) > 1:
                keys = ", ".join(key for key, _ in found[:3])
                raise Unusable("item", name, f"{len(found)} items are called so ({keys}): write the key")
            if found:
                return found[0][1]
        title = title or title_of(fields.get("item"))
        if not title:
            raise Unusable("item", ", ".join(said), "no item is called so: import it first")
        type_name = self._our_type(one_line(fields.get("type")).lower()) or None
        makers = tuple(names_of(fields.get("makers"), ";|"))
        guess = self.finder.find(title, makers, type_name)
        if guess.confidence < 1:
            self.hear.guessed(self._where, title, guess.key, guess.confidence)
        return guess.item_id

    def _listen(self, entry: Entry, item_id: int) -> dict[str, object]:
        listener = one_line(self.options.listener or entry.fields.get("listener"))
        if not listener:
            raise Unusable("listener", entry.fields.get("listener"), "whose listen is it? Add the column or --listener")
        at, weight = time_of(entry.fields.get("at")), self._weight(entry.fields)
        return {"listener_id": self._listener(listener[:200]), "item_id": item_id, "at": at, "weight": weight}

    def _weight(self, fields: Mapping[str, object]) -> float:
        for name, most, ordinary in (("weight", MOST_WEIGHT, 1), ("rating", MOST_STARS, ORDINARY_STARS)):
            number = number_of(said := fields.get(name))
            if nothing(said) or (name == "rating" and number == 0):  # no stars: not rated
                continue
            if number is not None and 0 < number <= most:
                return number / ordinary
            self._mended(name, said, f"expected 0 to {most}: taken as 1")
        return 1.0

    def _listener(self, name: str) -> int:
        if name not in self.listeners:
            row = self.session.scalar(select(Listener).where(Listener.name == name))
            if row is None:
                row = Listener(name=name)
                self.session.add(row)
                self.session.flush()
            self.listeners[name] = row.id
        return self.listeners[name]

    def _at(self, place: int) -> str:
        return f"{self.source.name}:{place}"

    def _reject(self, place: int, name: str, value: object, reason: str, kind: str | None = None) -> None:
        self.report.rejected[kind or (reason if len(self.report.rejected) < 1000 else "other reasons")] += 1
        self.hear.rejected(Problem(self._at(place), name, value, reason))

    def _mended(self, name: str, value: object, what: str) -> None:
        count, first = self.report.mended.get((name, what), (0, f"{value!r} at {self._where}"))
        self.report.mended[name, what] = (count + 1, first)


def _name(value: object) -> str:
    # As it stands: a key is spelled with letters and accents apart, which `one_line` would join.
    return "" if nothing(value) else storable(value).strip()


def _names(entry: Entry) -> list[str]:
    """What may name an item exactly: its key, number or address."""
    said = [_name(entry.fields.get(name)) for name in ("item", "key", "id", "url", "title")]
    return [text for text in said[:4] if text] + [text for text in said[4:] if KEY.fullmatch(text)]


def _batches(entries: Iterable[Entry | Refused]) -> Iterator[list[Entry | Refused]]:
    """Some hundred entries at a time; parts never share a batch with wholes, which must be there before them."""
    batch: list[Entry | Refused] = []
    parts = False
    for entry in entries:
        part = isinstance(entry, Entry) and not nothing(entry.fields.get("part_of"))
        if batch and (len(batch) >= BATCH or part != parts):
            yield batch
            batch = []
        parts = part
        batch.append(entry)
    if batch:
        yield batch


def _ensure_types(session: Session) -> list[str]:
    """The item types of the database, with those that every catalog has."""
    known = set(session.scalars(select(ItemType.name)))
    for entry in yaml.safe_load((FOLDER / "types.yaml").read_text("utf-8")):
        if entry["name"] not in known:
            session.add(ItemType(**entry))
            known.add(entry["name"])
    session.flush()
    return sorted(known)
