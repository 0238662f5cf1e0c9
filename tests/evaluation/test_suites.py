"""Every suite runs to its end on a tiny random model and reports shares of what it says it measures."""

import json

import pytest
from sqlalchemy.orm import Session

from catalog.database import open_database
from catalog.records import ItemRecord, Row
from catalog.store import KeyedRow, store_items
from catalog.tables import ItemType
from catalog.vocabulary import load_vocabulary
from neo.chat.assistant import Assistant
from neo.evaluation import keeping, recommending, searching
from neo.evaluation.bench import Bench
from neo.evaluation.suites import SUITES
from neo.model.load import Loaded, make_engine
from neo.model.probe import Probe
from neo.settings import Settings
from neo.sids import store
from tests import tiny
from tests.training.test_train import FakeEncoder

TOPICS = ("history", "sea", "music", "love", "space", "food")


def record(n: int) -> Row:
    values = {
        "title": f"Title {n} Of Things",
        "makers": [f"Maker {n}"],
        "language": ("en", "es", "fr", "de", "pt", "it")[n % 6],
        "year": 2000 + n,
        "minutes": 15 * (1 + n % 8),
        "topics": [TOPICS[n % 6], TOPICS[(n + 1) % 6], TOPICS[(n + 2) % 6]],
        "tones": ["calm", "funny"][n % 2 :][:1],
        "format": ("interview", "novel")[n % 2],
        "fame": 1 + n % 5,
        "description": f"It tells the story number {n} at a length that no listener has ever quite got used to.",
    }
    found = ItemRecord.model_validate(values, context={"vocabulary": load_vocabulary()})
    return Row(("show", "audiobook")[n % 2], found, str(n))


def small_assistant(folder, items: int) -> Assistant:
    """An untrained tiny model on a catalog of `items` records."""
    database, encoder = open_database(f"sqlite:///{folder}/tiny.db"), FakeEncoder()
    with Session(database) as session:
        session.add_all(ItemType(name=name, label=name, plural=f"{name}s") for name in ("show", "audiobook"))
        session.flush()
        store_items(session, [KeyedRow(f"item:{n}", record(n)) for n in range(items)])
        book = store.build(session, encoder, shape=(2, 8))
        store.write(session, book, encoder)
        session.commit()
    model, format_ = tiny.model(book)
    probe = Probe(encoder.width, ())
    return Assistant(Loaded(make_engine(model, format_), format_, encoder, book, probe), database)


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    return Bench.of(small_assistant(tmp_path_factory.mktemp("suites"), 36), Settings())


@pytest.mark.parametrize("name", SUITES)
def test_a_suite_runs_and_reports_shares(name, bench, monkeypatch, tmp_path):
    clues = tmp_path / "clues.jsonl"
    lines = [{"item": f"{item.type}: {item.title}", "clue": item.description} for item in bench.shelf.items[:3]]
    clues.write_text("\n".join(map(json.dumps, lines)))
    monkeypatch.setattr(searching, "CLUES", clues)
    monkeypatch.setattr(keeping, "load_base", lambda *_: (bench.assistant.engine.runner.model.base, None))
    monkeypatch.setattr(recommending, "TRAINING_LISTENERS", 40)
    calls = []
    result = SUITES[name](bench, 6, lambda: calls.append(1))
    assert calls, "progress is told"
    for path, value in shares(result):
        assert 0 <= value["mean"] <= 1 and value["interval"][0] <= value["mean"] <= value["interval"][1], path
    if name == "keep":
        assert result["ratio"] == pytest.approx(1.0, abs=0.01), "an untrained model is its base"
    elif name == "valid":
        assert result["SIDs in the catalog"]["mean"] == 1.0
    elif name not in ("speed", "exclude", "dialogue", "language"):  # a random model may offer nothing to be judged
        assert list(shares(result))


def shares(result: dict, path: str = ""):
    if "interval" in result:
        yield path, result
        return
    for key, value in result.items():
        if isinstance(value, dict):
            yield from shares(value, f"{path} {key}")
