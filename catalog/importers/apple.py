"""Apple Podcasts: answers of the search API (`collectionName`, ...) and lists scraped from its pages."""

import re
from collections.abc import Iterator

from catalog.importers.entry import Entry, Options, Reading, Refused
from catalog.importers.objects import Lines, entry_of, lines, objects
from catalog.importers.source import Source

_NUMBER = re.compile(r"apple\.com/.*?/id(\d+)")


class Apple:
    name, place = "apple", "entry"
    about = "Apple Podcasts JSON: the search API's, or shows with title, producer, genre, link"
    fame_steps = (30, 300, 3000, 30_000)
    """Reviews and ratings."""

    def recognises(self, source: Source) -> bool:
        beginning = source.beginning.lstrip()
        return beginning[:1] in ("{", "[") and ("podcasts.apple.com" in beginning or '"collectionId"' in beginning)

    def read(self, source: Source, options: Options) -> Reading:
        found = lines(source) if Lines().recognises(source) and not source.beginning.lstrip().startswith("[") \
            and not self._is_answer(source) else objects(source)  # fmt: skip
        return Reading(self._entries(found, options), {})

    def _is_answer(self, source: Source) -> bool:
        return '"resultCount"' in source.beginning[:200]

    def _entries(self, found: Iterator[tuple[int, object]], options: Options) -> Iterator[Entry | Refused]:
        for place, one in found:
            entry = entry_of(place, one, lambda show: _fields(show, options))
            if isinstance(entry, Entry):
                number = one.get("collectionId") or one.get("trackId")
                if not number and (found_in_link := _NUMBER.search(str(one.get("link") or one.get("url") or ""))):
                    number = found_in_link[1]
                entry = Entry(place, entry.fields, entry.says, (("apple", str(number)),) if number else ())
            yield entry


def _fields(show: dict, options: Options) -> dict[str, object]:
    def first(*names: str) -> object:
        return next((show[name] for name in names if show.get(name) not in (None, "")), None)

    genres = first("genres", "primaryGenreName", "genre")
    if isinstance(genres, list):
        genres = [genre for genre in genres if genre != "Podcasts"]
    return {
        "type": options.item_type or "show",
        "title": first("collectionName", "trackName", "title", "name"),
        "makers": [one] if (one := first("artistName", "producer", "publisher", "author")) else (),
        "genres": genres,
        "description": first("description", "summary"),
        "language": first("language"),
        "popularity": first("userRatingCount", "num_ratings", "num_reviews"),
        "explicit": first("contentAdvisoryRating", "trackExplicitness", "collectionExplicitness"),
        "url": first("feedUrl", "link", "collectionViewUrl", "url"),
    }
