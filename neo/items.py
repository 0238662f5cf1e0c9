"""An item as the rest of `neo` sees it: a frozen value read from SQL, free of sessions."""

from dataclasses import dataclass
from datetime import datetime

from catalog.tables import Item
from neo.sids.sid import Sid


@dataclass(frozen=True)
class CatalogItem:
    id: int
    key: str
    type: str
    title: str
    makers: tuple[str, ...]
    language: str
    year: int | None
    minutes: int | None
    fame: int
    topics: tuple[str, ...]
    tones: tuple[str, ...]
    format: str
    description: str
    sid: Sid | None
    part_of: str | None = None
    """Title of the item that this one is a part of: an episode's show."""
    explicit: bool | None = None
    added: datetime | None = None

    @classmethod
    def of(cls, row: Item) -> "CatalogItem":
        """Read a row while its session is open."""
        return cls(
            row.id,
            row.key,
            row.type,
            row.title,
            tuple(maker.name for maker in row.makers),
            row.language,
            row.year,
            row.minutes,
            row.fame,
            row.topics,
            row.tones,
            row.format or "",
            row.description,
            Sid.parse(row.sid) if row.sid else None,
            row.part_of.title if row.part_of else None,
            row.explicit,
            row.added,
        )

    def shared_topics(self, other: "CatalogItem") -> tuple[str, ...]:
        """Topics that both have, in this item's order."""
        return tuple(topic for topic in self.topics if topic in other.topics)
