"""LibriVox: its API's answers (`/api/feed/audiobooks?format=json`), and dumps that list the authors apart."""

from collections.abc import Iterator

from catalog.importers.entry import Entry, Options, Reading, Refused
from catalog.importers.objects import entry_of, objects
from catalog.importers.source import Source


class LibriVox:
    name, place = "librivox", "entry"
    about = "LibriVox audiobooks: the API's JSON or a dump"
    fame_steps = (1000, 10_000, 100_000, 1_000_000)
    """Downloads."""

    def recognises(self, source: Source) -> bool:
        beginning = source.beginning.lstrip()
        return beginning.startswith("{") and '"books"' in beginning[:200] and "librivox" in beginning

    def read(self, source: Source, options: Options) -> Reading:
        return Reading(self._entries(source, options), {})

    def _entries(self, source: Source, options: Options) -> Iterator[Entry | Refused]:
        # Authors stand behind the books that refer to them: the file is read twice rather than kept.
        authors = {one.get("_name"): one for _, one in self._authors(source) if isinstance(one, dict)}
        for place, one in objects(source, "books"):
            entry = entry_of(place, one, lambda book: self._fields(book, authors, options))
            if isinstance(entry, Entry):
                number = str(one.get("id") or one.get("_name", "")).removeprefix("id_")
                entry = Entry(place, entry.fields, entry.says, (("librivox", number),) if number else ())
            yield entry

    def _authors(self, source: Source) -> Iterator[tuple[int, object]]:
        if '"authors":"' in source.beginning.replace(" ", ""):
            yield from objects(source, "authors")

    def _fields(self, book: dict, authors: dict[str, dict], options: Options) -> dict[str, object]:
        said = book.get("authors") or []
        if not isinstance(said, list):
            said = [authors.get(f"a{number.strip()}", {}) for number in str(said).split(",")]
        names = [f"{one.get('first_name') or ''} {one.get('last_name') or ''}" for one in said if isinstance(one, dict)]
        genres = book.get("genres")
        return {
            "type": options.item_type or "audiobook",
            "title": book.get("title"),
            "makers": [name for name in names if name.strip()],
            "language": book.get("language"),
            "year": book.get("copyright_year") if str(book.get("copyright_year")) != "0" else None,
            "duration": book.get("totaltimesecs") or book.get("totaltime"),
            "description": book.get("description"),
            "genres": [genre.strip(" *") for genre in genres.split(",")] if isinstance(genres, str) else genres,
            "popularity": book.get("downloads"),
            "url": book.get("url_librivox"),
        }
