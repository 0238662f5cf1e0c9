"""A catalog of seven items small enough to reason about by hand, in an in-memory database."""

import os
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine, make_url, text
from sqlalchemy.orm import Session

from catalog.database import open_database, writing_session
from catalog.demo import load_demo
from catalog.importers import importer_for
from catalog.importers.entry import Options
from catalog.importers.run import Hear, Report, import_source
from catalog.importers.source import Source
from catalog.records import ItemRecord, Problem, Row
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


@pytest.fixture(params=["sqlite", "postgresql"])
def anywhere(request, tmp_path) -> Iterator[str]:
    """The URL of an empty database, once of each kind; PostgreSQL only where NEO_TEST_POSTGRES names a server."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/anywhere.db"
        return
    server = os.environ.get("NEO_TEST_POSTGRES")
    if not server:
        pytest.skip("no PostgreSQL: set NEO_TEST_POSTGRES to the URL of a database that tests may create others from")
    name = f"neo_test_{uuid.uuid4().hex[:12]}"
    admin = create_engine(server, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text(f"create database {name}"))
    yield make_url(server).set(database=name).render_as_string(hide_password=False)
    with admin.connect() as connection:
        connection.execute(text(f"drop database {name} with (force)"))
    admin.dispose()


@dataclass
class Done:
    """What an import told."""

    report: Report
    rejected: list[Problem]
    guessed: list[tuple]


@pytest.fixture
def bring(tmp_path) -> Callable[..., Done]:
    """`bring(engine, name, content, ...)`: imports a file of this name and content (text or bytes), or a path."""

    def bring(engine: Engine, name: str | Path, content: str | bytes | None = None, as_=None, **said) -> Done:
        path = Path(name)
        if content is not None:
            path = tmp_path / name
            path.write_bytes(content.encode() if isinstance(content, str) else content)
        source, options = Source(path), Options(**said)
        importer = importer_for(source, as_)
        reading = importer.read(source, options)
        done = Done(Report(), [], [])
        hear = Hear(rejected=done.rejected.append, guessed=lambda *guess: done.guessed.append(guess))
        with writing_session(engine) as session:
            done.report = import_source(session, source, importer, reading, options, hear)
        return done

    return bring
