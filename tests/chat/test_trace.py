"""A reply watched from between host and engine: everything is handed on, and everything is noted."""

from dataclasses import replace
from datetime import datetime
from types import SimpleNamespace

import pytest

from catalog.wish import Wish
from neo.chat.parts import Token
from neo.chat.trace import Watch, children_along
from neo.decoding import engine
from neo.decoding.trie import Tries
from neo.format import Format
from neo.sids.sid import Sid
from neo.sids.vocabulary import TypeShape, Vocabulary
from tests.tiny import tokenizer

SIDS = [Sid("show", codes) for codes in ((0, 0), (0, 1), (1, 0))]
TRIES = Tries.build(SIDS)


@pytest.fixture(scope="module")
def format_():
    return Format(tokenizer(), Vocabulary(len(tokenizer()), (TypeShape("show", 2, 2),), ("en",)))


class Host:
    """Allows everything but (1, 0), and knows one fact."""

    def __init__(self, format_):
        self.format = format_
        self.steering = SimpleNamespace(tries=TRIES)
        self.views = TRIES.only(SIDS[:2])
        wish = Wish(types=("show",), most_minutes=20, without_items=(4, 5, 6), where="year > 1")
        wish = replace(wish, added_since=datetime(2026, 1, 1))
        self.steered = SimpleNamespace(views=self.views, wish=wish)

    def plan_written(self, ids):
        return engine.Decision(self.views, None, context=self.format.words("known"))

    def item_chosen(self, sid):
        return self.format.words(" fact")

    def between_items(self, position):
        return [position]


def reply(watch, format_):
    """What an engine does: asks the host, says events, and asks again after an item."""
    plan = [format_.vocabulary.id("plan"), format_.vocabulary.id("recommend"), format_.vocabulary.id("/plan")]
    watch.plan_written(plan[:1])
    yield engine.Plan(plan)
    yield engine.Text(format_.words("Hi"))
    for sid in SIDS[:2]:
        yield engine.Item(sid, -1.0, [])
        watch.item_chosen(sid)
    yield engine.End("end")


def test_the_way_through_the_trie_by_hand():
    view = TRIES.everything()["show"]
    assert [children_along(view, sid) for sid in SIDS] == [(2, 2), (2, 2), (2, 1)]
    assert children_along(TRIES.only(SIDS[:2])["show"], SIDS[0]) == (1, 2)


def test_events_pass_and_are_noted(format_):
    watch = Watch(Host(format_), format_, format_.words("prompt"), 0.5)
    events = list(watch.events(reply(watch, format_)))
    assert [type(event) for event in events] == [engine.Plan, engine.Text, engine.Item, engine.Item, engine.End]
    trace = watch.trace()
    said = [(stretch.origin, "".join(token.text for token in stretch.tokens)) for stretch in trace.reply]
    assert said == [
        ("plan", "planrecommend/plan"), ("spliced", "known"), ("said", "Hitype:show00/type:show"), ("spliced", " fact"),
        ("said", "type:show01/type:show"), ("spliced", " fact"),
    ]  # fmt: skip
    assert trace.children == ((1, 2), (1, 1)), "the second item is not the first"
    assert trace.left == (("show", 2, 3),) and trace.own_plan == (Token("plan", "control"),)
    since = "2026-01-01 00:00:00"
    filters = {"types": "show", "most_minutes": "20", "added_since": since, "without_items": "3"}
    assert dict(trace.filters) == filters, "the condition of whoever runs the program is not told"
    assert dict(trace.milliseconds)["encode"] == 500 and all(time >= 0 for _, time in trace.milliseconds)


def test_tokens_say_what_they_are(format_):
    vocabulary = format_.vocabulary
    ids = [*vocabulary.span(SIDS[2]), vocabulary.id("message-vector"), *format_.words("a")]
    watch = Watch(Host(format_), format_, ids, 0.0)
    assert watch.trace().prompt == (
        Token("type:show", "opener", "show"), Token("1", "code", "show", 0), Token("0", "code", "show", 1),
        Token("/type:show", "closer", "show"), Token("message-vector", "vector"), Token("a", "word"),
    )  # fmt: skip
