"""Guesses which column of somebody's table is which field: by the usual names, then by those nearly so.

A guess is shown and can be overridden (`--map "Show Name=title"`); a column that resembles nothing is left out.
"""

from collections.abc import Iterable, Mapping

from rapidfuzz import fuzz, process

from catalog.errors import FileUnusable
from catalog.importers.entry import FIELDS
from catalog.names import plain

NEARLY = 88
USUAL = {
    "key": ("key", "neo key"),
    "id": ("id", "item id", "show id", "podcast id", "podcastid", "book id", "itunes id", "collection id", "track id",
           "uuid", "guid", "identifier"),
    "url": ("url", "link", "feed url", "feed", "rss", "rss url", "xml url", "feedurl", "itunes url", "website", "href",
            "homepage", "uri"),
    "type": ("type", "item type", "kind", "media type"),
    "title": ("title", "name", "show", "show name", "show title", "podcast", "podcast name", "podcast title",
              "book", "book title", "book name", "episode title", "collection name", "track name", "titel", "titre",
              "titulo", "titolo"),
    "makers": ("makers", "maker", "author", "authors", "publisher", "producer", "creator", "creators", "host", "hosts",
               "by", "artist", "artist name", "artistname", "writer", "autor", "auteur", "autore", "owner", "network"),
    "language": ("language", "lang", "language code", "locale", "sprache", "langue", "idioma", "lingua"),
    "year": ("year", "date", "published", "publication year", "original publication year", "year published", "pubdate",
             "pub date", "publish date", "release date", "released", "releasedate", "copyright year", "first release",
             "jahr", "annee", "ano", "anno"),
    "minutes": ("minutes", "mins", "length minutes", "duration minutes", "runtime minutes", "duration min"),
    "seconds": ("seconds", "secs", "duration seconds", "totaltimesecs", "length seconds", "duration s"),
    "duration": ("duration", "length", "runtime", "run time", "totaltime", "total time", "running time"),
    "description": ("description", "summary", "about", "blurb", "synopsis", "desc", "subtitle", "beschreibung",
                    "descripcion", "overview", "abstract"),
    "genres": ("genres", "genre", "category", "categories", "subjects", "subject", "tags", "primary genre name",
               "bookshelves"),
    "topics": ("topics", "topic"),
    "tones": ("tones", "tone", "mood", "moods"),
    "format": ("format",),
    "fame": ("fame",),
    "popularity": ("popularity", "num reviews", "num ratings", "ratings count", "rating count", "reviews",
                   "number of ratings", "number of reviews", "downloads", "listens", "plays", "subscribers",
                   "popularity score", "review count", "ratings", "play count"),
    "explicit": ("explicit", "explicitness", "parental advisory", "content advisory", "mature"),
    "part_of": ("part of", "parent", "part of key"),
    "listener": ("listener", "user", "user id", "userid", "listener id", "username", "account", "profile"),
    "item": ("item", "item ref", "item reference", "reference"),
    "at": ("at", "timestamp", "time", "listened at", "played at", "date listened", "date read", "listen time", "ts",
           "datetime", "when"),
    "weight": ("weight",),
    "rating": ("rating", "my rating", "score", "stars"),
}  # fmt: skip


def guess(columns: Iterable[str], said: Mapping[str, str], fields: Iterable[str] = FIELDS) -> dict[str, str]:
    """Column -> field, each field once; what was said goes before what is guessed.

    Raises FileUnusable for a column or a field that was said and is not there.
    """
    columns, fields = list(dict.fromkeys(columns)), set(fields) - {"refs"}
    for column, field in said.items():
        if column not in columns:
            near = ", ".join(name for name, _, _ in process.extract(column, columns, limit=3)) or "none"
            raise FileUnusable("the file", f"no column {column!r}, its columns are like {near}", "correct --map")
        if field and field not in fields:
            raise FileUnusable("the file", f"no field {field!r}", f"--map takes {', '.join(sorted(fields))}")
    chosen = {column: field for column, field in said.items() if field}
    free = [column for column in columns if column not in said]
    for exactly in (True, False):
        for field in USUAL:
            if field not in fields or field in chosen.values():
                continue
            if found := _best(free, USUAL[field], exactly):
                chosen[found] = field
                free.remove(found)
    return {column: chosen[column] for column in columns if column in chosen}


def of_listens(chosen: Mapping[str, str], columns: Iterable[str], said: Mapping[str, str]) -> dict[str, str]:
    """The same for listens: a "date" is when it was heard, unless another column says when."""
    dates = [column for column in columns if plain(column) == "date" and column not in said]
    return dict(chosen) if "at" in chosen.values() else dict(chosen) | dict.fromkeys(dates[:1], "at")


def _best(columns: list[str], usual: tuple[str, ...], exactly: bool) -> str | None:
    names = {column: plain(column.replace("_", " ")) for column in columns}
    if exactly:
        ranks = {name: rank for rank, name in reversed(list(enumerate(usual)))}
        ranks |= {name.replace(" ", ""): rank for name, rank in ranks.items()}
        found = [column for column in columns if names[column] in ranks]
        return min(found, key=lambda column: ranks[names[column]], default=None)
    best = max(
        ((score[1], column) for column, name in names.items() if len(name) >= 5
         and (score := process.extractOne(name, usual, scorer=fuzz.ratio, score_cutoff=NEARLY))),
        default=None,
    )  # fmt: skip
    return best[1] if best else None
