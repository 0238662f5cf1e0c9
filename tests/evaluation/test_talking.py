"""A made-up name in a reply is found, a supported one is not."""

from types import SimpleNamespace

from neo.chat.parts import Card, Conversation
from neo.evaluation.bench import Served
from neo.evaluation.talking import situation_of, unsupported
from neo.plan import Plan
from neo.wording import Wording
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
