"""Items and listeners as rows of a file, under the names that the importers read: what is exported can be imported.

Streams; a file appears whole or not at all.
"""

import csv
import json
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from sqlalchemy.orm import Session

from catalog import queries
from catalog.errors import FileUnusable
from catalog.store import UNKNOWN_LANGUAGE
from catalog.tables import Item, Listener

CHUNK = 500


def item_rows(session: Session) -> Iterator[dict[str, object]]:
    """Every item, wholes before their parts."""
    for parts in (False, True):
        last = 0
        while page := session.scalars(queries.items_after(last, CHUNK, parts)).unique().all():
            yield from map(item_row, page)
            last = page[-1].id
            session.expunge_all()


def item_row(item: Item) -> dict[str, object]:
    urls = [ref.value for ref in item.refs if ref.scheme == "url"]
    return {
        "key": item.key,
        "type": item.type,
        "title": item.title,
        "makers": [maker.name for maker in item.makers],
        "language": None if item.language == UNKNOWN_LANGUAGE else item.language,
        "year": item.year,
        "minutes": item.minutes,
        "topics": list(item.topics),
        "tones": list(item.tones),
        "format": item.format,
        "fame": item.fame,
        "explicit": item.explicit,
        "part_of": item.part_of.key if item.part_of else None,
        "description": item.description,
        "url": f"https://{urls[0]}" if urls else None,
        "refs": [[ref.scheme, ref.value] for ref in item.refs if ref.scheme != "title"],
    }


def listen_rows(session: Session, listener: Listener) -> Iterator[dict[str, object]]:
    """A listener's listens, oldest first."""
    for listen in session.scalars(queries.listens_of(listener.id)):
        yield {
            "listener": listener.name,
            "about": listener.about,
            "item": listen.item.key,
            "title": listen.item.title,
            "at": listen.at.isoformat(),
            "weight": listen.weight,
        }


def write_rows(path: Path, rows: Iterable[dict[str, object]]) -> int:
    """Rows into a .csv, .tsv or .jsonl file; how many. Raises FileUnusable for another ending."""
    suffix = path.suffix.lower()
    if suffix not in WRITERS:
        raise FileUnusable(path.name, f"no export ends in {suffix!r}", f"end the name in {', '.join(WRITERS)}")
    with _whole(path) as file:
        return write_to(file, rows, suffix)


def write_to(file: TextIO, rows: Iterable[dict[str, object]], suffix: str = ".jsonl") -> int:
    """The same into an open file."""
    count = 0
    for row in rows:
        WRITERS[suffix](file, row, count == 0)
        count += 1
    return count


def _write_lines(file: TextIO, row: dict[str, object], first: bool) -> None:
    said = {name: value for name, value in row.items() if value not in (None, [], "")}
    file.write(json.dumps(said, ensure_ascii=False) + "\n")


def _write_table(delimiter: str) -> Callable[[TextIO, dict[str, object], bool], None]:
    def write(file: TextIO, row: dict[str, object], first: bool) -> None:
        cells = {
            name: "; ".join(value) if isinstance(value, list) else value
            for name, value in row.items()
            if name != "refs"
        }  # pairs, for which a table has no place
        writer = csv.DictWriter(file, list(cells), delimiter=delimiter)
        if first:
            writer.writeheader()
        writer.writerow(cells)

    return write


WRITERS = {".csv": _write_table(","), ".tsv": _write_table("\t"), ".jsonl": _write_lines}


@contextmanager
def _whole(path: Path) -> Iterator[TextIO]:
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with unfinished.open("w", encoding="utf-8", newline="") as file:
            yield file
        unfinished.replace(path)
    except OSError as error:
        raise FileUnusable(path.name, error, "export to a folder you may write to") from error
    finally:
        unfinished.unlink(missing_ok=True)
