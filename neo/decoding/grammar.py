"""What may be written next, as a frozen value: text, plan or item span. `advance` returns a new state.

Reply:  plan, then text in which item spans may be opened, then the end.
Plan:   act, ([type] count)*, language*, [new | familiar], [ids], (ref position)*, ([not] field value)*, close.
        Every part at most a few times, in this order, so that a plan always ends and always parses. Values of topic,
        tone, format and length come from vocabularies; those of like, title and by are runs of tokens that a visitor
        said.
Slate:  how many items of which type are still owed. While any is owed a reply cannot end, and only spans of owed types
        open; a reply that owes nothing opens no more. Inside a span the trie rules (`neo.decoding.beams`).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from neo.errors import NothingAllowed
from neo.plan import ANY, CONTROLLED
from neo.sids.vocabulary import ACTS, FAMILIARITIES, FIELDS, MOST, Vocabulary

MOST_TYPES, MOST_LANGUAGES, MOST_REFS, MOST_TERMS, MOST_VALUE_TOKENS = 3, 3, 3, 6, 24


class WordTrie:
    """Token sequences of a controlled vocabulary: what may follow a prefix, and whether a prefix is a whole name."""

    def __init__(self, names: Iterable[list[int]]):
        self._next: dict[tuple[int, ...], set[int]] = {}
        self._whole = {tuple(name) for name in names}
        for name in self._whole:
            for at in range(len(name)):
                self._next.setdefault(name[:at], set()).add(name[at])

    def following(self, prefix: tuple[int, ...]) -> frozenset[int]:
        return frozenset(self._next.get(prefix, ()))

    def is_whole(self, prefix: tuple[int, ...]) -> bool:
        return prefix in self._whole


@dataclass(frozen=True)
class PlanRules:
    """What a plan may name, and what it leans to. `said`: token ids of the visitor's messages, latest last."""

    vocabulary: Vocabulary
    values: dict[str, WordTrie]
    said: tuple[tuple[int, ...], ...]
    leanings: Mapping[str, float] = field(default_factory=dict)
    """Word of the plan -> what is added to its score (`neo.hints.leanings`)."""

    def copies_of(self, prefix: tuple[int, ...]) -> set[int]:
        """Tokens that continue `prefix` somewhere in what was said."""
        following, size = set(), len(prefix)
        for message in self.said:
            for at in range(len(message) - size):
                if message[at : at + size] == prefix:
                    following.add(message[at + size])
        return following

    @cached_property
    def leanings_by_id(self) -> Mapping[int, float]:
        return {self.vocabulary.id(word): score for word, score in self.leanings.items()}

    @cached_property
    def _groups(self) -> dict[str, tuple[int, ...]]:
        name = self.vocabulary.id
        return {
            "act": tuple(name(act) for act in ACTS),
            "type": tuple(self.vocabulary.opener(shape.name) for shape in self.vocabulary.types),
            "count": tuple(name(f"x{count}") for count in range(1, MOST + 1)),
            "language": tuple(name(f"lang:{code}") for code in self.vocabulary.languages),
            "familiarity": (name("new"), name("familiar")),
            "field": tuple(name(field) for field in FIELDS if field not in CONTROLLED or field in self.values),
        }

    def group(self, name: str) -> tuple[int, ...]:
        return self._groups[name]


# Parts of a plan in order; a state stands in one and may go on to any later one.
_ORDER = ("act", "types", "languages", "familiarity", "ids", "refs", "terms")


