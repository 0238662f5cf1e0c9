"""What a visitor wants an item to be: the value that a plan is compiled into and a query is made of.

Ids and controlled names only; `catalog.lookup` turns titles and makers that somebody said into ids first.
"""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class Wish:
    """Within one field any value will do, between fields all must hold; what is unwanted must be absent altogether."""

    types: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    topics: tuple[str, ...] = ()
    tones: tuple[str, ...] = ()
    formats: tuple[str, ...] = ()
    makers: tuple[int, ...] = ()
    """Maker ids."""
    most_minutes: int | None = None
    """The longest that an item may be. An unknown length is no short one."""

    added_since: datetime | None = None
    """UTC. What came into the catalog at an unknown time is not new."""
    where: str | None = None
    """A condition on the columns of the items, in SQL: whoever runs the program may set one, visitors may not."""

    without_explicit: bool = False
    """Nothing that is marked as explicit."""
    without_topics: tuple[str, ...] = ()
    without_tones: tuple[str, ...] = ()
    without_formats: tuple[str, ...] = ()
    without_makers: tuple[int, ...] = ()
    without_items: tuple[int, ...] = ()
    """Item ids, such as those already shown."""

    only_items: tuple[int, ...] | None = None
    """Item ids to choose among; None leaves the whole catalog, an empty tuple leaves nothing."""
