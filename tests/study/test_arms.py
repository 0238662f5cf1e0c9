"""Baselines as arms: rankings worked out by hand, filters, and what a rater's page may hold of an item."""

import numpy as np
import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from catalog.database import open_database
from catalog.demo import load_demo
from catalog.tables import Item, SidRow
from neo.chat.parts import Card, Controls, Conversation, Done, Words
from neo.study.arms import Bm25, Shelf, anonymous, catalog_hash, folder_hash, open_arms, words_of
from neo.study.errors import StudyError
from neo.study.spec import parse_spec
from tests.study.conftest import SERIAL


class LetterEncoder:
    """Counts letters: texts with the same letters are near each other."""

    name = "letters"

    def encode(self, texts):
        counts = np.array([[text.casefold().count(chr(97 + n)) for n in range(26)] for text in texts], dtype=float)
        return counts / np.maximum(np.linalg.norm(counts, axis=1, keepdims=True), 1e-9)


@pytest.fixture(scope="module")
def catalog(tmp_path_factory):
    url = f"sqlite:///{tmp_path_factory.mktemp('arms') / 'catalog.db'}"
    with Session(open_database(url)) as session:
        load_demo(session)
        session.commit()
    return url


@pytest.fixture
def opened(catalog, study_text):
    kinds = {kind: {"kind": kind, "items": 4} for kind in ("popularity", "neighbours", "bm25")}
    kinds["filtered"] = {"kind": "popularity", "filters": {"types": ["audiobook"], "language": "fr"}}
    return open_arms(parse_spec(study_text(arms=kinds)), catalog, LetterEncoder(), report=lambda text: None)


def cards(parts):
    return [part.item for part in parts if isinstance(part, Card)]


def test_bm25_by_hand():
    """Three texts of two words: for "sea", idf = log(1 + 1.5 / 2.5); tf 1 gives 2.2 / 2.2, tf 2 gives 4.4 / 3.2."""
    index = Bm25([["sea", "sea"], ["sea", "law"], ["law", "law"]])
    idf = np.log(1 + (3 - 2 + 0.5) / (2 + 0.5))
    assert index.scores(["sea", "nowhere"]) == pytest.approx([idf * 4.4 / 3.2, idf, 0])


def test_words_are_cut_in_any_script():
    assert words_of("L’Été, 20 Lieues!") == ["l", "été", "20", "lieues"]


@pytest.mark.parametrize("kind", ["popularity", "neighbours", "bm25"])
def test_a_baseline_says_a_sentence_and_shows_its_best_items(opened, kind):
    parts = list(opened[kind].reply(Conversation(), "sea ships", None))
    assert isinstance(parts[0], Words) and isinstance(parts[-1], Done) and len(cards(parts)) == 4
    scores = [part.score for part in parts if isinstance(part, Card)]
    assert scores == sorted(scores, reverse=True)
    assert all(item.language == "en" for item in cards(parts))
    if kind == "bm25":
        assert all({"sea", "ships"} & set(words_of(f"{item.title} {item.description} {' '.join(item.topics)}"))
                   for item in cards(parts))  # fmt: skip


def test_a_conversation_never_shows_an_item_twice(opened):
    conversation, seen = Conversation(), []
    for _ in range(3):
        parts = list(opened["popularity"].reply(conversation, "Something else, please, for the evening", None))
        conversation = parts[-1].conversation
        seen += [item.id for item in cards(parts)]
    assert len(set(seen)) == len(seen) == 12


def test_filters_of_the_arm_hold_whatever_is_said(opened):
    parts = list(opened["filtered"].reply(Conversation(), "Two English podcasts about space, please", None))
    assert {(item.type, item.language) for item in cards(parts)} == {("audiobook", "fr")}


def test_what_a_listener_heard_is_not_suggested(opened, catalog):
    with Session(open_database(catalog)) as session:
        shelf = Shelf(session, LetterEncoder())
    system = opened["popularity"].system
    heard = {item.id for item in system._history("Nadia")}
    shown = {item.id for item in cards(system.reply(Conversation(), "What next?", Controls(listener="Nadia")))}
    assert heard and not heard & shown and len(shelf.items) > len(heard)
    with pytest.raises(StudyError, match="'Nobody'"):
        list(system.reply(Conversation(), "What next?", Controls(listener="Nobody")))


