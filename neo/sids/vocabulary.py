"""The new tokens: which id means what, above the base model's own vocabulary.

These ids exist only as numbers. No tokenizer knows a text form of them, so nothing that a person types and nothing
that a title contains can become one. Order: control tokens, languages, a span opener and closer per item type, codes.
"""

from dataclasses import dataclass
from functools import cached_property

from neo.sids.sid import Sid

ACTS = ("recommend", "search", "why", "describe", "compare", "profile", "talk")
FIELDS = ("like", "title", "by", "topic", "tone", "format", "length")
MOST = 10  # the largest count, and the highest position a reference can name
_SPANS = ("plan", "/plan", "facts", "/facts", "hint", "/hint", "listener", "message")
_SOFT = ("listener-vector", "message-vector")
FAMILIARITIES = ("new", "familiar")  # not heard by the visitor yet, or heard
_MARKS = ("not", "ref", *FAMILIARITIES, "ids")


@dataclass(frozen=True)
class TypeShape:
    """An item type and the shape of its SIDs."""

    name: str
    levels: int
    codes: int


@dataclass(frozen=True)
class Vocabulary:
    """Ids from `base_size` on. Equal arguments give equal ids, so the arguments are what is saved."""

    base_size: int
    types: tuple[TypeShape, ...]
    languages: tuple[str, ...]

    @cached_property
    def controls(self) -> tuple[str, ...]:
        """Names of all new tokens that are not codes, in id order."""
        counts = tuple(f"x{count}" for count in range(1, MOST + 1))
        spans = tuple(name for shape in self.types for name in (f"type:{shape.name}", f"/type:{shape.name}"))
        languages = tuple(f"lang:{code}" for code in self.languages)
        return _SPANS + _SOFT + ACTS + FIELDS + _MARKS + counts + languages + spans

    @cached_property
    def _ids(self) -> dict[str, int]:
        return {name: self.base_size + index for index, name in enumerate(self.controls)}

    @cached_property
    def _names(self) -> dict[int, str]:
        return {id_: name for name, id_ in self._ids.items()}

    @cached_property
    def _first_code(self) -> dict[str, int]:
        first, table = self.base_size + len(self.controls), {}
        for shape in self.types:
            table[shape.name] = first
            first += shape.levels * shape.codes
        return table

    @cached_property
    def size(self) -> int:
        """One past the highest id."""
        return self.base_size + len(self.controls) + sum(shape.levels * shape.codes for shape in self.types)

    @property
    def control_ids(self) -> range:
        return range(self.base_size, self.base_size + len(self.controls))

    def shape(self, type_: str) -> TypeShape:
        """Raises KeyError for a type without SIDs."""
        return self._shapes[type_]

    @cached_property
    def _shapes(self) -> dict[str, TypeShape]:
        return {shape.name: shape for shape in self.types}

    def id(self, name: str) -> int:
        """The id of a control token. Raises KeyError."""
        return self._ids[name]

    def name(self, id_: int) -> str | None:
        """The name of a control token, or None for a word or a code."""
        return self._names.get(id_)

    def opener(self, type_: str) -> int:
        return self._ids[f"type:{type_}"]

    def closer(self, type_: str) -> int:
        return self._ids[f"/type:{type_}"]

    def opened_type(self, id_: int) -> str | None:
        """The item type whose span `id_` opens, or None."""
        name = self._names.get(id_, "")
        return name.removeprefix("type:") if name.startswith("type:") else None

    def level_ids(self, type_: str, level: int) -> range:
        """The ids of one level's codes."""
        shape = self._shapes[type_]
        first = self._first_code[type_] + level * shape.codes
        return range(first, first + shape.codes)

    def codes(self, sid: Sid) -> list[int]:
        return [self.level_ids(sid.type, level)[code] for level, code in enumerate(sid.codes)]

    def span(self, sid: Sid) -> list[int]:
        """Opener, codes, closer."""
        return [self.opener(sid.type), *self.codes(sid), self.closer(sid.type)]

    def code(self, id_: int) -> tuple[str, int, int] | None:
        """(type, level, code) of a code's id, or None."""
        for shape in self.types:
            offset = id_ - self._first_code[shape.name]
            if 0 <= offset < shape.levels * shape.codes:
                return shape.name, offset // shape.codes, offset % shape.codes
        return None

    def describe(self, id_: int) -> str:
        """A readable form of a new token, for logs and the page's token view."""
        if (name := self._names.get(id_)) is not None:
            return f"<|{name}|>"
        type_, level, code = self.code(id_)
        return f"<{type_}.{level}.{code}>"
