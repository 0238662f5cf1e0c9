"""Items as they stand in a data file, validated before any of them meets the database.

Two forms: `ItemRecord` is what the demo's own files (JSON Lines, named after the item type: `show.en.jsonl`) must hold,
`ImportedRecord` the little that can be asked of anybody else's. Every fault of every line is collected as a `Problem`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, ValidationInfo, field_validator

from catalog.vocabulary import Vocabulary

MOST_TITLE, MOST_DESCRIPTION = 300, 260
"""Letters of an imported item: its facts are spliced into a small model's context, so the limit is the demo's."""

Words = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]


@dataclass(frozen=True)
class Problem:
    """One value that cannot stay as it is."""

    where: str
    """File and line, or an item's key."""
    field: str
    value: object
    remedy: str

    def __str__(self) -> str:
        value = repr(self.value)
        shown = value if len(value) <= 80 else value[:77] + "..."
        return f"{self.where}: {self.field} {shown}: {self.remedy}"


class _Record(BaseModel):
    """What both forms share. Facets are checked against the vocabulary given as validation context."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @field_validator("language", "topics", "tones", "format", check_fields=False)
    @classmethod
    def _known(cls, value: str | tuple[str, ...] | None, info: ValidationInfo) -> str | tuple[str, ...] | None:
        vocabulary: Vocabulary = info.context["vocabulary"]
        kind = info.field_name.removesuffix("s")
        if kind in cls.controlled and value is not None:
            for name in (value,) if isinstance(value, str) else value:
                vocabulary.require(kind, name)
        return value

    @field_validator("makers", "topics", "tones", check_fields=False)
    @classmethod
    def _no_repeats(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(value)) < len(value):
            raise ValueError("names one thing twice: delete the second")
        return value

    @property
    def facets(self) -> tuple[tuple[str, str], ...]:
        """(kind, name) of every facet, topics first, each in the order given."""
        return (
            *(("topic", name) for name in self.topics),
            *(("tone", name) for name in self.tones),
            *((("format", self.format),) if self.format else ()),
        )


class ItemRecord(_Record):
    """One line of a file of the demo."""

    controlled: ClassVar = ("language", "topic", "tone", "format")

    title: Words
    makers: tuple[Words, ...] = Field(min_length=1, max_length=3)
    language: str
    year: int | None = Field(default=None, ge=-3000, le=2100)
    topics: tuple[str, ...] = Field(min_length=1, max_length=6)
    tones: tuple[str, ...] = Field(min_length=1, max_length=3)
    format: str
    fame: int = Field(ge=1, le=5)
    minutes: int | None = Field(default=None, ge=1)
    explicit: bool | None = None
    part_of: Words | None = None
    """Key of the item that this one is a part of, such as an episode's show."""
    description: Annotated[str, StringConstraints(strip_whitespace=True, min_length=60, max_length=260)]


class ImportedRecord(_Record):
    """An item out of somebody's file or feed. It needs a title; what else it lacks is None or empty."""

    controlled: ClassVar = ("topic", "tone", "format")

    title: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=MOST_TITLE)]
    makers: tuple[Words, ...] = Field(default=(), max_length=10)
    language: Annotated[str, StringConstraints(pattern="^[a-z]{2,3}$")] | None = None
    """ISO 639-1 code, 639-3 where there is none."""
    likely_language: str | None = None
    """What its text seems to be in: for items of which no language is said."""
    year: int | None = Field(default=None, ge=-3000, le=2100)
    topics: tuple[str, ...] = Field(default=(), max_length=6)
    tones: tuple[str, ...] = Field(default=(), max_length=3)
    format: str | None = None
    fame: int | None = Field(default=None, ge=1, le=5)
    minutes: int | None = Field(default=None, ge=1)
    explicit: bool | None = None
    part_of: Words | None = None
    description: Annotated[str, StringConstraints(strip_whitespace=True, max_length=MOST_DESCRIPTION)] = ""


@dataclass(frozen=True)
class Row:
    """A valid record, its item type and where it came from."""

    type: str
    record: ItemRecord | ImportedRecord
    where: str


def read_rows(paths: Sequence[Path], vocabulary: Vocabulary) -> tuple[list[Row], list[Problem]]:
    """The valid rows of these files and the problems of the others; an unreadable line is a problem like any other."""
    rows, problems = [], []
    for path in paths:
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
            where = f"{path.name}:{number}"
            try:
                record = ItemRecord.model_validate_json(line, context={"vocabulary": vocabulary})
            except ValidationError as error:
                problems += problems_of(error, where)
            else:
                rows.append(Row(path.name.partition(".")[0], record, where))
    return rows, problems


def problems_of(error: ValidationError, where: str) -> Iterator[Problem]:
    """What pydantic found, in our words."""
    for fault in error.errors(include_url=False):
        field = ".".join(map(str, fault["loc"])) or "line"
        yield Problem(where, field, fault["input"], fault["msg"].removeprefix("Value error, "))
