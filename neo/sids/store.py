"""The SIDs of a catalog as one artefact: encoder, codebooks, the SID of every item. Built once, shipped with weights.

A user's machine never refits or re-assigns what a model was trained on: it reads the stored SIDs into SQL by item key
and uses the codebooks only for items that are new.
"""

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import langcodes
import numpy as np
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from catalog import queries
from catalog.tables import Item, SidRow
from neo.errors import SidsMissing
from neo.items import CatalogItem
from neo.sids.build import TypeSids, TypeStats, assign, build_type, rebuilt, stats
from neo.sids.encoder import TextEncoder
from neo.sids.features import Features
from neo.sids.listening import IN_SIDS, IN_TASTES, blended, kept_histories
from neo.sids.pairs import Pairs
from neo.sids.quantizer import ResidualQuantizer
from neo.sids.sid import Sid
from neo.sids.vocabulary import TypeShape

CONTENTS, TASTES = "contents.npz", "tastes.npz"
MOST_KNOWN = 50_000
"""Items that a model scores all at once (`neo/model/known.py`); of more, the famous: others it knows by their codes."""
MOST_NEW, WORST_FIT = 0.2, 0.05
"""Share of new items, and loss of cosine, beyond which SIDs should be built anew."""


@dataclass
class SidBook:
    """`quantizers` by item type; `assigned` maps an item's key to its SID and rank."""

    encoder: str
    quantizers: dict[str, ResidualQuantizer]
    assigned: dict[str, tuple[Sid, int]]
    stats: dict[str, TypeStats] = field(default_factory=dict)
    contents: dict[str, np.ndarray] = field(default_factory=dict)
    """Item key -> the encoder's vector of its words, of the items that have features."""
    tastes: dict[str, np.ndarray] = field(default_factory=dict)
    """Item key -> its vector moved by what is heard together, of the items that recorded listeners heard."""
    features: Features = Features()
    pairs: Pairs = field(default_factory=Pairs)
    """Which of these items the listeners of training heard together."""

    @property
    def shapes(self) -> tuple[TypeShape, ...]:
        return tuple(TypeShape(name, q.levels, q.codes) for name, q in sorted(self.quantizers.items()))

    def save(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        np.savez_compressed(folder / "codebooks.npz", **{name: q.codebooks for name, q in self.quantizers.items()})
        items = {key: [str(sid), rank] for key, (sid, rank) in sorted(self.assigned.items())}
        text = json.dumps({"encoder": self.encoder, "items": items}, indent=0, ensure_ascii=False)
        (folder / "sids.json").write_text(text + "\n", encoding="utf-8")
        for name, vectors in ((CONTENTS, self.contents), (TASTES, self.tastes)):
            if vectors:
                stacked = np.array(list(vectors.values()), np.float16)
                np.savez_compressed(folder / name, keys=np.array(list(vectors)), vectors=stacked)
        self.features.save(folder)
        self.pairs.save(folder)

    @classmethod
    def load(cls, folder: Path) -> "SidBook":
        """Raises SidsMissing when the folder holds none, or a damaged one."""
        try:
            stored = json.loads((folder / "sids.json").read_text(encoding="utf-8"))
            with np.load(folder / "codebooks.npz") as books:
                quantizers = {name: ResidualQuantizer(books[name]) for name in books.files}
            items = {key: (Sid.parse(text), rank) for key, (text, rank) in stored["items"].items()}
            contents, tastes = (_vectors(folder / name) for name in (CONTENTS, TASTES))
            features, pairs = Features.load(folder), Pairs.load(folder)
            return cls(stored["encoder"], quantizers, items, {}, contents, tastes, features, pairs)
        except (OSError, ValueError, KeyError) as error:
            raise SidsMissing(
                f"no usable SIDs in {folder} ({error}): expected sids.json and codebooks.npz; "
                f'run "python -m neo sids build"'
            ) from error


def _vectors(path: Path) -> dict[str, np.ndarray]:
    if not path.exists():
        return {}
    with np.load(path) as stored:
        return dict(zip(stored["keys"].tolist(), stored["vectors"].astype(np.float32), strict=True))


def tastes_of(items: Iterable[CatalogItem], book: SidBook, encoder: TextEncoder) -> np.ndarray:
    """What each item says of the taste of who heard it [encoder width + features + items of `book.pairs`]: its vector
    from the book, else the encoder's view of the item; its features; and what it says of every other item."""
    items = list(items)
    unheard = [item for item in items if item.key not in book.tastes]
    encoded = encoder.encode([item_text(item) for item in unheard]) if unheard else ()
    known = {item.key: vector for item, vector in zip(unheard, encoded, strict=True)} | book.tastes
    vectors = np.array([known[item.key] for item in items], np.float32)
    return np.hstack([vectors, book.features.rows(items), book.pairs.rows(item.key for item in items)])


def item_text(item: CatalogItem) -> str:
    """What the encoder reads of an item."""
    makers = ", ".join(item.makers)
    facets = ". ".join(filter(None, (item.format, ", ".join(item.topics), ", ".join(item.tones))))
    part = f", part of {item.part_of}" if item.part_of else ""
    known = item.language and item.language != "und"
    spoken = f" In {langcodes.Language.get(item.language).display_name('en')}." if known else ""
    return f"{item.title}{part} by {makers}. {facets}. {item.description}{spoken}"


def build(
    session: Session,
    encoder: TextEncoder,
    shape: tuple[int, int] | None = None,
    seed: int = 0,
    progress=lambda text: None,
    listens: bool = True,
) -> SidBook:
    """Fit every item type of the catalog anew; with `listens`, recorded listeners have a part in it where there are
    enough of them. `progress` hears what is being done."""
    items = [CatalogItem.of(row) for row in session.scalars(queries.all_items()).unique()]
    if not items:
        raise SidsMissing('the catalog holds no items: run "python -m catalog load" first')
    progress(f"encoding {len(items)} items")
    content = encoder.encode([item_text(item) for item in items])
    histories = kept_histories(session, items) if listens else []
    vectors = blended(content, histories, IN_SIDS)
    known = sorted(range(len(items)), key=lambda index: -items[index].fame)[:MOST_KNOWN]
    contents = {items[index].key: content[index] for index in known}
    book = SidBook(encoder.name, {}, {}, contents=contents, features=Features.of(items[index] for index in known))
    if histories:
        progress(f"{len(histories)} recorded listeners say what goes together")
        tastes, heard = blended(content, histories, IN_TASTES), sorted({index for each in histories for index in each})
        book.tastes = {items[index].key: tastes[index] for index in heard}
    for type_ in sorted({item.type for item in items}):
        rows = [index for index, item in enumerate(items) if item.type == type_]
        popularity = np.array([items[index].fame for index in rows])
        built: TypeSids = build_type(type_, vectors[rows], popularity, shape, seed, progress)
        book.quantizers[type_] = built.quantizer
        book.stats[type_] = stats(built, vectors[rows])
        for index, sid, rank in zip(rows, built.sids, built.ranks, strict=True):
            book.assigned[items[index].key] = (sid, rank)
    return book


def measure(session: Session, book: SidBook, encoder: TextEncoder) -> dict[str, TypeStats]:
    """`stats` by item type, for the items of the database that the book knows."""
    items = [CatalogItem.of(row) for row in session.scalars(queries.all_items()).unique() if row.key in book.assigned]
    content = encoder.encode([item_text(item) for item in items])
    vectors = blended(content, kept_histories(session, items), IN_SIDS) if book.tastes else content
    measured = {}
    for type_, quantizer in book.quantizers.items():
        rows = [index for index, item in enumerate(items) if item.type == type_]
        if rows:
            sids, ranks = zip(*(book.assigned[items[index].key] for index in rows), strict=True)
            measured[type_] = stats(TypeSids(quantizer, list(sids), list(ranks)), vectors[rows])
    return measured


@dataclass(frozen=True)
class Drift:
    """How far the items of a type have moved from those that its codebooks were fitted to."""

    new: int
    """Items that the book does not know: a model learned nothing of them."""
    items: int
    fit: float
    """Mean cosine of the known items' vectors with those rebuilt from their nearest codes."""
    fit_new: float
    """The same of the new ones."""

    @property
    def rebuild(self) -> bool:
        """Whether SIDs should be built anew, and a model trained on them."""
        return self.new > MOST_NEW * self.items or (self.new > 0 and self.fit - self.fit_new > WORST_FIT)


def drift(session: Session, book: SidBook, encoder: TextEncoder) -> dict[str, Drift]:
    """By item type, of all items of the database; a type that the book lacks is all new and fits nowhere."""
    items = [CatalogItem.of(row) for row in session.scalars(queries.all_items()).unique()]
    vectors, found = encoder.encode([item_text(item) for item in items]), {}
    for type_ in sorted({item.type for item in items}):
        rows = np.array([item.type == type_ for item in items])
        known = np.array([item.key in book.assigned for item in items])
        fits = np.zeros(len(items))
        if type_ in book.quantizers:
            quantizer = book.quantizers[type_]
            fits[rows] = (vectors[rows] * rebuilt(quantizer, quantizer.encode(vectors[rows]))).sum(1)
        old, new = fits[rows & known], fits[rows & ~known]
        found[type_] = Drift(
            len(new), int(rows.sum()), *(float(part.mean()) if len(part) else 0.0 for part in (old, new))
        )
    return found


def outdated(session: Session, book: SidBook) -> bool:
    """Whether the database lacks SIDs that the book could give, or holds others than the book's."""
    stored = {key: sid for key, type_, sid in session.execute(queries.sids_by_key()) if type_ in book.quantizers}
    return any(
        text is None or (key in book.assigned and str(book.assigned[key][0]) != text) for key, text in stored.items()
    )


def write(session: Session, book: SidBook, encoder: TextEncoder | None = None) -> int:
    """Give every item of the database its SID and return how many were new to the book.

    Items the book does not know get theirs from its codebooks (with `encoder`), behind the ones it does know.
    """
    session.execute(delete(SidRow))
    known = dict(session.execute(select(Item.key, Item.id)).all())
    rows = [
        {"item_id": known[key], "sid": str(sid), "rank": rank}
        for key, (sid, rank) in book.assigned.items()
        if key in known
    ]
    strangers = [key for key in known if key not in book.assigned]
    if strangers and encoder is not None:
        rows += _rows_for_strangers(
            session, book, encoder, strangers, Counter(sid for sid, _ in book.assigned.values())
        )
    if rows:
        session.execute(SidRow.__table__.insert(), rows)
    return len(strangers)


def write_missing(session: Session, book: SidBook, encoder: TextEncoder) -> int:
    """Give SIDs to the items that have none and that the codebooks can describe, behind those that do; all others keep
    theirs. Returns how many got one."""
    stored = session.execute(queries.sids_by_key()).all()
    lacking = [key for key, type_, text in stored if text is None and type_ in book.quantizers]
    if not lacking:
        return 0
    taken = Counter(Sid.parse(text) for _, _, text in stored if text is not None)
    rows = _rows_for_strangers(session, book, encoder, lacking, taken)
    session.execute(SidRow.__table__.insert(), rows)
    return len(rows)


def _rows_for_strangers(
    session: Session, book: SidBook, encoder: TextEncoder, keys: list[str], taken: Counter[Sid]
) -> list[dict]:
    wanted = set(keys)
    items = [CatalogItem.of(row) for row in session.scalars(queries.all_items()).unique() if row.key in wanted]
    vectors = encoder.encode([item_text(item) for item in items])
    rows = []
    for type_, quantizer in book.quantizers.items():
        chosen = [index for index, item in enumerate(items) if item.type == type_]
        if not chosen:
            continue
        popularity = np.array([items[index].fame for index in chosen])
        sids, ranks = assign(type_, quantizer, vectors[chosen], popularity, taken)
        rows += [
            {"item_id": items[index].id, "sid": str(sid), "rank": rank}
            for index, sid, rank in zip(chosen, sids, ranks, strict=True)
        ]
    return rows
