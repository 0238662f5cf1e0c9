"""Opens the catalog's database: makes the tables in an empty one, refuses one of another version until it is upgraded.

Any URL of SQLAlchemy works; SQLite, the default, gets foreign keys, a busy timeout and, for files, write-ahead
logging, so that a page can read while a command writes.
"""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import URL, Connection, Engine, create_engine, event, inspect, make_url, text
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, OperationalError
from sqlalchemy.orm import Session
from sqlalchemy.pool import StaticPool

from catalog.errors import CatalogError, DatabaseBusy, DatabaseUnusable, FileUnusable, SchemaMismatch
from catalog.migrations.stamp import VERSION_KEY, write_version
from catalog.tables import SCHEMA_VERSION, Base, Meta

BUSY_SECONDS = 10
CACHE_KIB = 64 << 10
"""Of SQLite: what an import of a hundred thousand items keeps coming back to."""
WRITERS = 0x4E454F
"""Number of the PostgreSQL lock that writers of whole files take one after the other."""


def default_url() -> str:
    """`NEO_DATABASE`, or a SQLite file in the user's data folder."""
    if url := os.environ.get("NEO_DATABASE"):
        return url
    data_home = Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share")
    return f"sqlite:///{data_home / 'neo' / 'catalog.db'}"


def open_database(url: str) -> Engine:
    """An engine whose database has the tables of this version; makes them (and the file's folder) if there are none."""
    engine = _engine(url)
    try:
        _ensure_schema(engine)
    except DBAPIError as error:
        engine.dispose()
        raise refusal(engine.url, error) from error
    except SchemaMismatch:
        engine.dispose()
        raise
    return engine


def upgrade(url: str, version: str = SCHEMA_VERSION) -> tuple[str, str]:
    """Brings a database up (or down) to a schema version with all its rows; (version before, version after).

    All steps or none. Raises SchemaMismatch when there is no way between the two, DatabaseBusy while another writes.
    """
    engine = _engine(url)
    try:
        if not set(Base.metadata.tables) & set(inspect(engine).get_table_names()):
            _ensure_schema(engine)
        found = _version(engine)
        if not (_is_step(found) and _is_step(version)):
            raise SchemaMismatch(engine.url, found or "none", version)
        if found != version:
            with engine.connect() as connection:
                if engine.dialect.name == "sqlite":
                    # A step may make a table anew, and dropping the old one would delete all that refers to it.
                    connection.exec_driver_sql("pragma foreign_keys = off")
                with writing(connection):
                    _migrate(connection, found, version)
        return found, version
    except DBAPIError as error:
        raise refusal(engine.url, error) from error
    finally:
        engine.dispose()


@contextmanager
def writing(connection: Connection) -> Iterator[None]:
    """One transaction, begun as a writer: whoever comes second waits, and nothing read in it can be outdated.

    Commits at the end, rolls back on any error; raises DatabaseBusy when the other does not finish in BUSY_SECONDS.
    """
    try:
        if connection.dialect.name == "sqlite":
            connection.exec_driver_sql("begin immediate")
        elif connection.dialect.name == "postgresql":
            connection.execute(text(f"set local lock_timeout = '{BUSY_SECONDS}s'"))
            connection.execute(text("select pg_advisory_xact_lock(:lock)"), {"lock": WRITERS})
    except OperationalError as error:
        connection.rollback()
        raise DatabaseBusy(connection.engine.url, error.orig) from error
    try:
        yield
        connection.commit()
    except BaseException:
        connection.rollback()
        raise


@contextmanager
def writing_session(engine: Engine) -> Iterator[Session]:
    """A session in one `writing` transaction: all that is done in it, or nothing."""
    with engine.connect() as connection, writing(connection), Session(connection) as session:
        yield session
        session.commit()  # hands over to the connection, which is not committed before `writing` ends


def refusal(database: object, error: DBAPIError) -> CatalogError:
    """What it means to whoever runs a command that the database refused a statement."""
    code = getattr(error.orig, "sqlite_errorcode", 0) & 0xFF  # an extended code has the plain one in its last byte
    state = getattr(error.orig, "sqlstate", None)
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED) or state == "55P03":
        return DatabaseBusy(database, error.orig)
    if code == sqlite3.SQLITE_FULL or state == "53100":
        return FileUnusable(database, error.orig, "free some space, or name another --database")
    return DatabaseUnusable(database, error.orig)


def _engine(url: str) -> Engine:
    try:
        parsed = make_url(url)
        if parsed.drivername in ("postgresql", "postgres"):
            parsed = parsed.set(drivername="postgresql+psycopg")  # the driver that requirements.txt has
        return _sqlite_engine(parsed) if parsed.get_backend_name() == "sqlite" else create_engine(parsed)
    except (ArgumentError, NoSuchModuleError, ImportError) as error:
        raise DatabaseUnusable(repr(url), error) from error


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
        pragmas = [
            "foreign_keys = on",
            f"busy_timeout = {BUSY_SECONDS * 1000}",
            "journal_mode = wal",
            f"cache_size = -{CACHE_KIB}",
        ]

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
    found = _version(engine)
    if found != SCHEMA_VERSION:
        raise SchemaMismatch(engine.url, found or "none", SCHEMA_VERSION)


def _version(engine: Engine) -> str | None:
    if not inspect(engine).has_table(Meta.__tablename__):
        return None
    with Session(engine) as session:
        found = session.get(Meta, VERSION_KEY)
        return found.value if found else None


def _is_step(version: str | None) -> bool:
    return version in {str(number) for number in range(1, int(SCHEMA_VERSION) + 1)}


def _migrate(connection: Connection, found: str, version: str) -> None:
    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    # Alembic keeps a version table of its own; `meta` has the say, so the other is set from it each time.
    command.stamp(config, found, purge=True)
    write_version(connection, found)
    (command.upgrade if int(version) > int(found) else command.downgrade)(config, version)
