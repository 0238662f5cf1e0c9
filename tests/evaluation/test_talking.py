"""A made-up name in a reply is found, a supported one is not."""

from types import SimpleNamespace

import pytest

from neo.chat.parts import Card, Conversation
from neo.evaluation.bench import Served
from neo.evaluation.talking import _as_many, names_one, situation_of, speaks_of_a_history, unsupported
from neo.plan import Plan
from neo.wording import LANGUAGES, Wording
from tests import tiny

SERIAL = tiny.item("The Serial Story")
OTHER = tiny.item("Teatime Murders", id=2, makers=("Agatha Other",), topics=("sea", "true crime"), codes=(1, 1))
BENCH = SimpleNamespace(
    shelf=SimpleNamespace(items=[SERIAL, OTHER]),
    assistant=SimpleNamespace(
        steering=SimpleNamespace(names=SimpleNamespace(titles=SimpleNamespace(find=lambda value, limit: [])))
    ),
)


def said(words: str):
    turn = Served("a show please", Plan("recommend"), (Card(SERIAL, 1, 0.0),), words, (), Conversation(), "en")
    return unsupported(BENCH, turn, turn, Wording.load("en"))


def test_what_the_facts_say_is_supported():
    found = said("The Serial Story by Sarah Koenig is about true crime and law.")
    assert found == {"titles": set(), "makers": set(), "topics": set()}


def test_what_they_do_not_say_is_found():
    found = said("Like Teatime Murders by Agatha Other, it is about the sea.")
    assert found["titles"] == {"Teatime Murders"} and found["makers"] == {"Agatha Other"}
    assert found["topics"] == {Wording.load("en").label("topics", "sea")}


def test_a_reply_with_a_slip_still_suits_its_situation():
    replies = {"thanks": ["You are welcome!", "My pleasure."], "harm": ["No, I won't help with that."]}
    assert situation_of("You are a welcome!", replies) == "thanks" and situation_of("I won't help.", replies) == "harm"


@pytest.mark.parametrize("language", LANGUAGES)
def test_words_of_a_history_are_told_from_others(language):
    """What is said only to those with a history, and no piece of any other reply."""
    replies = Wording.load(language).replies
    speaks = {
        kind: [speaks_of_a_history(Served("?", None, (), text, (), Conversation(), language)) for text in replies[kind]]
        for kind in replies
        if kind not in ("talk", "profile")
    }
    assert any(speaks.pop("item_history")) and any(speaks.pop("why_history"))
    assert not any(any(found) for found in speaks.values())


def test_a_title_says_nothing_of_a_history():
    cards = (Card(tiny.item("What You Heard"), 1, 0.0),)
    assert not speaks_of_a_history(Served("?", None, cards, "Try What You Heard.", (), Conversation(), "en"))
    assert not speaks_of_a_history(Served("?", None, cards, "It is about history and law.", (), Conversation(), "en"))


def test_a_reply_that_says_that_the_catalog_has_fewer_is_of_as_many_as_were_meant():
    wording, meant = Wording.load("en"), Plan("recommend", (("show", 4),))
    fewer = Plan("recommend", (("show", 2),))
    told, other = (wording.notice("few", number=number) for number in ("2", "3"))

    def reply(*notices: str) -> Served:
        return Served("four podcasts rather", fewer, (), "", notices, Conversation(), "en")

    assert _as_many(reply(told), meant, wording)
    assert not _as_many(reply(), meant, wording) and not _as_many(reply(other), meant, wording)
    assert not _as_many(reply(told), Plan("recommend", (("audiobook", 4),)), wording)


def test_only_a_whole_title_of_the_history_is_named():
    def turn(words: str) -> Served:
        return Served("?", None, (), words, (), Conversation(), "en")

    heard = (OTHER, tiny.item("It"), tiny.item("Who?"))
    assert names_one(turn("Since you heard Teatime Murders: more sea."), heard)
    assert names_one(turn("More law, as in Who?"), heard)
    assert not names_one(turn("Its tone is calm. Items like Serial, it is said."), heard)
