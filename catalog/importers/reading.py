"""Reading lists: what somebody heard or read becomes a listener's history. Books that nobody knows become items."""

import re
from collections.abc import Callable

from catalog.importers.clean import nothing, number_of
from catalog.importers.entry import Options, Reading, Says
from catalog.importers.source import Source
from catalog.importers.tables import read_table

ORDINARY = 3
"""Stars that weigh 1; five weigh 5/3, one a third."""
MYSELF = "Me"
"""The listener whose list it is, unless --listener names another."""
SERIES = re.compile(r"\s*\([^()]*#[\d.-]+\)$")
"""What Goodreads adds to a title: "Dune (Dune, #1)"."""
NOT_HEARD = ("to-read", "did-not-finish", "wishlist", "not started")


class Goodreads:
    name, place = "goodreads", "line"
    about = "Goodreads' library export (CSV): its read shelf becomes a listener's history"
    fame_steps = (10, 100, 1000, 10_000)

    def recognises(self, source: Source) -> bool:
        return {"Title", "Exclusive Shelf"} <= set(_header(source))

    def read(self, source: Source, options: Options) -> Reading:
        columns = {
            "Book Id": "goodreads", "Title": "title", "Author": "makers", "ISBN13": "isbn", "My Rating": "rating",
            "Original Publication Year": "year", "Date Read": "at", "Exclusive Shelf": "shelf",
        }  # fmt: skip
        return _reading(source, options, columns, ("goodreads", "isbn"))


class Audible:
    name, place = "audible", "line"
    about = "an Audible-style library (CSV with ASIN or narrator): a listener's history"
    fame_steps = (10, 100, 1000, 10_000)

    def recognises(self, source: Source) -> bool:
        header = {name.lower() for name in _header(source)}
        return "title" in header and not header.isdisjoint({"asin", "narrator", "narrators", "narrated by"})

    def read(self, source: Source, options: Options) -> Reading:
        wanted = {
            "asin": "asin", "title": "title", "author": "makers", "authors": "makers", "rating": "rating",
            "my rating": "rating", "date finished": "at", "purchase date": "at", "date added": "at", "status": "shelf",
            "length": "duration", "duration": "duration", "language": "language", "release date": "year",
        }  # fmt: skip
        columns: dict[str, str] = {}
        for name in _header(source):
            field = wanted.get(name.lower().replace("_", " "))
            if field and field not in columns.values():
                columns[name] = field
        return _reading(source, options, columns, ("asin",))


def _header(source: Source) -> list[str]:
    """The names of the columns, as they are written."""
    return [name.strip().strip('"') for name in re.split("[,;\t]", source.beginning.partition("\n")[0])]


def _reading(source: Source, options: Options, columns: dict[str, str], schemes: tuple[str, ...]) -> Reading:
    shape = _shape(options.listener or MYSELF, options.item_type or "audiobook", schemes)
    return Reading(read_table(source, options, columns, shape, Says.MENTION).entries)


def _shape(listener: str, item_type: str, schemes: tuple[str, ...]) -> Callable[[dict[str, str]], dict | None]:
    def shape(row: dict[str, str]) -> dict[str, object] | None:
        if row.get("shelf", "").strip().lower() in NOT_HEARD:
            return None
        stars = number_of(row.get("rating"))
        # Goodreads writes numbers as ="123", so that spreadsheets leave their zeros alone.
        numbers = ((scheme, row.get(scheme, "").strip('="')) for scheme in schemes)
        return {
            name: value for name, value in row.items() if name not in (*schemes, "shelf", "rating")
        } | {
            "title": SERIES.sub("", row.get("title", "")),
            "type": item_type,
            "listener": listener,
            "weight": stars / ORDINARY if stars and 0 < stars <= 5 else None,
            "refs": tuple((scheme, value) for scheme, value in numbers if not nothing(value)),
        }  # fmt: skip

    return shape
