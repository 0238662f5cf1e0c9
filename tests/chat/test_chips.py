"""Chips that can be removed or changed: nothing but what a chip offers ever reaches the plan."""

from hypothesis import given
from hypothesis import strategies as st

from neo.chat.chips import Menu, changed, choices, editor_html, places, removed
from neo.chat.parts import Understood
from neo.chat.steering import chips
from neo.plan import ANY, Plan, Term
from neo.wording import Wording

MENU = Menu(("show", "audiobook"), ("en", "fr"), {"topic": ("sea", "space"), "tone": ("calm",), "format": ()})
PLAN = Plan(
    "recommend", (("show", 2), (ANY, 1)), ("fr",), "new", False, (1,),
    (Term("topic", "sea"), Term("tone", "dark", False), Term("like", "<b>Serial</b>")),
)  # fmt: skip
EN = Wording.load("en")
plans = st.builds(
    Plan,
    st.just("recommend"),
    st.lists(st.tuples(st.sampled_from(["show", "audiobook", ANY]), st.integers(1, 10)), max_size=3).map(tuple),
    st.lists(st.sampled_from(["en", "fr"]), max_size=2).map(tuple),
    st.sampled_from([None, "new", "familiar"]),
    st.booleans(),
    st.lists(st.integers(1, 10), max_size=2).map(tuple),
    st.lists(
        st.builds(Term, st.sampled_from(["like", "topic", "tone", "by"]), st.text(min_size=1), st.booleans()),
        max_size=3,
    ).map(tuple),
)


@given(plans)
def test_every_chip_has_its_place(plan):
    assert len(list(places(plan))) == len(chips(plan, EN))


@given(plans)
def test_removing_a_chip_takes_away_that_one_and_no_other(plan):
    texts = list(chips(plan, EN))
    for at, place in enumerate(places(plan)):
        assert list(chips(removed(plan, place), EN)) == texts[:at] + texts[at + 1 :]


@given(plans)
def test_what_stands_there_is_among_the_choices(plan):
    for place in places(plan):
        offered = [other for _, other in choices(plan, place, MENU)]
        assert not offered or plan in offered


@given(plans, st.text(), st.text())
def test_what_a_browser_makes_up_changes_nothing(plan, place, value):
    assert removed(plan, f"x{place}") == plan and changed(plan, f"x{place}", value, MENU) == plan
    assert changed(plan, "types:0", f"?{value}", MENU) == plan
    assert removed(plan, "terms:99") == plan and removed(plan, "act") == plan


def test_changes_by_hand():
    assert changed(PLAN, "types:0", "3 audiobook", MENU).types == (("audiobook", 3), (ANY, 1))
    assert changed(PLAN, "languages:0", "en", MENU).languages == ("en",)
    assert changed(PLAN, "familiarity", "familiar", MENU).familiarity == "familiar"
    assert changed(PLAN, "terms:0", "-space", MENU).terms[0] == Term("topic", "space", False)
    assert changed(PLAN, "terms:2", "-<b>Serial</b>", MENU).terms[2] == Term("like", "<b>Serial</b>", False)


def test_a_name_can_be_turned_round_but_not_replaced():
    assert [value for value, _ in choices(PLAN, "terms:2", MENU)] == ["+<b>Serial</b>", "-<b>Serial</b>"]


def test_the_editor_escapes_what_was_said():
    html = editor_html(Understood(PLAN, "en", chips(PLAN, EN)), MENU)
    assert "<b>" not in html and html.count('data-do="unchip"') == len(list(places(PLAN)))
    assert 'aria-label="Remove sea"' in html and 'aria-label="Change sea"' in html
    assert editor_html(Understood(Plan("talk"), "en", ()), MENU) == ""
