"""Whatever is chosen among what the grammar allows, a plan ends and parses."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neo.decoding.grammar import PlanRules, PlanState, ReplyState, WordTrie
from neo.errors import NothingAllowed
from neo.format import Format
from neo.plan import ANY
from neo.sids.vocabulary import TypeShape, Vocabulary
from tests import tiny

VOCABULARY = Vocabulary(49152, (TypeShape("audiobook", 2, 4), TypeShape("show", 2, 4)), ("en", "es"))
FORMAT = Format(tiny.tokenizer(), VOCABULARY)
NAMES = {
    "topic": ["true crime", "law", "law and order"], "tone": ["calm"], "format": ["novel"], "length": ["20", "shorter"],
}  # fmt: skip
VALUES = {kind: WordTrie(FORMAT.words(" " + name) for name in names) for kind, names in NAMES.items()}


@settings(max_examples=200)
@given(st.integers(), st.lists(st.text(max_size=20), max_size=3))
def test_every_walk_through_the_grammar_is_a_plan(seed, said):
    chooser = random.Random(seed)
    rules = PlanRules(VOCABULARY, VALUES, tuple(tuple(FORMAT.words(text)) for text in said))
    state, ids = PlanState(rules), [VOCABULARY.id("plan")]
    while not state.closed:
        id_ = chooser.choice(sorted(state.allowed()))
        state = state.advance(id_)
        ids.append(id_)
        assert len(ids) < 300, "a plan ends"
    plan = FORMAT.parse_plan(ids)
    for term in plan.terms:
        assert term.wanted or term.field != "length", "nobody refuses a length"
        if term.field in NAMES:
            assert term.value in NAMES[term.field]
        else:
            read = [FORMAT.text(FORMAT.words(text)) for text in said]  # without what no tokenizer knows
            assert any(term.value in text for text in read) or "\ufffd" in term.value


def test_nothing_follows_a_closed_plan_and_wrong_tokens_are_refused():
    state = PlanState(PlanRules(VOCABULARY, VALUES, ())).advance(VOCABULARY.id("talk"))
    with pytest.raises(NothingAllowed):
        state.advance(VOCABULARY.id("plan"))
    with pytest.raises(NothingAllowed):
        state.advance(VOCABULARY.id("/plan")).allowed()


def test_a_name_inside_a_longer_name_may_end_or_go_on():
    rules = PlanRules(VOCABULARY, VALUES, ())
    state = PlanState(rules)
    for id_ in [VOCABULARY.id("recommend"), VOCABULARY.id("topic"), *FORMAT.words(" law")]:
        state = state.advance(id_)
    assert VOCABULARY.id("/plan") in state.allowed() and FORMAT.words(" and")[0] in state.allowed()


def test_a_slate_is_paid_by_hand():
    """Two shows and one of anything: shows pay the shows first, then the anything; only then may the reply end."""
    state = ReplyState(VOCABULARY, 2, (("show", 2), (ANY, 1)), (("show", 5), ("audiobook", 1)))
    assert set(state.openable()) == {"show", "audiobook"} and not state.may_end()
    assert state.any_type_will_do()
    state = state.item("audiobook")
    assert not state.any_type_will_do()
    assert state.openable() == ("show",)
    state = state.item("show").item("show")
    assert state.openable() == () and state.may_end()
    with pytest.raises(NothingAllowed):
        state.item("show")


def test_what_the_filter_cannot_give_is_not_waited_for():
    state = ReplyState(VOCABULARY, 2, (("show", 3),), (("show", 1),)).item("show")
    assert state.may_end() and not state.allowed_controls()


def test_a_count_gains_behind_a_type_alone():
    """In place of a type it would win over all of them; behind "ref" it is a position."""
    count, show = VOCABULARY.id("x6"), VOCABULARY.opener("show")
    start = PlanState(PlanRules(VOCABULARY, VALUES, (), {"x6": 8.0, "not": 1.0})).advance(VOCABULARY.id("recommend"))
    assert count in start.allowed() and start.gain(count) == 0.0 and start.gain(VOCABULARY.id("not")) == 1.0
    assert start.advance(show).gain(count) == 8.0 and start.advance(show).gain(VOCABULARY.id("x5")) == 0.0
    assert start.advance(VOCABULARY.id("ref")).gain(count) == 0.0
