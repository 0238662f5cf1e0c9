"""A catalog of seven items small enough to reason about by hand, in an in-memory database."""

from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from catalog.database import open_database
from catalog.demo import load_demo
from catalog.records import ItemRecord, Row
from catalog.store import store_items, with_keys
from catalog.tables import Item, ItemType, SidRow
from catalog.vocabulary import load_vocabulary

#  type, title, makers, language, topics, tones, format, fame, SID, rank
SMALL = [
    ("show", "Serial", ["Sarah Koenig"], "en", ["true crime", "law"], ["gripping"], "narrative", 5, "1-1", 0),
    ("show", "Serial Killers", ["Parcast"], "en", ["true crime"], ["dark"], "narrative", 3, "1-1", 1),
    ("show", "The Wild Coast", ["BBC", "Ada Sand"], "en", ["sea", "nature"], ["calm"], "documentary", 2, "1-2", 0),
    ("show", "Radio Mar", ["Ada Sand"], "es", ["sea", "travel"], ["calm", "warm"], "interview", 1, "2-1", 0),
    ("audiobook", "The Left Hand of Darkness", ["Ursula K. Le Guin"], "en", ["robots"], ["epic"], "novel", 4, "1-1", 0),
    ("audiobook", "Vingt mille lieues", ["Jules Verne"], "fr", ["sea", "classics"], ["epic"], "novel", 4, "1-2", 0),
    ("audiobook", "Harry Potter and the Red Stone", ["J. Rowling"], "en", ["magic"], ["warm"], "novel", 5, "2-1", 0),
]  # fmt: skip


def _row(type_name, title, makers, language="en", topics=("sea",), tones=("calm",), **fields) -> Row:
    description = f"The tests have an item called {title}, which is told in plain English words for ordinary people."
    values = {"format": "novel", "fame": 3, "description": description[:260]} | fields
    values |= {"title": title, "makers": makers, "language": language, "topics": topics, "tones": tones}
    return Row(type_name, ItemRecord.model_validate(values, context={"vocabulary": load_vocabulary()}), title)


@pytest.fixture
def make_row() -> Callable[..., Row]:
    """A valid row of (type, title, makers), other fields as given."""
    return _row


@pytest.fixture
def small_entries() -> list[tuple]:
    return SMALL


@pytest.fixture
def engine() -> Iterator[Engine]:
    engine = open_database("sqlite://")
    yield engine
    engine.dispose()


@pytest.fixture
def session(engine) -> Iterator[Session]:
    """An empty catalog that knows two item types."""
    with Session(engine) as session:
        session.add_all(ItemType(name=name, label=name, plural=f"{name}s") for name in ("show", "audiobook"))
        session.flush()
        yield session


@pytest.fixture
def small(session) -> Session:
    rows = [_row(*entry[:6], format=entry[6], fame=entry[7]) for entry in SMALL]
    store_items(session, with_keys(rows))
    for item, entry in zip(session.query(Item).order_by(Item.id), SMALL, strict=True):
        session.add(SidRow(item_id=item.id, sid=f"{entry[0]}:{entry[8]}", rank=entry[9]))
    session.flush()
    session.expire_all()
    return session


@pytest.fixture(scope="session")
def demo() -> Iterator[Session]:
    """The demo catalog, loaded once; tests only read it."""
    engine = open_database("sqlite://")
    with Session(engine) as session:
        load_demo(session)
        session.commit()
        yield session
    engine.dispose()
