"""Makes a database ready for a model: items in it, and on every item the SID that the model knows it by."""

from sqlalchemy.orm import Session

from catalog import queries
from catalog.demo import demo_is_older, load_demo
from catalog.tables import Item
from neo.options import progress_bar, report
from neo.sids import store
from neo.sids.encoder import TextEncoder


def prepare_catalog(session: Session, book: store.SidBook, encoder: TextEncoder) -> None:
    """Load the demo into an empty database, or anew where an older one was loaded, and write SIDs where they are
    missing or another model's; commits."""
    if not session.scalar(queries.count_of(Item)) or demo_is_older(session):
        with progress_bar() as progress:
            bar = progress.add_task("demo catalog")
            load_demo(session, lambda done, total: progress.update(bar, completed=done, total=total))
    if store.outdated(session, book):
        report("giving the items their SIDs")
        store.write(session, book, encoder)
    session.commit()
