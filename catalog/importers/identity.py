"""Which item an entry means: by what others call it, by its key, by title and makers; and the key of a new one.

Two rows are one item when they share a reference, or title and a maker without contradicting each other's numbers. So
an import can be repeated, and what came from an OPML file is found again in a directory.
"""

import hashlib
import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from catalog.importers.clean import is_private, nothing, one_line, storable
from catalog.importers.entry import Entry
from catalog.names import plain, slug
from catalog.records import ImportedRecord
from catalog.tables import Item, ItemMaker, ItemRef, Maker

UNSURE = ("url", "title")
"""Schemes of which an item may have several without being several."""
LONGEST_SLUG = 80
_ADDRESS = re.compile(
    r"(?:https?|feed|itpc|pcast)://([^\s/?#\[\]]*)((?:/[^\s?#]*)?)(\?[^\s#]+)?\??(?:#\S*)?", re.IGNORECASE
)
Ref = tuple[str, str]


@dataclass(frozen=True)
class Meant:
    """The item an entry means: a known one, or the key that a new one will have."""

    key: str
    item_id: int | None


def refs_of(entry: Entry, type_name: str, record: ImportedRecord, stem: str) -> tuple[Ref, ...]:
    """Everything the entry calls its item; at least its type, title and makers."""
    refs = list(entry.refs)
    if not nothing(entry.fields.get("id")):
        refs.append((stem, one_line(entry.fields["id"])))
    if url := address(entry.fields.get("url")):
        refs.append(("url", url))
    named = ((storable(scheme), one_line(value)[:1000]) for scheme, value in refs if not is_private(str(value)))
    if kept := dict.fromkeys((scheme, value) for scheme, value in named if value):
        return tuple(kept)
    return (("title", f"{type_name}/{slug(record.title)}/{'/'.join(map(slug, record.makers))}"[:400]),)


def address(value: object) -> str | None:
    """An address without what two spellings of it may differ in: scheme, www, case of the host, the last slash.

    None for a private one: what opens somebody's paid feed is theirs, and not a name of the item.
    """
    found = _ADDRESS.fullmatch(str(value or "").strip())
    if not found or is_private(found[0]):
        return None
    host, path, query = found.groups("")
    return f"{host.lower().removeprefix('www.')}{path.rstrip('/')}{query}" or None


def find(session: Session, wanted: Sequence[tuple[str, ImportedRecord, tuple[Ref, ...], str | None]]) -> list[Meant]:
    """For each (type, record, refs, key or None) the item it means. At most a few hundred at a time.

    Entries of one call that mean one new item get the same key.
    """
    candidates = [_keys(type_name, record, refs) for type_name, record, refs, _ in wanted]
    known = _known(session, wanted, candidates)
    by_ref: dict[Ref, Meant] = dict(known.by_ref)
    found = []
    for (_, record, refs, key), keys in zip(wanted, candidates, strict=True):
        meant = next((by_ref[ref] for ref in refs if ref in by_ref), None)
        if meant is None and key:
            item = known.items.get(key)
            meant = Meant(key, item.item_id if item else None)
        if meant is None:
            meant = _by_title(known.items, keys, record, refs)
        item = known.items.setdefault(meant.key, _Item(meant.item_id, set(), {}))
        item.makers |= {plain(name) for name in record.makers}
        for scheme, value in refs:
            item.refs.setdefault(scheme, value)
            by_ref.setdefault((scheme, value), meant)
        found.append(meant)
    return found


