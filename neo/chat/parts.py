"""What a reply is made of once ids have become words and items, and what a conversation remembers.

All values are frozen. A conversation lives with its visitor: the assistant takes one and hands back the next.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from catalog.tables import now
from neo.items import CatalogItem
from neo.plan import Plan

RECENT_DAYS = 30
"""How long something that came into the catalog is new."""


@dataclass(frozen=True)
class Controls:
    """What a visitor set beside the chat. Each is a hard filter, whatever the words say."""

    types: tuple[str, ...] = ()
    language: str | None = None
    """Language of the items; None: that of the message, or what the message asks for."""
    listener: str | None = None
    """Name of the listener whose history counts; None for no history."""
    reply_language: str | None = None
    """Language of the replies; None: the one that the message is in."""
    count: int | None = None
    """How many items a reply shall hold; None: as many as the message asks for."""
    minutes: int | None = None
    """The longest that an item may be; one of unknown length is out then."""
    familiarity: str | None = None
    """"new" or "familiar", as in a plan."""
    tones: tuple[str, ...] = ()
    """Every item has one of these."""
    unheard: bool = False
    """No item of the history, even where it is asked for by name."""
    clean: bool = False
    """No item that is marked as explicit."""
    recent: bool = False
    """Only items that came into the catalog within the last RECENT_DAYS."""
    without: tuple[int, ...] = ()
    """Ids of items that the visitor does not want to see again."""
    history: tuple[CatalogItem, ...] | None = None
    """A history of the visitor's own, newest last, in place of a listener's."""
    spoken: str = "en"
    """Language of the replies as long as no message told one: that of the visitor's browser."""

    @property
    def added_since(self) -> datetime | None:
        """When `recent` begins, UTC."""
        return now() - timedelta(days=RECENT_DAYS) if self.recent else None


@dataclass(frozen=True)
class Turn:
    """A message and what was answered."""

    message: str
    language: str
    plan: Plan | None
    items: tuple[CatalogItem, ...] = ()
    words: str = ""


@dataclass(frozen=True)
class Conversation:
    turns: tuple[Turn, ...] = ()

    @property
    def slate(self) -> tuple[CatalogItem, ...]:
        """The items of the latest reply that held any: what "the second one" points at."""
        return next((turn.items for turn in reversed(self.turns) if turn.items), ())

    @property
    def context(self) -> tuple[Turn, ...]:
        """The earlier turn that a prompt carries, as in training: the latest whose reply held items."""
        return next(((turn,) for turn in reversed(self.turns) if turn.items), ())

    @property
    def said_items(self) -> tuple[CatalogItem, ...]:
        return tuple(item for turn in self.turns for item in turn.items)


@dataclass(frozen=True)
class Understood:
    """The plan that the reply follows, first of all parts; `chips` are its pieces in words, for people to read."""

    plan: Plan
    language: str
    chips: tuple[str, ...]


@dataclass(frozen=True)
class Words:
    """More of the reply's text, to be appended."""

    text: str


@dataclass(frozen=True)
class Card:
    """An item, where it stands in the reply. `alternatives` are the other beams, best first."""

    item: CatalogItem
    position: int
    score: float
    alternatives: tuple[tuple[CatalogItem, float], ...] = ()
    address: str | None = None
    """On the web, where the catalog knows one."""


@dataclass(frozen=True)
class Notice:
    """Something that the program says itself, not the model: a wish that nothing fulfils, a title it does not know."""

    text: str


@dataclass(frozen=True)
class Done:
    """The last part. `seconds`: first_text, first_item, total (None where there was none)."""

    conversation: Conversation
    reason: str
    seconds: dict[str, float | None] = field(default_factory=dict)
    language: str = "en"


@dataclass(frozen=True)
class Token:
    """One position of what the model reads. `kind`: word, control, vector, opener, code or closer."""

    text: str
    kind: str
    type: str | None = None
    """Item type of an opener, code or closer."""
    level: int | None = None
    """Of a code, from 0."""


@dataclass(frozen=True)
class Stretch:
    """Tokens in a row with one origin: "prompt", "plan" or "said" by the model, or "spliced" in as facts."""

    origin: str
    tokens: tuple[Token, ...]


@dataclass(frozen=True)
class Trace:
    """How a reply came about, for whoever asked to see it. Comes once, before `Done`."""

    prompt: tuple[Token, ...]
    reply: tuple[Stretch, ...]
    own_plan: tuple[Token, ...]
    """The plan as the model wrote it, before names were looked up and controls applied."""
    children: tuple[tuple[int, ...], ...]
    """For every item of the reply, how many continuations the trie allowed at each level of its SID."""
    left: tuple[tuple[str, int, int], ...]
    """(item type, SIDs that the filter leaves, SIDs in all)."""
    filters: tuple[tuple[str, str], ...]
    """(field of the filter, what it asks for)."""
    milliseconds: tuple[tuple[str, float], ...]
    """(phase, time), in the order of the phases."""


Part = Understood | Words | Card | Notice | Trace | Done
