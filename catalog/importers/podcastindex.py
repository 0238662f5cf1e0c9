"""The PodcastIndex dump: a SQLite file with one table `podcasts`, four million rows. Dead feeds are left out."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing

from catalog.errors import FileUnusable
from catalog.importers.entry import Entry, Options, Reading
from catalog.importers.source import Source

COLUMNS = (
    "id", "url", "title", "link", "dead", "itunesId", "itunesAuthor", "language", "popularityScore", "podcastGuid",
    "description", "explicit", "oldestItemPubdate", "newestEnclosureDuration",
    *(f"category{number}" for number in range(1, 11)),
)  # fmt: skip


class PodcastIndex:
    name, place = "podcastindex", "row"
    about = "the PodcastIndex dump, unpacked (podcastindex_feeds.db)"
    fame_steps = (3, 6, 9, 15)
    """PodcastIndex's own score, 0 to about 29, most shows 0."""

    def recognises(self, source: Source) -> bool:
        return source.is_sqlite

    def read(self, source: Source, options: Options) -> Reading:
        return Reading(self._entries(source, options))

    def _entries(self, source: Source, options: Options) -> Iterator[Entry]:
        remedy = "unpack the dump (tar xzf ...) and name the .db file"
        try:
            # Read-only, and nothing that a stranger's file defines is run.
            address = f"{source.path.resolve().as_uri()}?mode=ro&immutable=1"
            with closing(sqlite3.connect(address, uri=True)) as connection:
                connection.execute("pragma trusted_schema = off")
                connection.text_factory = lambda raw: raw.decode("utf-8", "replace")
                connection.row_factory = sqlite3.Row
                there = {row[1] for row in connection.execute("pragma table_info(podcasts)")}
                if not {"url", "title"} <= there:
                    raise FileUnusable(source.name, "no table podcasts with url and title in it", remedy)
                total = connection.execute("select count(*) from podcasts").fetchone()[0] or 1
                alive = " where coalesce(dead, 0) = 0" if "dead" in there else ""
                chosen = ", ".join(column for column in COLUMNS if column in there)
                for place, row in enumerate(connection.execute(f"select {chosen} from podcasts{alive}"), 1):
                    source.read_so_far = source.size * place // total
                    yield _entry(place, dict(row), options)
        except sqlite3.Error as error:
            raise FileUnusable(source.name, error, remedy) from error


def _entry(place: int, row: dict, options: Options) -> Entry:
    named = (("podcastindex", row.get("id")), ("apple", row.get("itunesId")), ("guid", row.get("podcastGuid")))
    return Entry(
        place,
        {
            "type": options.item_type or "show",
            "title": row["title"],
            "makers": [row["itunesAuthor"]] if row.get("itunesAuthor") else (),
            "language": row.get("language"),
            "description": row.get("description"),
            "genres": [row[name] for name in row if name.startswith("category") and row[name]],
            "popularity": row.get("popularityScore"),
            "explicit": row.get("explicit"),
            "url": row["url"],
            "seconds": duration if (duration := row.get("newestEnclosureDuration") or 0) > 0 else None,
        },
        refs=tuple((scheme, str(value)) for scheme, value in named if value),
    )