def items_called(session: Session, names: Sequence[str]) -> dict[str, list[tuple[str, int]]]:
    """Name -> (key, id) of the items that have this key, address, number, or "scheme:number"."""
    called: dict[str, set[tuple[str, int]]] = defaultdict(set)
    by_key = dict(session.execute(select(Item.key, Item.id).where(Item.key.in_(names))).all())
    values = {name: (address(name) or name) for name in names}
    pairs = {name: tuple(name.split(":", 1)) for name in names if ":" in name}
    asked = {*values.values(), *(value for _, value in pairs.values())}
    statement = select(ItemRef.scheme, ItemRef.value, Item.key, Item.id).join(Item)
    rows = session.execute(statement.where(ItemRef.value.in_(asked), ItemRef.scheme != "title")).all()
    of_value, of_pair = defaultdict(set), defaultdict(set)
    for scheme, value, key, id_ in rows:
        of_value[value].add((key, id_))
        of_pair[scheme, value].add((key, id_))
    for name in names:
        if name in by_key:
            called[name] = {(name, by_key[name])}
        elif name in pairs and pairs[name] in of_pair:
            called[name] = of_pair[pairs[name]]
        else:
            called[name] = of_value[values[name]]
    return {name: sorted(items) for name, items in called.items()}


def remember(session: Session, refs: Sequence[tuple[int, Ref]]) -> None:
    """Writes down what items are called; what is known stays as it is."""
    rows = {ref: {"scheme": ref[0], "value": ref[1], "item_id": item_id} for item_id, ref in reversed(refs)}
    if rows:
        session.execute(inserting(session)(ItemRef.__table__).on_conflict_do_nothing(), list(rows.values()))


def inserting(session: Session):
    """The dialect's `insert`, for statements that mind conflicts."""
    return {"sqlite": sqlite.insert, "postgresql": postgresql.insert}[session.get_bind().dialect.name]


@dataclass
class _Item:
    item_id: int | None
    makers: set[str]
    refs: dict[str, str]


@dataclass
class _Known:
    items: dict[str, _Item]
    by_ref: dict[Ref, Meant]


def _known(session: Session, wanted: Sequence[tuple], candidates: Sequence[list[str]]) -> _Known:
    refs = {ref for _, _, refs, _ in wanted for ref in refs}
    statement = select(ItemRef.scheme, ItemRef.value, Item.key, Item.id).join(Item)
    rows = session.execute(statement.where(ItemRef.value.in_({value for _, value in refs})))
    by_ref = {(scheme, value): Meant(key, id_) for scheme, value, key, id_ in rows if (scheme, value) in refs}
    keys = {key for keys in candidates for key in keys}
    keys |= {key for _, _, _, key in wanted if key} | {meant.key for meant in by_ref.values()}
    items = {
        key: _Item(id_, set(), {}) for key, id_ in session.execute(select(Item.key, Item.id).where(Item.key.in_(keys)))
    }
    by_id = {item.item_id: item for item in items.values()}
    makers = select(ItemMaker.item_id, Maker.name).join(Maker).where(ItemMaker.item_id.in_(by_id))
    for item_id, name in session.execute(makers) if by_id else ():
        by_id[item_id].makers.add(plain(name))
    called = select(ItemRef.item_id, ItemRef.scheme, ItemRef.value).where(ItemRef.item_id.in_(by_id))
    for item_id, scheme, value in session.execute(called) if by_id else ():
        by_id[item_id].refs[scheme] = value
    return _Known(items, by_ref)


def _keys(type_name: str, record: ImportedRecord, refs: tuple[Ref, ...]) -> list[str]:
    """type:title, type:title-maker, and one that only these references give."""
    stem = f"{type_name}:{slug(record.title)[:LONGEST_SLUG]}"
    named = f"{stem}-{slug(record.makers[0])[:LONGEST_SLUG]}" if record.makers else stem
    own = hashlib.blake2b("\n".join(refs[0]).encode("utf-8", "replace"), digest_size=4).hexdigest()
    return [*dict.fromkeys((stem, named)), f"{named}-{own}"]


def _by_title(items: dict[str, _Item], keys: list[str], record: ImportedRecord, refs: tuple[Ref, ...]) -> Meant:
    makers = {plain(name) for name in record.makers}
    for key in keys:
        item = items.get(key)
        if item is None:
            return Meant(key, None)
        one = not makers or not item.makers or makers & item.makers
        if one and not any(item.refs.get(s, v) != v for s, v in refs if s not in UNSURE):
            return Meant(key, item.item_id)
    return Meant(keys[-1], items[keys[-1]].item_id)
