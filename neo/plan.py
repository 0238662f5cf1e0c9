"""The plan: what a reply is going to do, as a value. DESIGN: the model writes it first, the trie enforces it.

How a plan looks as tokens is the business of `neo.format`; how it becomes a filter, of `neo.chat.steering`.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from neo.items import CatalogItem
from neo.sids.vocabulary import ACTS, FIELDS, MOST

CHOOSING = ("recommend", "search")  # acts whose replies hold items
ANY = "any"  # in place of an item type: whichever fits
CONTROLLED = ("topic", "tone", "format", "length")  # fields whose values come from vocabularies; others are copied
SHORTER = "shorter"  # a length: than what was suggested last
_HOURS = " hours"


def length_called(minutes: int) -> str:
    """A length as a plan writes it, which is as it is said: "45", but "3 hours"."""
    return f"{minutes // 60}{_HOURS}" if minutes > 60 and minutes % 60 == 0 else str(minutes)


def minutes_of(length: str) -> int:
    """The inverse."""
    return int(length.removesuffix(_HOURS)) * (60 if length.endswith(_HOURS) else 1)


LENGTHS = tuple(map(length_called, (*range(5, 61, 5), 75, 90, 120, 150, 180, 240, 300, 360, 480, 600, 720, 900)))
"""What an item may take at most."""


@dataclass(frozen=True)
class Term:
    """One thing wanted or unwanted: topic "sea", like "Serial", by "Verne"."""

    field: str
    value: str
    wanted: bool = True


@dataclass(frozen=True)
class Hint:
    """What encoder and catalog recognise in a message (`neo.hints`): pieces of its plan, for the model to use or to
    leave."""

    act: str | None = None
    follows: bool = False
    """The message changes what was asked for before."""
    refuses: bool = False
    """Something that the message speaks of is not wanted."""
    types: tuple[str, ...] = ()
    counts: tuple[int, ...] = ()
    languages: tuple[str, ...] = ()
    familiarity: str | None = None
    ids_only: bool = False
    refs: tuple[int, ...] = ()
    """Positions in the latest slate of what the message names."""
    terms: tuple[Term, ...] = ()
    """Names as they stand, then facets in the order of a plan; all as if they were wanted."""
    perhaps: tuple[Term, ...] = ()
    """Facets that it may speak of, the likeliest first."""
    situation: str | None = field(default=None, compare=False)
    """Which small talk it would be. Not read: it says which facts there are where the plan is to talk."""
    refusal: float = field(default=0.0, compare=False)
    """Log-odds that it refuses something. Not read: it is weighed when the plan says what is wanted and what not."""


@dataclass(frozen=True)
class Plan:
    act: str
    types: tuple[tuple[str, int], ...] = ()
    """(item type or ANY, count), in the order of the reply."""
    languages: tuple[str, ...] = ()
    familiarity: str | None = None
    """One of FAMILIARITIES, or None."""
    ids_only: bool = False
    """The reply is a bare list of spans, without words."""
    refs: tuple[int, ...] = ()
    """Positions in the latest slate, from 1."""
    terms: tuple[Term, ...] = ()

    def __post_init__(self):
        if self.act not in ACTS:
            raise ValueError(f"act {self.act!r}: expected one of {', '.join(ACTS)}")
        for type_, count in self.types:
            if not 1 <= count <= MOST:
                raise ValueError(f"{count} items of type {type_!r}: expected 1 to {MOST}")
        for term in self.terms:
            if term.field not in FIELDS:
                raise ValueError(f"field {term.field!r}: expected one of {', '.join(FIELDS)}")

    @property
    def count(self) -> int:
        """How many items the reply shall hold."""
        return sum(count for _, count in self.types)

    def values(self, field: str, wanted: bool = True) -> tuple[str, ...]:
        return tuple(term.value for term in self.terms if term.field == field and term.wanted == wanted)

    def most_minutes(self, slate: Iterable[CatalogItem] = ()) -> int | None:
        """The most minutes that an item may have, or None. "Shorter" is said of the items of `slate`, the latest one,
        that the plan refers to; else of those of the types that it wants; else of all."""
        said = self.values("length")
        limits = [minutes_of(value) for value in said if value != SHORTER]
        if SHORTER in said:
            shown = tuple(slate)
            meant = [shown[ref - 1] for ref in self.refs if ref <= len(shown)]
            meant = meant or [item for item in shown if item.type in dict(self.types)] or shown
            limits += [item.minutes - 1 for item in meant if item.minutes]
        return min(limits, default=None)

    def without(self, *fields: str) -> "Plan":
        """The same plan with no wanted terms of these fields."""
        return replace(self, terms=tuple(t for t in self.terms if not (t.wanted and t.field in fields)))

    def as_dict(self) -> dict:
        """For JSON: lists and plain names, empty parts left out."""
        wanted: dict[str, list[str]] = {}
        unwanted: dict[str, list[str]] = {}
        for term in self.terms:
            (wanted if term.wanted else unwanted).setdefault(term.field, []).append(term.value)
        parts = {
            "types": {type_: count for type_, count in self.types},
            "languages": list(self.languages),
            "familiarity": self.familiarity,
            "format": "ids" if self.ids_only else "mixed" if self.types else "text",
            "refs": list(self.refs),
            "wanted": wanted,
            "unwanted": unwanted,
        }
        return {"act": self.act, **{key: value for key, value in parts.items() if value}}
