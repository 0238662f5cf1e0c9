"""Opens the catalog's database: makes the tables in an empty one, refuses one of another version.

Any URL of SQLAlchemy works; SQLite, the default, gets foreign keys, a busy timeout and, for files, write-ahead
logging, so that a page can read while a command writes.
"""

import os
from pathlib import Path

from sqlalchemy import URL, Engine, create_engine, event, inspect, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError
from sqlalchemy.orm import Session
from sqlalchemy.pool import StaticPool

from catalog.errors import DatabaseUnusable, SchemaMismatch
from catalog.tables import SCHEMA_VERSION, Base, Meta

BUSY_SECONDS = 10
VERSION_KEY = "schema version"


def default_url() -> str:
    """`NEO_DATABASE`, or a SQLite file in the user's data folder."""
    if url := os.environ.get("NEO_DATABASE"):
        return url
    data_home = Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share")
    return f"sqlite:///{data_home / 'neo' / 'catalog.db'}"


def open_database(url: str) -> Engine:
    """An engine whose database has the tables of this version; makes them (and the file's folder) if there are none."""
    try:
        parsed = make_url(url)
        engine = _sqlite_engine(parsed) if parsed.get_backend_name() == "sqlite" else create_engine(parsed)
    except (ArgumentError, NoSuchModuleError, ImportError) as error:
        raise DatabaseUnusable(repr(url), error) from error
    try:
        _ensure_schema(engine)
    except DBAPIError as error:
        engine.dispose()
        raise DatabaseUnusable(parsed, error.orig) from error
    except SchemaMismatch:
        engine.dispose()
        raise
    return engine


def _sqlite_engine(url: URL) -> Engine:
    if url.database in (None, "", ":memory:"):
        # Every thread must see the one connection: a second one would open a second, empty database.
        engine = create_engine(url, poolclass=StaticPool, connect_args={"check_same_thread": False})
        pragmas = ["foreign_keys = on"]
    else:
        folder = Path(url.database).parent
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise DatabaseUnusable(url, error) from error
        if not os.access(folder, os.W_OK):
            raise DatabaseUnusable(url, f"folder {folder} is not writable")
        engine = create_engine(url)
        pragmas = ["foreign_keys = on", f"busy_timeout = {BUSY_SECONDS * 1000}", "journal_mode = wal"]

    @event.listens_for(engine, "connect")
    def _set_pragmas(connection, _record):
        for pragma in pragmas:
            connection.execute(f"pragma {pragma}")

    return engine


def _ensure_schema(engine: Engine) -> None:
    ours = set(Base.metadata.tables) & set(inspect(engine).get_table_names())
    if not ours:
        Base.metadata.create_all(engine)
        with Session(engine) as session, session.begin():
            session.add(Meta(key=VERSION_KEY, value=SCHEMA_VERSION))
        return
    found = None
    if Meta.__tablename__ in ours:
        with Session(engine) as session:
            found = session.get(Meta, VERSION_KEY)
    if found is None or found.value != SCHEMA_VERSION:
        raise SchemaMismatch(engine.url, found.value if found else "none", SCHEMA_VERSION)