@dataclass(frozen=True)
class PlanState:
    """Inside a plan. `part` is an index of _ORDER, `used` how often that part occurred so far."""

    rules: PlanRules
    part: int = 0
    used: int = 0
    pending: str | None = None
    """"count", "position", "negated" or "value": what must come before anything else may."""
    field: str | None = None
    value: tuple[int, ...] = ()
    closed: bool = False

    def gain(self, id_: int) -> float:
        """What is added to the score of a token that may come next. That of a count only behind a type: elsewhere it
        stands in place of a type, or for a position."""
        if id_ in self.rules.group("count") and self.pending != "count":
            return 0.0
        return self.rules.leanings_by_id.get(id_, 0.0)

    def allowed(self) -> frozenset[int]:
        """Ids that may come next. Raises NothingAllowed in a closed plan."""
        if self.closed:
            raise NothingAllowed("the plan is closed: expected no more of its tokens")
        group, name = self.rules.group, self.rules.vocabulary.id
        if self.part == 0:
            return frozenset(group("act"))
        if self.pending in ("count", "position"):
            return frozenset(group("count"))
        if self.pending == "negated":
            return frozenset(self._fields(negated=True))
        out = set()
        if self.pending == "value":
            whole = self._value_is_whole()
            if len(self.value) < MOST_VALUE_TOKENS:
                out |= self._continuations()
            if not whole:
                return frozenset(out)
        out.add(name("/plan"))
        limits = {
            "types": MOST_TYPES,
            "languages": MOST_LANGUAGES,
            "familiarity": 1,
            "ids": 1,
            "refs": MOST_REFS,
            "terms": MOST_TERMS,
        }
        for index in range(self.part, len(_ORDER)):
            part = _ORDER[index]
            if index == self.part and self.used >= limits.get(part, 0):
                continue
            if part == "types":
                out |= {*group("type"), *group("count")}
            elif part in ("languages", "familiarity"):
                out |= set(group({"languages": "language"}.get(part, part)))
            elif part == "ids":
                out.add(name("ids"))
            elif part == "refs":
                out.add(name("ref"))
            elif part == "terms":
                out |= {name("not"), *self._fields()}
        return frozenset(out)

    def _fields(self, negated: bool = False) -> list[int]:
        """Fields that can be given a value: those to be copied need something that was said; a length is no refusal."""
        said = any(self.rules.said)
        named = [(self.rules.vocabulary.name(id_), id_) for id_ in self.rules.group("field")]
        fields = [(field, id_) for field, id_ in named if said or field in CONTROLLED]
        return [id_ for field, id_ in fields if not (negated and field == "length")]

    def _continuations(self) -> set[int]:
        if self.field in CONTROLLED:
            return set(self.rules.values[self.field].following(self.value))
        return self.rules.copies_of(self.value)

    def _value_is_whole(self) -> bool:
        return self.rules.values[self.field].is_whole(self.value) if self.field in CONTROLLED else bool(self.value)

    def advance(self, id_: int) -> "PlanState":
        """The state after `id_`. Raises NothingAllowed when it may not stand here."""
        if id_ not in self.allowed():
            raise NothingAllowed(
                f"token {id_} cannot stand here in a plan: expected one of {sorted(self.allowed())[:8]}"
            )
        name = self.rules.vocabulary.name(id_)
        if name is None:
            return replace(self, value=(*self.value, id_))
        if self.part == 0:
            return replace(self, part=1)
        if name == "/plan":
            return replace(self, pending=None, closed=True)
        if self.pending in ("count", "position"):
            return replace(self, pending=None)
        if name == "not":
            return self._enter("terms", pending="negated")
        if name in FIELDS:
            after = self if self.pending == "negated" else self._enter("terms")
            return replace(after, pending="value", field=name, value=())
        if name == "ref":
            return self._enter("refs", pending="position")
        if self.rules.vocabulary.opened_type(id_) is not None:
            return self._enter("types", pending="count")
        if name.startswith("lang:"):
            return self._enter("languages")
        if name in FAMILIARITIES:
            return self._enter("familiarity")
        return self._enter("ids" if name == "ids" else "types")

    def _enter(self, part: str, pending: str | None = None) -> "PlanState":
        index = _ORDER.index(part)
        used = self.used + 1 if index == self.part else 1
        return replace(self, part=index, used=used, pending=pending, field=None, value=())


@dataclass(frozen=True)
class ReplyState:
    """After the plan: text and item spans. `owed` is (type or ANY, count) still to come; `free` lifts that rule."""

    vocabulary: Vocabulary
    end: int
    owed: tuple[tuple[str, int], ...] = ()
    available: tuple[tuple[str, int], ...] = ()
    """(type, how many items its filter leaves)."""
    free: bool = False

    def openable(self) -> tuple[str, ...]:
        """Item types whose span may be opened now."""
        left = {type_: count for type_, count in self.available if count > 0}
        if self.free:
            return tuple(left)
        wanted = {type_ for type_, count in self.owed if count > 0}
        return tuple(type_ for type_ in left if ANY in wanted or type_ in wanted)

    def any_type_will_do(self) -> bool:
        """Whether the next item may be of whatever type."""
        return any(type_ == ANY and count > 0 for type_, count in self.owed)

    def may_end(self) -> bool:
        return self.free or not self.openable()

    def ends_with_the_line(self) -> bool:
        """Whether what is still to come is the line about the last item, or words alone; a free reply ends when the
        model ends it."""
        return not self.free and self.may_end()

    def allowed_controls(self) -> frozenset[int]:
        """New tokens that may stand in text: openers of openable types alone. Words are always allowed."""
        return frozenset(self.vocabulary.opener(type_) for type_ in self.openable())

    def item(self, type_: str) -> "ReplyState":
        """The state after an item of this type: one less is owed and left."""
        available = tuple((t, n - (t == type_)) for t, n in self.available)
        if self.free:
            return replace(self, available=available)
        debtor = next((t for t in (type_, ANY) for owed, n in self.owed if owed == t and n > 0), None)
        if debtor is None:
            raise NothingAllowed(f"no item of type {type_!r} is owed: expected one of {self.openable()}")
        owed, paid = [], False
        for t, n in self.owed:
            owed.append((t, n - 1) if t == debtor and n > 0 and not paid else (t, n))
            paid = paid or (t == debtor and n > 0)
        return replace(self, owed=tuple(owed), available=available)


def control_mask(vocabulary: Vocabulary, allowed: Iterable[int]) -> np.ndarray:
    """Booleans [controls]: which of the control tokens are allowed."""
    mask = np.zeros(len(vocabulary.controls), dtype=bool)
    mask[[id_ - vocabulary.base_size for id_ in allowed]] = True
    return mask
