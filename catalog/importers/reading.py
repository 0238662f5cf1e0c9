"""Reading lists: what somebody heard or read becomes a listener's history. Books that nobody knows become items."""

import re
from collections.abc import Callable

from catalog.importers.clean import nothing
from catalog.importers.entry import Options, Reading, Says
from catalog.importers.source import Source
from catalog.importers.tables import read_table

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
    about = "an Audible-style library (CSV with ASIN, or narrator and date): a listener's history"
    fame_steps = (10, 100, 1000, 10_000)
    BOUGHT = frozenset({"date finished", "purchase date", "date added", "status"})
    """What tells somebody's library from a catalog of audiobooks."""

    def recognises(self, source: Source) -> bool:
        header = set(_plainly(source))
        narrated = not header.isdisjoint({"narrator", "narrators", "narrated by"})
        return "title" in header and ("asin" in header or (narrated and not header.isdisjoint(self.BOUGHT)))

    def read(self, source: Source, options: Options) -> Reading:
        wanted = {
            "asin": "asin", "title": "title", "author": "makers", "authors": "makers", "my rating": "rating",
            "rating": "rating", "date finished": "at", "purchase date": "at", "date added": "at", "status": "shelf",
            "length": "duration", "duration": "duration", "language": "language", "release date": "year",
        }  # fmt: skip
        header, columns = _plainly(source), {}
        for name, field in wanted.items():  # where several columns say a thing, the first that is wanted
            if name in header and field not in columns.values():
                columns[header[name]] = field
        return _reading(source, options, columns, ("asin",))


def _header(source: Source) -> list[str]:
    """The names of the columns, as they are written."""
    return [name.strip().strip('"') for name in re.split("[,;\t]", source.beginning.partition("\n")[0])]


def _plainly(source: Source) -> dict[str, str]:
    """The same by the names in small letters."""
    return {name.lower().replace("_", " "): name for name in _header(source)}


def _reading(source: Source, options: Options, columns: dict[str, str], schemes: tuple[str, ...]) -> Reading:
    shape = _shape(options.listener or MYSELF, options.item_type or "audiobook", schemes)
    return Reading(read_table(source, options, columns, shape, Says.MENTION).entries)


def _shape(listener: str, item_type: str, schemes: tuple[str, ...]) -> Callable[[dict[str, str]], dict | None]:
    def shape(row: dict[str, str]) -> dict[str, object] | None:
        if row.get("shelf", "").strip().lower() in NOT_HEARD:
            return None
        # Goodreads writes numbers as ="123", so that spreadsheets leave their zeros alone.
        numbers = ((scheme, row.get(scheme, "").strip('="')) for scheme in schemes)
        return {
            name: value for name, value in row.items() if name not in (*schemes, "shelf")
        } | {
            "title": SERIES.sub("", row.get("title", "")),
            "type": item_type,
            "listener": listener,
            "refs": tuple((scheme, value) for scheme, value in numbers if not nothing(value)),
        }  # fmt: skip

    return shape
