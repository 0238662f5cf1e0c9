"""Whatever the model, the catalog and the settings: items exist, pass the filter, and plans parse."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from neo.decoding import engine
from neo.decoding.grammar import PlanRules, ReplyState, WordTrie
from neo.decoding.trie import Tries
from neo.errors import NothingAllowed
from neo.format import Message
from neo.model.load import make_engine
from neo.plan import ANY
from neo.sids.sid import Sid
from tests import tiny

BOOK = tiny.book({"show": (3, 20), "audiobook": (2, 75)})
MODEL, FORMAT = tiny.model(BOOK)
ENGINE = make_engine(MODEL, FORMAT)
MESSAGE = Message("two shows like Serial", np.ones(tiny.WIDTH, np.float32))
VALUES = {"topic": WordTrie([FORMAT.words(" law"), FORMAT.words(" true crime")])}


class Host:
    """Grants every plan the same slate under the same filter."""

    def __init__(self, views, owed, facts=True, stop=False):
        self.views, self.owed, self.facts, self.stop = views, owed, facts, stop
        self.plan = None

    def plan_written(self, ids):
        self.plan = FORMAT.parse_plan(ids)
        available = tuple((type_, len(view)) for type_, view in self.views.items())
        return engine.Decision(
            self.views, ReplyState(FORMAT.vocabulary, FORMAT.end, self.owed, available), stop=self.stop
        )

    def item_chosen(self, sid):
        return FORMAT.words(" facts") if self.facts else []

    def between_items(self, position):
        return FORMAT.words(f"\n{position}. ")


def reply(host, sampling):
    rendered = FORMAT.render([MESSAGE])
    rules = PlanRules(FORMAT.vocabulary, VALUES, (tuple(FORMAT.words(MESSAGE.text)),))
    return list(ENGINE.reply(rendered.ids, [vector for _, vector in rendered.vectors], rules, host, sampling))


def catalog(seed: int, size: int) -> list[Sid]:
    rng = np.random.default_rng(seed)
    shows = {tuple(map(int, rng.integers(0, 20, 3))) for _ in range(size)}
    books = {tuple(map(int, rng.integers(0, 75, 2))) for _ in range(size // 2)}
    return [*(Sid("show", codes) for codes in shows), *(Sid("audiobook", codes) for codes in books)]


@settings(max_examples=40)
@given(
    seed=st.integers(0, 10_000),
    size=st.integers(1, 5000),
    width=st.integers(1, 30),
    tokens=st.integers(1, 80),
    words=st.integers(1, 12),
    temperature=st.sampled_from([0.0, 0.7, 2.0]),
    top_p=st.sampled_from([0.5, 1.0]),
    owed=st.lists(st.tuples(st.sampled_from(["show", "audiobook", ANY]), st.integers(1, 3)), max_size=2),
)
def test_every_item_exists_and_passes_the_filter(seed, size, width, tokens, words, temperature, top_p, owed):
    sids = catalog(seed, size)
    tries = Tries.build(sids)
    kept = {sid for sid in sids if sum(sid.codes) % 3}
    host = Host(tries.only(kept), tuple(owed))
    sampling = engine.Sampling(width, temperature, top_p, seed, tokens, words)
    events = reply(host, sampling)
    items = [event for event in events if isinstance(event, engine.Item)]
    assert len({item.sid for item in items}) == len(items), "none twice"
    for item in items:
        assert item.sid in tries and item.sid in kept
        assert all(sid in kept for sid, _ in item.alternatives) and len(item.alternatives) < width
    assert host.plan is not None and isinstance(events[0], engine.Plan)
    assert isinstance(events[-1], engine.End)
    if events[-1].reason == "end":
        left = {"show": 0, "audiobook": 0}
        for sid in kept:
            left[sid.type] += 1
        wanted = sum(count for _, count in owed)
        assert len(items) == wanted or len(items) < wanted, "a reply that ended by itself owes nothing it could give"
        if owed and all(left[type_] >= wanted for type_ in left):
            assert len(items) == wanted


def test_a_span_that_cannot_be_finished_is_not_opened():
    host = Host(Tries.build(catalog(1, 50)).everything(), (("show", 3),))
    for tokens in range(1, 40):
        events = reply(host, engine.Sampling(beam_width=2, most_tokens=tokens, most_words=3))
        assert all(len(event.sid.codes) == 3 for event in events if isinstance(event, engine.Item))


def test_the_same_seed_gives_the_same_reply():
    host = Host(Tries.build(catalog(2, 50)).everything(), ((ANY, 2),))
    sampling = engine.Sampling(beam_width=3, temperature=1.0, seed=5, most_words=5)
    assert reply(host, sampling) == reply(host, sampling)


@pytest.mark.parametrize("meant", ["show", "audiobook"])
def test_where_any_type_will_do_the_shortcut_has_a_say(meant, monkeypatch):
    types = torch.tensor([[50.0 if shape.name == meant else 0.0 for shape in FORMAT.vocabulary.types]])
    monkeypatch.setattr(MODEL.rows.shortcut, "types", lambda message, listener: types)
    views = Tries.build(catalog(2, 50)).everything()
    for owed, expected in (((ANY, 2),), {meant}), ((("audiobook", 2),), {"audiobook"}):
        events = reply(Host(views, owed), engine.Sampling(beam_width=3, most_words=5))
        assert {event.sid.type for event in events if isinstance(event, engine.Item)} == expected


@pytest.mark.parametrize("lean", [-3.0, 0.0, 3.0])
def test_one_item_of_whatever_type_is_the_likeliest_of_all_and_what_follows_is_as_if_its_type_had_been_asked_for(
    lean, monkeypatch
):
    monkeypatch.setattr(MODEL.rows.shortcut, "types", lambda message, listener: torch.tensor([[lean, 0.0]]))
    views, sampling = Tries.build(catalog(2, 50)).everything(), engine.Sampling(beam_width=3, most_words=5)
    typed = {shape.name: reply(Host(views, ((shape.name, 1),)), sampling) for shape in FORMAT.vocabulary.types}
    lean_of = dict(zip(typed, torch.log_softmax(torch.tensor([lean, 0.0]), 0).tolist(), strict=True))
    items = {name: next(e for e in events if isinstance(e, engine.Item)) for name, events in typed.items()}
    alone = [
        (lean_of[name] + score, sid)
        for name, item in items.items()
        for sid, score in ((item.sid, item.score), *item.alternatives)
    ]
    events = reply(Host(views, ((ANY, 1),)), sampling)
    found = next(event for event in events if isinstance(event, engine.Item))
    joint = [(found.score, found.sid), *((score, sid) for sid, score in found.alternatives)]
    expected = sorted(alone, key=lambda one: -one[0])[:3]
    assert [sid for _, sid in joint] == [sid for _, sid in expected]
    assert [score for score, _ in joint] == pytest.approx([score for score, _ in expected], abs=1e-4)
    same = typed[found.sid.type]
    assert events[events.index(found) + 1 :] == same[same.index(items[found.sid.type]) + 1 :]


def test_an_empty_filter_raises_inside_decoding():
    """The host must see to it before; if it does not, decoding fails closed."""
    views = Tries.build(catalog(3, 20)).only([])

    class Careless(Host):
        def plan_written(self, ids):
            state = ReplyState(FORMAT.vocabulary, FORMAT.end, (("show", 1),), (("show", 1),))
            return engine.Decision(self.views, state)

    with pytest.raises(NothingAllowed):
        reply(Careless(views, ()), engine.Sampling(most_words=2))


def test_a_host_may_stop_after_the_plan():
    events = reply(Host({}, (), stop=True), engine.Sampling())
    assert [type(event) for event in events] == [engine.Plan, engine.End] and events[-1].reason == "stopped"


def test_a_line_that_ends_leads_to_the_next_item_under_its_number(monkeypatch):
    (newline,) = FORMAT.words("\n")
    monkeypatch.setattr(ENGINE, "_next", lambda *_: newline)
    host = Host(Tries.build(catalog(4, 30)).everything(), (("show", 2), ("audiobook", 1)))
    events = reply(host, engine.Sampling(beam_width=2))[1:]
    said = [FORMAT.text(event.ids) for event in events if isinstance(event, engine.Text)]
    assert said == ["\n1. ", "\n2. ", "\n3. "] and events[-1].reason == "end"
    assert sorted(event.sid.type for event in events if isinstance(event, engine.Item)) == ["audiobook", "show", "show"]


def test_what_was_heard_tips_the_plan(monkeypatch):
    monkeypatch.setattr(ENGINE.runner, "text_scores", lambda hidden: np.zeros(FORMAT.vocabulary.control_ids.stop))
    not_ = FORMAT.vocabulary.id("not")
    said = (tuple(FORMAT.words(MESSAGE.text)),)
    biases = [{"not": -1.0}, {"not": 1.0}, {"profile": 1.0}]
    plans = [ENGINE.plan([1, 2, 3], [], PlanRules(FORMAT.vocabulary, VALUES, said, bias)) for bias in biases]
    assert not_ not in plans[0] and not_ in plans[1]
    assert plans[2][1] == FORMAT.vocabulary.id("profile")


def test_words_alone_end_with_their_line(monkeypatch):
    (newline,), (word,) = FORMAT.words("\n"), FORMAT.words("a")
    written = iter([newline, word, newline, word])
    monkeypatch.setattr(ENGINE, "_next", lambda *_: next(written))
    events = reply(Host({}, ()), engine.Sampling())[1:]
    assert [event.ids for event in events[:-1]] == [[newline], [word]] and events[-1].reason == "end"


def test_a_free_reply_goes_on_behind_a_line_until_the_model_ends_it(monkeypatch):
    """Else whoever measures a model's own counts counts lines."""
    (newline,), opener = FORMAT.words("\n"), FORMAT.vocabulary.opener("show")
    written = iter([opener, newline, opener, newline, opener, newline, FORMAT.end])
    monkeypatch.setattr(ENGINE, "_next", lambda *_: next(written))

    class Free(Host):
        def plan_written(self, ids):
            return engine.Decision(self.views, ReplyState(FORMAT.vocabulary, FORMAT.end, (), (("show", 9),), free=True))

    events = reply(Free(Tries.build(catalog(5, 30)).everything(), ()), engine.Sampling(beam_width=2))
    assert sum(isinstance(event, engine.Item) for event in events) == 3 and events[-1].reason == "end"
