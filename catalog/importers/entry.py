"""What an importer is, and what it hands over: entries, each a handful of raw fields and the place they stand at.

An importer only knows its format: it names the fields. What they must look like is `clean`'s business, which items they
mean is `identity`'s, and writing them is `run`'s.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import ClassVar, Protocol

from catalog.importers.source import Source

ITEM_FIELDS = (
    "key", "id", "url", "type", "title", "makers", "language", "year", "minutes", "seconds", "duration", "description",
    "genres", "topics", "tones", "format", "fame", "popularity", "explicit", "part_of",
)  # fmt: skip
LISTEN_FIELDS = ("listener", "item", "at", "weight", "rating", "refs")
FIELDS = ITEM_FIELDS + LISTEN_FIELDS


class Says(Enum):
    """What an entry is to the catalog."""

    ITEM = "describes an item: it is added, or brought up to date"
    MENTION = "names an item: it is added only if nobody knows it"
    LISTEN = "names an item that must be known"


@dataclass(frozen=True, slots=True)
class Entry:
    """Raw fields (names of `FIELDS`) at a line or at the n-th place of a file."""

    place: int
    fields: Mapping[str, object]
    says: Says = Says.ITEM
    refs: tuple[tuple[str, str], ...] = ()
    """(scheme, value) of every name that others call the item by."""


@dataclass(frozen=True, slots=True)
class Refused:
    """A row that the importer itself cannot read."""

    place: int
    value: object
    reason: str


@dataclass(frozen=True)
class Options:
    """What the person at the keyboard said about a file."""

    listener: str | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    """Column of the file -> field, for tables; empty field: leave the column out."""
    item_type: str | None = None
    """Type of items whose file does not say."""


@dataclass(frozen=True)
class Reading:
    """A file that is being read: the entries, and what was understood of its shape."""

    entries: Iterator[Entry | Refused]
    understood: Mapping[str, str] = field(default_factory=dict)
    """Column -> field; shown, so that it can be corrected."""
    ignored: tuple[str, ...] = ()
    """Columns that are no field; shown likewise."""


def says(fields: Iterable[str], options: Options) -> Says:
    """What the rows of a table of these fields are: listens, if it is somebody's."""
    return Says.LISTEN if options.listener or not {"listener", "item"}.isdisjoint(fields) else Says.ITEM


class Importer(Protocol):
    """One format. Stateless; `catalog.importers.IMPORTERS` has one of each."""

    name: ClassVar[str]
    """What --as calls it."""
    about: ClassVar[str]
    place: ClassVar[str]
    """What an entry's place counts: "line" or "entry"."""
    fame_steps: ClassVar[tuple[float, float, float, float]]
    """Popularity in this source's own count from which fame is 2, 3, 4, 5."""

    def recognises(self, source: Source) -> bool:
        """Whether the file, by its first letters, is of this format."""

    def read(self, source: Source, options: Options) -> Reading:
        """The entries, read as they are asked for. Raises FileUnusable when the file as a whole makes no sense."""
