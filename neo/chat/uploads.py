"""Titles out of a visitor's own file (OPML subscriptions, a reading list, listens). The file changes no catalog."""

from itertools import islice
from pathlib import Path

from catalog.importers import importer_for
from catalog.importers.entry import Entry, Options
from catalog.importers.source import Source
from neo.chat.shelf import uncelled

MOST = 200  # entries of a file that are read


def titles_in(path: str) -> list[str]:
    """The titles that a file names, each once, in its order. Raises FileUnusable for a file of no known format."""
    source = Source(Path(path))
    entries = importer_for(source).read(source, Options()).entries
    named = [entry.fields for entry in islice(entries, MOST) if isinstance(entry, Entry)]
    titles = [str(fields.get("title") or fields.get("item") or "").strip() for fields in named]
    return list(dict.fromkeys(map(uncelled, filter(None, titles))))