def test_facts_say_what_the_arm_was(opened, catalog):
    with Session(open_database(catalog)) as session:
        assert opened["neighbours"].facts == {
            "kind": "neighbours", "items": 4, "filters": {"types": [], "language": None}, "encoder": "letters",
            "catalog": catalog_hash(session),
        }  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"tasks": [{"id": "sea", "scenario": "s", "listener": "Nobody"}]}, "task 'sea': listener 'Nobody' .*Nadia"),
        ({"arms": {"one": {"types": ["audiobook", "film"]}}}, "arm 'one': filters.types 'film' .*audiobook.*show"),
        ({"arms": {"one": {"language": "xx"}}}, "arm 'one': filters.language 'xx' .*expected one of en"),
    ],
)
def test_what_the_catalog_lacks_is_found_before_any_rater_is(catalog, study_text, changes, message):
    arms = {name: {"kind": "popularity", "filters": given} for name, given in changes.get("arms", {}).items()}
    arms["other"] = {"kind": "popularity", "filters": {"types": ["show"], "language": "fr"}}
    spec = parse_spec(study_text(**{**changes, "arms": arms | {"third": {"kind": "bm25"}}}))
    with pytest.raises(StudyError, match=f"{message}.*create the study under another name"):
        open_arms(spec, catalog, LetterEncoder(), report=lambda text: None)


@pytest.mark.parametrize("change", [{"title": "New"}, {"type": "audiobook"}, {"language": "fr"}, {"sid_row": True}])
def test_a_catalog_hash_sees_whatever_changes_an_arm(catalog, change):
    with Session(open_database(catalog)) as session:
        before = catalog_hash(session)
        item = session.scalars(select(Item).where(Item.type == "show", Item.language == "en")).first()
        if change == {"sid_row": True}:
            change = {"sid_row": SidRow(sid="show:1-2-3", rank=0)}
        for name, value in change.items():
            setattr(item, name, value)
        session.flush()
        assert catalog_hash(session) != before
        session.rollback()


def test_a_folder_hash_sees_names_and_bytes(tmp_path):
    (tmp_path / "a").write_text("1")
    first = folder_hash(tmp_path)
    (tmp_path / "a").rename(tmp_path / "b")
    renamed = folder_hash(tmp_path)
    (tmp_path / "b").write_text("2")
    assert len({first, renamed, folder_hash(tmp_path)}) == 3


def test_the_page_gets_an_item_without_its_ids():
    item = anonymous(SERIAL)
    assert (item.id, item.sid, item.title) == (0, None, "Serial") and "serial" not in item.key
    assert item.key == anonymous(SERIAL).key, "the same item has the same cover on both sides"


def test_model_arms_share_weights_and_keep_their_own_settings(catalog, study_text, tmp_path, monkeypatch):
    """The loading of weights is played; what is handed to the assistant, and written down of it, is real."""
    from types import SimpleNamespace

    import torch

    import neo.chat.assistant
    import neo.model.load
    from neo.model.runner import Arithmetic
    from neo.study import arms

    loads = []

    def load(settings, report):
        loads.append(settings)
        engine = SimpleNamespace(runner=SimpleNamespace(arithmetic=Arithmetic(torch.bfloat16, light=True)))
        return SimpleNamespace(book=settings.weights, encoder=LetterEncoder(), engine=engine)

    monkeypatch.setattr(neo.model.load, "load", load)
    monkeypatch.setattr(
        neo.chat.assistant, "Assistant", lambda loaded, database, *rest, frozen: (loaded, *rest, frozen)
    )
    monkeypatch.setattr(arms, "prepare_catalog", lambda session, book, encoder: None)
    monkeypatch.setattr(arms.store, "outdated", lambda session, book: book.name == "foreign")
    for name in ("one", "foreign"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "rows").write_text(name)
    greedy = {"kind": "model", "weights": str(tmp_path / "one"), "beams": 4}
    spec = parse_spec(study_text(arms={"greedy": greedy, "warm": {**greedy, "temperature": 0.7, "seed": 5}}))
    opened = open_arms(spec, catalog, report=lambda text: None)
    assert len(loads) == 1
    assert [(arm.system[1].beam_width, arm.system[1].temperature, arm.system[1].seed) for arm in opened.values()] == [
        (4, 0.0, 0), (4, 0.7, 5),
    ]  # fmt: skip
    assert all(arm.system[-1] for arm in opened.values()), "an import does not change an arm that people are judging"
    facts = opened["warm"].facts
    assert facts["weights_hash"] == folder_hash(tmp_path / "one") and facts["sampling"]["temperature"] == 0.7
    assert facts["dtype"] == "int8, bfloat16", "what was used, not what was asked for"
    assert str(tmp_path) not in str(facts), "paths are nobody's business"
    foreign = {**greedy, "weights": str(tmp_path / "foreign")}
    spec = parse_spec(study_text(arms={"greedy": greedy, "other": foreign}))
    with pytest.raises(StudyError, match="arm 'other' has other SIDs"):
        open_arms(spec, catalog, report=lambda text: None)
