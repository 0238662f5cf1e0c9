"""The demo's simulated listeners: read from YAML, their titles resolved to items, their listens given times.

The listens of a listener stand in the file oldest first, as `type: title`. A title that no item has is a problem, never
skipped in silence.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from rapidfuzz import fuzz, process
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from catalog.records import Problem, Words, problems_of
from catalog.store import KeyedRow
from catalog.tables import Item, Listen, Listener

FIRST_LISTEN = datetime(2026, 1, 5, 18, 0)
BETWEEN_LISTENS = timedelta(days=3, hours=5)


class ListenerRecord(BaseModel):
    """One entry of listeners.yaml."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Words
    about: Words
    interests: tuple[str, ...] = Field(min_length=1)
    """Shown beside the listener; the listens are what a model sees."""
    listens: tuple[dict[str, str], ...] = Field(min_length=12)
    """One {type: title} each, oldest first."""


@dataclass(frozen=True)
class DemoListener:
    """A listener whose titles were found."""

    name: str
    about: str
    keys: tuple[str, ...]
    """Item keys, oldest listen first."""


def read_listeners(path: Path, items: Sequence[KeyedRow]) -> tuple[list[DemoListener], list[Problem]]:
    """The listeners whose titles all are among `items`, and the problems of the others."""
    keys = {}
    for item in items:
        keys.setdefault((item.row.type, item.row.record.title), item.key)
    listeners, problems = [], []
    for number, entry in enumerate(yaml.safe_load(path.read_text("utf-8")), 1):
        where = f"{path.name}: listener {number}"
        try:
            record = ListenerRecord.model_validate(entry)
        except ValidationError as error:
            problems += problems_of(error, where)
            continue
        wanted = [pair for listen in record.listens for pair in listen.items()]
        dead = [_dead_reference(where, pair, keys) for pair in wanted if pair not in keys]
        problems += dead
        if not dead:
            about = f"{record.about} Interests: {', '.join(record.interests)}."
            listeners.append(DemoListener(record.name, about, tuple(keys[pair] for pair in wanted)))
    return listeners, problems


def _dead_reference(where: str, pair: tuple[str, str], keys: dict[tuple[str, str], str]) -> Problem:
    titles = [title for type_name, title in keys if type_name == pair[0]]
    near = process.extractOne(pair[1], titles, scorer=fuzz.ratio, score_cutoff=70)
    remedy = f"did you mean {near[0]!r}?" if near else f"name an item of type {pair[0]}"
    return Problem(where, "listens", f"{pair[0]}: {pair[1]}", f"no such item; {remedy}")


def store_listeners(session: Session, listeners: Sequence[DemoListener]) -> None:
    """Adds or updates the listeners by name and rewrites their listens; their items must be stored already."""
    wanted = {key for listener in listeners for key in listener.keys}
    ids = dict(session.execute(select(Item.key, Item.id).where(Item.key.in_(wanted))).all())
    known = {row.name: row for row in session.scalars(select(Listener).where(Listener.simulated))}
    for listener in listeners:
        row = known.get(listener.name) or Listener(name=listener.name)
        row.about, row.simulated = listener.about, True
        session.add(row)
        session.flush()
        session.execute(delete(Listen).where(Listen.listener_id == row.id))
        session.add_all(
            Listen(listener_id=row.id, item_id=ids[key], at=FIRST_LISTEN + place * BETWEEN_LISTENS)
            for place, key in enumerate(listener.keys)
        )
    session.flush()
