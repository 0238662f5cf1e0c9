"""Looks for what validation of single rows cannot see, in data files or in a loaded database.

Near-duplicates, descriptions that are not in English, listeners whose titles no item has; and, since files come
unvalidated, missing fields and unknown facets. An imported item may lack what its source lacked. Mends nothing.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import combinations
from pathlib import Path

from langdetect import DetectorFactory, detect
from pydantic import ValidationError
from rapidfuzz import fuzz
from sqlalchemy.orm import Session, selectinload

from catalog.demo.listeners import read_listeners
from catalog.names import plain, same_words
from catalog.queries import all_items
from catalog.records import ImportedRecord, ItemRecord, Problem, Row, problems_of, read_rows
from catalog.store import with_keys
from catalog.tables import Item
from catalog.vocabulary import Vocabulary, load_vocabulary

NEAR_DUPLICATE = 90
"""Likeness of two plain titles, 0..100, from which one maker's items are suspected to be one."""

DetectorFactory.seed = 0  # langdetect draws at random; without a seed the verdict on a text changes between runs


def check(source: Session | Sequence[Path], vocabulary: Vocabulary | None = None) -> list[Problem]:
    """The problems of a database's items, or of files: items (*.jsonl) and listeners (*.yaml) that refer to them."""
    vocabulary = vocabulary or load_vocabulary()
    if isinstance(source, Session):
        rows, problems = _rows_of(source, vocabulary)
    else:
        rows, problems = read_rows([path for path in source if path.suffix == ".jsonl"], vocabulary)
        keyed = with_keys(rows)
        for path in source:
            if path.suffix == ".yaml":
                problems += read_listeners(path, keyed)[1]
    return [*problems, *near_duplicates(rows), *not_english(rows), *dead_references(rows)]


def near_duplicates(rows: Sequence[Row]) -> Iterator[Problem]:
    """Pairs of one type and a common maker whose titles differ by no more than a typo."""
    by_maker = defaultdict(list)
    for row in rows:
        for maker in row.record.makers:
            by_maker[row.type, plain(maker)].append(row)
    reported = set()
    for of_maker in by_maker.values():
        for first, second in combinations(of_maker, 2):
            titles = plain(first.record.title), plain(second.record.title)
            alike = fuzz.ratio(*titles) >= NEAR_DUPLICATE and same_words(*(title.split() for title in titles))
            if alike and (first.where, second.where) not in reported:
                reported.add((first.where, second.where))
                remedy = f"near-duplicate of {first.record.title!r} ({first.where}): delete one"
                yield Problem(second.where, "title", second.record.title, remedy)


def not_english(rows: Sequence[Row]) -> Iterator[Problem]:
    """Descriptions that are not in English, the one language in which the model is told about items."""
    for row in rows:
        if isinstance(row.record, ImportedRecord):
            continue  # in whatever language its source has
        language = detect(row.record.description)
        if language != "en":
            yield Problem(row.where, "description", row.record.description, f"reads as {language}: write it in English")


def dead_references(rows: Sequence[Row]) -> Iterator[Problem]:
    """Parts of an item that is not there."""
    keys = {row.key for row in with_keys(rows)}
    for row in rows:
        if row.record.part_of and row.record.part_of not in keys:
            yield Problem(row.where, "part_of", row.record.part_of, "no item has this key: mend it or add the item")


def _rows_of(session: Session, vocabulary: Vocabulary) -> tuple[list[Row], list[Problem]]:
    rows, problems = [], []
    for item in session.scalars(all_items().options(selectinload(Item.refs))).unique():
        form = ImportedRecord if item.refs else ItemRecord
        try:
            record = form.model_validate(_fields_of(item), context={"vocabulary": vocabulary})
        except ValidationError as error:
            problems += problems_of(error, item.key)
        else:
            rows.append(Row(item.type, record, item.key))
    return rows, problems


def _fields_of(item: Item) -> dict[str, object]:
    columns = ("title", "language", "year", "topics", "tones", "format", "fame", "minutes", "description")
    return {name: getattr(item, name) for name in columns} | {
        "makers": tuple(maker.name for maker in item.makers),
        "part_of": item.part_of.key if item.part_of else None,
    }
