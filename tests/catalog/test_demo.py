import json
import shutil
from collections import Counter
from itertools import pairwise

import pytest
from sqlalchemy import select

from catalog import demo as demo_data
from catalog.check import check
from catalog.demo import load_demo
from catalog.errors import DemoDataInvalid
from catalog.queries import all_items, items_by_key
from catalog.store import store_items, with_keys
from catalog.tables import Facet, Item, Listen, Listener, Maker

LINE = {
    "title": "Serial", "makers": ["Sarah Koenig", "Serial Productions"], "language": "en", "topics": ["law", "prison"],
    "tones": ["gripping"], "format": "narrative", "fame": 5,
    "description": "A reporter takes one case apart, week after week, and asks whether the right man is in prison.",
}  # fmt: skip


@pytest.fixture
def folder(tmp_path):
    """A demo of one show, one file and one patient listener."""
    for name in ("vocabulary.yaml", "types.yaml"):
        shutil.copy(demo_data.FOLDER / name, tmp_path)
    (tmp_path / "show.en.jsonl").write_text(json.dumps(LINE) + "\n")
    listens = "\n".join(["  - show: Serial"] * 12)
    (tmp_path / "listeners.yaml").write_text(f"- name: Zoe\n  about: Hm.\n  interests: [law]\n  listens:\n{listens}\n")
    return tmp_path


def test_the_demo_data_passes_its_check():
    assert check([*demo_data.item_files(), demo_data.FOLDER / "listeners.yaml"]) == []


def test_the_demo_is_worth_showing(demo):
    items = demo.scalars(all_items()).unique().all()
    counts = Counter(item.type for item in items)
    assert counts["show"] >= 700 and counts["audiobook"] >= 700 and counts["episode"] >= 150
    assert all(item.part_of.type == "show" for item in items if item.type == "episode")
    for type_ in ("show", "audiobook"):
        spoken = Counter(item.language for item in items if item.type == type_)
        assert all(spoken[code] >= 60 for code in ("es", "fr", "de", "pt", "it"))
    listeners = demo.scalars(select(Listener)).all()
    assert len(listeners) == 8 and all(listener.simulated and listener.about for listener in listeners)
    for listener in listeners:
        assert len(listener.listens) >= 12
        assert {listen.item.type for listen in listener.listens} == {"show", "audiobook"}
        assert all(earlier.at < later.at for earlier, later in pairwise(listener.listens))


def test_loading_twice_changes_nothing(session, folder):
    def state() -> list:
        return [session.execute(select(*table.__table__.columns)).all() for table in (Item, Maker, Facet, Listen)]

    assert load_demo(session, folder=folder)
    before = state()
    assert not load_demo(session, folder=folder)
    assert state() == before


def test_changed_data_updates_the_item_under_its_old_id(session, folder):
    seen = []
    load_demo(session, lambda done, total: seen.append((done, total)), folder=folder)
    session.commit()
    old = session.scalars(items_by_key(["show:serial"])).unique().one().id
    changed = LINE | {"fame": 1, "topics": ["prison", "law", "sea"], "makers": ["Serial Productions", "Sarah Koenig"]}
    (folder / "show.en.jsonl").write_text(json.dumps(LINE | {"title": "Earlier"}) + "\n" + json.dumps(changed) + "\n")
    assert load_demo(session, folder=folder)
    session.commit()
    item = session.scalars(items_by_key(["show:serial"])).unique().one()
    assert (item.id, item.fame, item.topics) == (old, 1, ("prison", "law", "sea"))
    assert [maker.name for maker in item.makers] == ["Serial Productions", "Sarah Koenig"]
    assert len(session.scalars(select(Listen)).all()) == 12
    assert seen == [(1, 1)]


def test_all_faults_are_reported_together_and_nothing_is_loaded(session, folder):
    lines = [json.dumps(LINE | {"topics": ["true crimes"], "fame": 9}), "{broken", json.dumps(LINE)]
    (folder / "show.en.jsonl").write_text("\n".join(lines))
    (folder / "podcast.en.jsonl").write_text(json.dumps(LINE))
    text = (folder / "listeners.yaml").read_text().replace("show: Serial", "show: Seriall", 1)
    (folder / "listeners.yaml").write_text(text)
    with pytest.raises(DemoDataInvalid) as raised:
        load_demo(session, folder=folder)
    problems = [(problem.where, problem.field) for problem in raised.value.problems]
    assert problems == [
        ("show.en.jsonl:1", "topics"),
        ("show.en.jsonl:1", "fame"),
        ("show.en.jsonl:2", "line"),
        ("podcast.en.jsonl:1", "type"),
        ("listeners.yaml: listener 1", "listens"),
    ]
    for words in ("did you mean 'true crime'", "add a row to types.yaml", "did you mean 'Serial'"):
        assert words in str(raised.value)
    assert session.scalars(select(Item)).all() == []


def test_a_new_type_is_a_row(session, folder):
    with (folder / "types.yaml").open("a") as types:
        types.write("- {name: lecture, label: Lecture, plural: Lectures}\n")
    (folder / "lecture.en.jsonl").write_text(json.dumps(LINE))
    load_demo(session, folder=folder)
    assert session.scalars(items_by_key(["lecture:serial"])).unique().one().type == "lecture"


def test_namesakes_get_keys_of_their_own(session, make_row):
    rows = with_keys([make_row("show", "Empire", ["Goalhanger"]), make_row("show", "Empire!", ["Wondery"])])
    store_items(session, rows)
    assert [row.key for row in rows] == ["show:empire", "show:empire-wondery"]


def test_facets_keep_their_order(session, make_row):
    row = make_row("show", "Order", ["B", "A"], topics=("sea", "art"), tones=("warm", "calm"))
    store_items(session, with_keys([row]))
    session.commit()
    item = session.scalars(items_by_key(["show:order"])).unique().one()
    assert (item.topics, item.tones, item.format) == (("sea", "art"), ("warm", "calm"), "novel")
    assert [maker.name for maker in item.makers] == ["B", "A"]
