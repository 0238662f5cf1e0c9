"""What the catalog's commands share: the option for the database, a session on it, and where they print."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer
from rich.console import Console
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from catalog import queries
from catalog.database import default_url, open_database, refusal
from catalog.errors import EmptyCatalog
from catalog.tables import Item

out, notes = Console(), Console(stderr=True)

DatabaseOption = Annotated[
    str,
    typer.Option(
        "--database",
        envvar="NEO_DATABASE",
        help="URL of the catalog's database.",
        default_factory=default_url,
        show_default="a file in your data folder",
    ),
]


@contextmanager
def session_on(url: str, may_be_empty: bool = False) -> Iterator[Session]:
    """A session that commits at the end; EmptyCatalog when there are no items, unless that may be.

    Raises DatabaseBusy while another command writes, FileUnusable on a full disk.
    """
    engine = open_database(url)
    try:
        with Session(engine) as session, session.begin():
            if not may_be_empty and not session.scalar(queries.count_of(Item)):
                raise EmptyCatalog(engine.url)
            yield session
    except OperationalError as error:
        raise refusal(engine.url, error) from error
    finally:
        engine.dispose()
