"""The demo catalog: real shows and audiobooks described in our own words, and eight simulated listeners.

How the data was made: SOURCE.md. `load_demo` writes it into a database; nothing is written unless all of it is valid.
"""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import yaml
from sqlalchemy.orm import Session

from catalog.demo.listeners import read_listeners, store_listeners
from catalog.errors import DemoDataInvalid
from catalog.records import Problem, Row, read_rows
from catalog.store import Progress, store_items, with_keys
from catalog.tables import ItemType, Meta
from catalog.vocabulary import load_vocabulary

FOLDER = Path(__file__).parent
HASH_KEY = "demo hash"


def item_files(folder: Path = FOLDER) -> list[Path]:
    """The demo's files of items, in a stable order."""
    return sorted(folder.glob("*.jsonl"))


def load_demo(session: Session, progress: Progress | None = None, folder: Path = FOLDER) -> bool:
    """Brings the database up to date with the demo's files; False if it already was. The caller commits.

    Items are matched by key and keep their ids, so that histories, SIDs and links survive a change of the data.
    """
    fingerprint = _fingerprint(folder)
    loaded = session.get(Meta, HASH_KEY)
    if loaded and loaded.value == fingerprint:
        return False
    types = {entry["name"]: entry for entry in yaml.safe_load((folder / "types.yaml").read_text("utf-8"))}
    rows, problems = read_rows(item_files(folder), load_vocabulary(folder / "vocabulary.yaml"))
    keyed = with_keys(rows)
    listeners, listener_problems = read_listeners(folder / "listeners.yaml", keyed)
    problems += [*_unknown_types(rows, types), *listener_problems]
    if problems:
        raise DemoDataInvalid(problems)
    for entry in types.values():
        session.merge(ItemType(**entry))
    session.flush()
    store_items(session, keyed, progress)
    store_listeners(session, listeners)
    session.merge(Meta(key=HASH_KEY, value=fingerprint))
    session.flush()
    return True


def demo_is_older(session: Session, folder: Path = FOLDER) -> bool:
    """Whether the database holds the demo as it was before its files changed."""
    loaded = session.get(Meta, HASH_KEY)
    return loaded is not None and loaded.value != _fingerprint(folder)


def _unknown_types(rows: Sequence[Row], types: dict[str, dict]) -> list[Problem]:
    return [
        Problem(row.where, "type", row.type, f"name the file after {' or '.join(types)}, or add a row to types.yaml")
        for row in rows
        if row.type not in types
    ]


def _fingerprint(folder: Path) -> str:
    digest = hashlib.sha256()
    for path in sorted([*folder.glob("*.jsonl"), *folder.glob("*.yaml")]):
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()
