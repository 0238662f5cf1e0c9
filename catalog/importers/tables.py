"""CSV and TSV: rows as they come, whatever is wrong with some of them.

The csv module parses; this file sees to it that a quote that never closes costs one row and not the rest of the file,
and that no row grows beyond a megabyte.
"""

import csv
from collections import deque
from collections.abc import Callable, Iterator
from typing import TextIO

from catalog.errors import FileUnusable
from catalog.importers.columns import guess, of_listens
from catalog.importers.entry import Entry, Options, Reading, Refused, Says, says
from catalog.importers.source import Source, mended

MOST_LETTERS, MOST_LINES = 1 << 20, 2000
"""Of one row, which may go over lines inside quotes."""
csv.field_size_limit(MOST_LETTERS)


class Table:
    """Any table that has a header."""

    name, place = "csv", "line"
    about = "CSV or TSV with a header; columns are guessed, --map corrects"
    fame_steps = (10, 100, 1000, 10_000)

    def recognises(self, source: Source) -> bool:
        return (
            source.suffix in (".csv", ".tsv") or bool(_delimiter(source.beginning)) and source.beginning[0] not in "<{["
        )

    def read(self, source: Source, options: Options) -> Reading:
        return read_table(source, options)


def read_table(
    source: Source,
    options: Options,
    columns: dict[str, str] | None = None,
    shape: Callable[[dict[str, str]], dict[str, object] | None] = dict,
    kind: Says | None = None,
) -> Reading:
    """The rows as entries. `columns` replaces the guess; `shape` changes the fields of a row (and may put `refs` among
    them), or leaves the row out (None)."""
    delimiter = "\t" if source.suffix == ".tsv" else _delimiter(source.beginning) or ","
    rows = _rows(source.text(), delimiter)
    header = next((cells for _, cells in rows if not isinstance(cells, str) and any(cells)), None)
    if header is None:
        raise FileUnusable(source.name, "it has no header", "add a first line that names the columns")
    header = [cell.strip().lstrip("\ufeff") for cell in header]
    chosen = columns if columns is not None else guess(filter(None, header), options.columns)
    chosen = {column: field for column, field in chosen.items() if column in header}
    kind = kind or says(chosen.values(), options)
    if kind is Says.LISTEN:
        chosen = of_listens(chosen, header, options.columns)
    if not {"title", "item", "key", "id", "url"} & set(chosen.values()):
        shown = ", ".join(header[:8])
        raise FileUnusable(
            source.name, f"none of its columns ({shown}) is a title", 'say which with --map "NAME=title"'
        )
    places = [(header.index(column), field) for column, field in chosen.items()]

    def entries() -> Iterator[Entry | Refused]:
        for place, cells in rows:
            if isinstance(cells, str):
                yield Refused(place, "", cells)
            elif any(cells):
                if len(cells) > len(header) and any(cells[len(header) :]):
                    reason = (
                        f"{len(cells)} cells under {len(header)} columns: put the one that holds a delimiter in quotes"
                    )
                    yield Refused(place, delimiter.join(cells), reason)
                    continue
                fields = shape({field: cells[at] for at, field in places if at < len(cells)})
                if fields is not None:
                    yield Entry(place, fields, kind, tuple(fields.pop("refs", ())))

    return Reading(entries(), chosen, tuple(column for column in header if column and column not in chosen))


def _delimiter(beginning: str) -> str | None:
    """The likeliest of the usual ones, by the first line that has any."""
    for line in beginning.splitlines():
        counts = {one: line.count(one) for one in "\t,;|"}
        best = max(counts, key=counts.get)
        if counts[best]:
            return best
    return None


def _rows(text: TextIO, delimiter: str) -> Iterator[tuple[int, list[str] | str]]:
    """(line number, cells) of every row; for a row that cannot be read the reason stands for the cells."""
    feed = _Feed(text)
    while True:
        # Strict: else a quote that never closes ends at the next one, with all the rows between them in one cell.
        reader = csv.reader(feed, delimiter=delimiter, strict=True)
        try:
            for cells in reader:
                yield feed.taken[0][0], cells
                feed.taken.clear()
            if not feed.taken:
                return
            reason = ""
        except csv.Error as error:
            reason = "a quote opens here and never closes" if feed.cut else f"not CSV ({error})"
        # It is the quote that is wrong: only its line is lost, those behind it are read again.
        feed.back(feed.taken[1:])
        yield feed.taken[0][0], f"longer than {MOST_LETTERS} letters" if feed.too_long else reason
        feed.taken.clear()
        feed.cut = feed.too_long = False


class _Feed:
    """Numbered lines for a csv reader, which can be taken back; ends when a row gets too much."""

    def __init__(self, text: TextIO):
        self._text, self._number = text, 0
        self._waiting: deque[tuple[int, str]] = deque()
        self.taken: list[tuple[int, str]] = []
        """Of the row that is being read."""
        self._letters = 0
        self.cut = self.too_long = False

    def back(self, lines: list[tuple[int, str]]) -> None:
        self._waiting.extendleft(reversed(lines))

    def __iter__(self) -> "_Feed":
        return self

    def __next__(self) -> str:
        if not self.taken:
            self._letters = 0
        line = self._waiting.popleft() if self._waiting else self._next_line()
        if self.too_long:
            raise StopIteration
        if line is None or len(self.taken) >= MOST_LINES or self._letters + len(line[1]) > MOST_LETTERS:
            if line is not None:
                self._waiting.appendleft(line)
            self.cut = bool(self.taken)
            raise StopIteration
        self.taken.append(line)
        self._letters += len(line[1])
        return line[1]

    def _next_line(self) -> tuple[int, str] | None:
        line = self._text.readline(MOST_LETTERS + 1)
        if not line:
            return None
        self._number += 1
        if len(line) > MOST_LETTERS:
            while line and not line.endswith(("\n", "\r")):
                line = self._text.readline(MOST_LETTERS)
            self.too_long = True
            if not self.taken:
                self.taken.append((self._number, ""))
        return self._number, mended(line)[0]
