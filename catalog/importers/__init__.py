"""Importers: a file or feed of somebody else's into items and listens. A module a format, one small protocol (`entry`).

source   bytes and text of a file            columns     which column is which field
entry    what an importer is and hands over  clean       raw fields -> record
identity which item is meant                 references  the same for a title with typos
run      one file, one transaction           fetch       a feed's address -> a file
"""

from catalog.errors import FileUnusable
from catalog.importers.apple import Apple
from catalog.importers.entry import Importer
from catalog.importers.feed import Feed
from catalog.importers.librivox import LibriVox
from catalog.importers.objects import Document, Lines
from catalog.importers.opml import Opml
from catalog.importers.podcastindex import PodcastIndex
from catalog.importers.reading import Audible, Goodreads
from catalog.importers.source import Source
from catalog.importers.tables import Table

IMPORTERS: tuple[Importer, ...] = (
    PodcastIndex(), Opml(), Feed(), LibriVox(), Apple(), Goodreads(), Audible(), Lines(), Document(), Table(),
)  # fmt: skip
"""In the order they are asked: the particular before the general."""


def importer_for(source: Source, name: str | None = None) -> Importer:
    """The importer of this name, or the first that recognises the file. Raises FileUnusable when none does."""
    names = ", ".join(importer.name for importer in IMPORTERS)
    for importer in IMPORTERS:
        if importer.name == name if name else importer.recognises(source):
            return importer
    if name:
        raise FileUnusable(source.name, f"no format is called {name!r}", f"--as takes {names}")
    raise FileUnusable(source.name, "its format is not recognised", f"say it with --as: {names}")
