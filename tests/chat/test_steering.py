"""From plans to filters, on the demo catalog with made-up SIDs: no model needed."""

from dataclasses import replace
from datetime import datetime

import pytest
from sqlalchemy.orm import Session

from catalog import queries
from catalog.database import open_database
from catalog.demo import load_demo
from catalog.lookup import MakerIndex, TitleIndex
from catalog.tables import Item, SidRow
from neo.chat.contradictions import contradictions
from neo.chat.parts import Controls, Conversation, Turn
from neo.chat.steering import Names, Steering, chips, controlled
from neo.decoding.trie import Tries
from neo.items import CatalogItem
from neo.plan import ANY, LENGTHS, SHORTER, Plan, Term, length_called, minutes_of
from neo.sids.sid import Sid
from neo.training.meaning import fixed_terms
from neo.wording import LANGUAGES, Wording
from tests import tiny

EN = Wording.load("en")


@pytest.fixture(scope="module")
def session():
    with Session(open_database("sqlite://")) as session:
        load_demo(session)
        for row in session.scalars(queries.all_items()).unique():
            session.add(SidRow(item_id=row.id, sid=f"{row.type}:{row.id // 40}-{row.id % 40}", rank=0))
        session.flush()
        session.expire_all()
        yield session


@pytest.fixture(scope="module")
def steering(session):
    sids = [Sid.parse(text) for text in session.scalars(queries.matching_sids(queries.Wish()))]
    return Steering(Tries.build(sids), Names(TitleIndex.from_session(session), MakerIndex.from_session(session)))


def left(session, steered):
    """The items that the views leave."""
    sids = [str(sid) for view in steered.views.values() for sid in view.sids()]
    return [CatalogItem.of(row) for row in session.scalars(queries.items_by_sid(sids)).unique()]


def steer(session, steering, plan, conversation=Conversation(), history=(), wording=EN, controls=Controls()):
    return steering.steer(session, plan, wording, conversation, tuple(history), controls)


@pytest.mark.parametrize(
    ("act", "read", "meant"),
    [
        ("search", Term("by", "Serial"), Term("title", "Serial")),
        ("recommend", Term("by", "Serial"), Term("like", "Serial")),
        ("search", Term("title", "Agatha Christie"), Term("by", "Agatha Christie")),
        ("recommend", Term("like", "Dan Carlin", wanted=False), Term("by", "Dan Carlin", wanted=False)),
        ("recommend", Term("by", "space"), Term("topic", "space")),
        ("recommend", Term("like", "Serial"), Term("like", "Serial")),
        ("search", Term("title", "No Such Thing Anywhere"), Term("title", "No Such Thing Anywhere")),
    ],
)
def test_a_name_is_read_as_what_bears_it(steering, act, read, meant):
    assert steering.reread(Plan(act, ((ANY, 1),), terms=(read,)), EN).terms == (meant,)


@pytest.mark.parametrize(
    ("language", "read", "meant"),
    [
        ("en", "Serial and The Daily", ("Serial", "The Daily")),
        ("en", "Serial, The Daily and Radiolab", ("Serial", "The Daily", "Radiolab")),
        ("de", "Serial und The Daily", ("Serial", "The Daily")),
        ("en", "The Secret Serial of The Daily", ("The Secret Serial of The Daily",)),
        ("en", "Serial and Nothing That Exists", ("Serial and Nothing That Exists",)),
    ],
)
def test_names_that_were_read_as_one_are_told_apart(steering, language, read, meant):
    plan = steering.reread(Plan("recommend", ((ANY, 1),), terms=(Term("like", read),)), Wording.load(language))
    assert plan.values("like") == meant


def test_every_word_of_a_plan_becomes_a_filter(session, steering):
    terms = (Term("topic", "history"), Term("tone", "dark", wanted=False), Term("by", "Dan Carlin", wanted=False))
    items = left(session, steer(session, steering, Plan("recommend", (("show", 2),), ("en",), terms=terms)))
    assert len(items) > 5
    for item in items:
        assert item.language == "en" and "history" in item.topics and "dark" not in item.tones
        assert "Dan Carlin" not in item.makers


def test_without_a_language_the_visitors_own_counts_and_that_of_what_they_like(session, steering):
    assert {item.language for item in left(session, steer(session, steering, Plan("recommend", ((ANY, 1),))))} == {"en"}
    liked = Plan("recommend", ((ANY, 1),), terms=(Term("like", "Radio Ambulante"),))
    steered = steer(session, steering, liked)
    assert {item.language for item in left(session, steered)} == {"en", "es"}
    assert steered.liked[0].title == "Radio Ambulante" and steered.liked[0] not in left(session, steered)


def test_what_was_shown_or_heard_is_not_shown_again(session, steering):
    row = CatalogItem.of(session.scalars(queries.items_by_key(["show:serial"])).unique().one())
    plan = Plan("recommend", (("show", 1),))
    shown = Conversation((Turn("hi", "en", plan, (row,)),))
    assert row in left(session, steer(session, steering, plan))
    assert row not in left(session, steer(session, steering, plan, shown))
    assert row not in left(session, steer(session, steering, plan, history=[row]))
    familiar = Plan("recommend", (("show", 1),), familiarity="familiar")
    assert left(session, steer(session, steering, familiar, history=[row])) == [row], "familiar is what was heard"
    assert row in left(session, steer(session, steering, familiar)), "and anything, where nothing is known of that"


def test_what_nothing_fulfils_gets_the_nearest_thing_and_says_so(session, steering):
    plan = Plan("recommend", (("show", 1),), ("it",), terms=(Term("topic", "dragons"), Term("topic", "law", False)))
    steered = steer(session, steering, plan)
    items = left(session, steered)
    assert items and all(item.language == "it" and "law" not in item.topics for item in items)
    assert any("dragons" in text for text in steered.notices)
    assert steered.plan.terms == (Term("topic", "law", False),), "the reply does not claim what was left out"


def test_nothing_familiar_of_a_type_is_said_and_something_else_offered(session, steering):
    row = CatalogItem.of(session.scalars(queries.items_by_key(["show:serial"])).unique().one())
    plan = Plan("recommend", (("audiobook", 1),), familiarity="familiar")
    steered = steer(session, steering, plan, history=[row])
    assert any(item.type == "audiobook" for item in left(session, steered)) and steered.plan.familiarity is None
    assert any("familiar" in text for text in steered.notices)


def test_the_control_for_what_is_familiar_is_never_loosened(session, steering):
    row = CatalogItem.of(session.scalars(queries.items_by_key(["show:serial"])).unique().one())
    plan = controlled(Plan("recommend", (("audiobook", 1),)), controls := Controls(familiarity="familiar"))
    steered = steer(session, steering, plan, history=[row], controls=controls)
    assert {item.type for item in left(session, steered)} <= {"show"}


def test_a_title_asked_for_is_that_thing_typos_and_all(session, steering):
    steered = steer(session, steering, Plan("search", (("show", 3),), terms=(Term("title", "harry poter"),)))
    assert steered.titled and left(session, steered) == list(steered.titled)
    assert steered.plan.types == ((ANY, 1),)


def test_names_that_nothing_bears_are_said_or_read_as_facets(session, steering):
    unknown = steer(session, steering, Plan("recommend", ((ANY, 1),), terms=(Term("like", "Qwertyuiop Zxcv"),)))
    assert any("Qwertyuiop Zxcv" in text for text in unknown.notices)
    facet = steer(session, steering, Plan("recommend", ((ANY, 1),), terms=(Term("by", "outer space"),)))
    assert facet.plan.terms == (Term("topic", "space"),) and not facet.notices


def test_a_wish_too_narrow_is_loosened_and_says_so(session, steering):
    plan = Plan("recommend", (("audiobook", 1),), ("it",), terms=(Term("topic", "history"),))
    fitting = [item for item in left(session, steer(session, steering, plan)) if item.type == "audiobook"]
    absent = next(tone for tone in ("cosy", "angry", "epic") if all(tone not in item.tones for item in fitting))
    steered = steer(session, steering, replace(plan, terms=(*plan.terms, Term("tone", absent))))
    assert fitting and any(absent in text for text in steered.notices)
    assert [item for item in left(session, steered) if item.type == "audiobook"] == fitting


def test_two_topics_mean_both_where_there_is_enough_of_both(session, steering):
    both = Plan("recommend", (("show", 1),), terms=(Term("topic", "science"), Term("topic", "comedy")))
    assert all({"science", "comedy"} <= set(item.topics) for item in left(session, steer(session, steering, both)))


@pytest.mark.parametrize(
    ("types", "only", "expected"),
    [
        ((("show", 2), ("audiobook", 1)), ("audiobook",), (("audiobook", 3),)),
        (((ANY, 2),), ("show",), (("show", 2),)),
        ((("show", 9), (ANY, 9)), ("show",), (("show", 10),)),
        ((), (), ((ANY, 3),)),
    ],
)
def test_controls_overrule_the_plan(types, only, expected):
    assert controlled(Plan("recommend", types), Controls(only)).types == expected


@pytest.mark.parametrize(
    ("types", "count", "expected"),
    [
        ((("show", 2),), 5, (("show", 5),)),
        ((("show", 2), ("audiobook", 1)), 2, (("show", 1), ("audiobook", 1))),
        ((("show", 2), ("audiobook", 1)), 5, (("show", 3), ("audiobook", 2))),
        ((("show", 2), ("audiobook", 1)), 1, (("show", 1),)),
        ((), 4, ((ANY, 4),)),
    ],
)
def test_a_count_is_dealt_to_the_types(types, count, expected):
    plan = controlled(Plan("recommend", types), Controls(count=count))
    assert plan.types == expected and plan.count == count


def test_controls_are_never_loosened(session, steering):
    plan = Plan("recommend", (("show", 1),), terms=(Term("tone", "dark"),))
    items = left(session, steer(session, steering, plan, controls=Controls(tones=("calm",))))
    assert items and all("calm" in item.tones for item in items)
    refused = tuple(item.id for item in items)
    none = steer(session, steering, plan, controls=Controls(tones=("calm",), without=refused))
    assert not {item.id for item in left(session, none)} & set(refused)


def test_length_is_never_loosened_and_what_is_of_unknown_length_is_not_short(session, steering):
    plan = Plan("recommend", (("show", 1), ("episode", 1)), terms=(Term("topic", "history"),))
    steered = steer(session, steering, plan, controls=Controls(minutes=20))
    items = left(session, steered)
    assert items and all(item.minutes is not None and item.minutes <= 20 for item in items)
    short = steer(session, steering, Plan("recommend", (("audiobook", 1),)), controls=Controls(minutes=20))
    assert "audiobook" not in {item.type for item in left(session, short)}


def test_a_length_said_in_words_holds_beside_the_controls_and_is_left_out_aloud(session, steering):
    plan = Plan("recommend", (("show", 1), ("episode", 1)), terms=(Term("length", "30"),))
    for controls, most in ((Controls(), 30), (Controls(minutes=20), 20), (Controls(minutes=90), 30)):
        items = left(session, steer(session, steering, plan, controls=controls))
        assert items and all(item.minutes and item.minutes <= most for item in items)
    steered = steer(session, steering, Plan("recommend", (("audiobook", 1),), terms=(Term("length", "5"),)))
    assert "audiobook" in {item.type for item in left(session, steered)} and not steered.plan.terms
    assert any("at most 5 minutes" in text for text in steered.notices)
    hopeless = Plan("recommend", (("episode", 1),), terms=(Term("topic", "football"), Term("length", "5")))
    both = steer(session, steering, hopeless)  # no episode is about it, and none is so short
    assert "episode" in {item.type for item in left(session, both)} and not both.plan.terms


def test_shorter_is_said_of_what_was_shown_last(session, steering):
    slate = tuple(
        CatalogItem.of(session.scalars(queries.items_by_key([key])).unique().one())
        for key in ("show:serial", "show:criminal")
    )
    before = Conversation((Turn("two podcasts", "en", Plan("recommend", (("show", 2),)), slate, ""),))
    plan = Plan("recommend", (("show", 1),), terms=(Term("length", SHORTER),))
    items = left(session, steer(session, steering, plan, before))
    assert items and max(item.minutes for item in items) < min(item.minutes for item in slate)


def test_the_most_minutes_of_a_plan_by_hand():
    slate = (tiny.item("A", "show", minutes=40), tiny.item("B", "audiobook", minutes=600), tiny.item("C", minutes=None))
    length = (Term("length", SHORTER),)
    assert Plan("recommend").most_minutes(slate) is None
    assert Plan("recommend", terms=(Term("length", "60"), Term("length", "20"))).most_minutes(slate) == 20
    assert Plan("recommend", terms=length).most_minutes(slate) == 39
    assert Plan("recommend", (("audiobook", 1),), terms=length).most_minutes(slate) == 599
    assert Plan("recommend", (("show", 1),), refs=(2,), terms=length).most_minutes(slate) == 599
    assert Plan("recommend", refs=(3,), terms=length).most_minutes(slate) is None, "nobody knows how long it is"
    assert Plan("recommend", terms=length).most_minutes() is None


def controls_that_hide(serial):
    return [
        Controls(without=(serial.id,)), Controls(unheard=True), Controls(familiarity="new"), Controls(("audiobook",)),
        Controls(language="fr"), Controls(tones=("cosy",)), Controls(minutes=serial.minutes - 1),
        Controls(familiarity="familiar"), Controls(clean=True), Controls(recent=True),
    ]  # fmt: skip


def test_a_title_that_a_control_hides_is_spoken_of(session, steering):
    serial, criminal = (
        CatalogItem.of(session.scalars(queries.items_by_key([key])).unique().one())
        for key in ("show:serial", "show:criminal")
    )
    row = session.get(Item, serial.id)
    row.explicit, row.added = True, datetime(2001, 1, 1)
    session.flush()
    serial = CatalogItem.of(row)
    named = Plan("search", (("show", 1),), terms=(Term("title", "Serial"),))
    said = []
    for controls in controls_that_hide(serial):
        history = (criminal,) if controls.familiarity == "familiar" else (serial,)
        steered = steer(session, steering, named, history=history, controls=controls)
        assert serial not in left(session, steered)
        said += contradictions(named, controls, EN, "Serial", steered.titled, history)
        assert contradictions(replace(named, act="describe"), controls, EN, "Serial", steered.titled) == []
    short = f"at most {serial.minutes - 1} minutes"
    hidden_by = ["Not for me", "new to you", "new to you", "audiobooks", "French", "cosy", short, "familiar"]
    hidden_by += ["Nothing explicit", "New this month"]
    for text, by in zip(said, hidden_by, strict=True):
        assert f"asked for “Serial”; the controls say {by}" in text


def test_a_title_that_no_control_hides_is_not_spoken_of(session, steering):
    serial = CatalogItem.of(session.scalars(queries.items_by_key(["show:serial"])).unique().one())
    named = Plan("search", (("audiobook", 1),), ("fr",), terms=(Term("title", "Serial"),))
    controls = Controls(("show",), "en", count=2, minutes=serial.minutes, unheard=True)
    steered = steer(session, steering, named, controls=controls)
    assert left(session, steered) == [serial]
    assert contradictions(named, controls, EN, "the audiobook Serial", steered.titled) == []


@pytest.mark.parametrize(
    ("language", "message", "counts", "control", "said"),
    [
        ("en", "Five podcasts about space", (("show", 5),), 2, "asked for 5; the controls say 2"),
        ("en", "two shows and an audiobook", (("show", 2), ("audiobook", 1)), 5, "asked for 3; the controls say 5"),
        ("en", "just one podcast", (("show", 1),), 3, "asked for 1; the controls say 3"),
        ("en", "a podcast", (("show", 1),), 3, ""),
        ("en", "podcasts about space", (("show", 3),), 2, ""),
        ("en", "five podcasts", (("show", 5),), 5, ""),
        ("de", "Fünf Podcasts", (("show", 5),), 2, "Gefragt war 5; in der Auswahl steht 2"),
        ("es", "un podcast", (("show", 1),), 3, ""),
    ],
)
def test_a_count_that_the_controls_overrule_is_answered_if_it_was_said(language, message, counts, control, said):
    told = contradictions(Plan("recommend", counts), Controls(count=control), Wording.load(language), message)
    assert len(told) == bool(said) and said in "".join(told)


def test_what_was_heard_can_be_hidden_even_by_name(session, steering):
    row = CatalogItem.of(session.scalars(queries.items_by_key(["show:serial"])).unique().one())
    named = Plan("search", (("show", 1),), terms=(Term("title", "Serial"),))
    familiar = Plan("recommend", (("show", 1),), familiarity="familiar")
    for plan in (named, familiar):
        assert row in left(session, steer(session, steering, plan, history=[row]))
        hidden = steer(session, steering, plan, history=[row], controls=Controls(unheard=True))
        assert row not in left(session, hidden)


def test_the_filter_in_force_is_the_one_that_made_the_views(session, steering):
    plan = Plan("recommend", (("show", 1),), ("en",), terms=(Term("topic", "history"),))
    steered = steer(session, steering, plan, controls=Controls(("show",), tones=("calm",), minutes=90, without=(3,)))
    wish = steered.wish
    assert (wish.types, wish.languages, wish.topics) == (("show",), ("en",), ("history",))
    assert 3 in wish.without_items and wish.tones == ("calm",) and wish.most_minutes == 90


@pytest.mark.parametrize(
    ("plan", "controls", "asked", "set_"),
    [
        (Plan("recommend", (("show", 1),)), Controls(("audiobook",)), "podcasts", "audiobooks"),
        (Plan("recommend", (), ("fr",)), Controls(language="de"), "French", "German"),
        (Plan("recommend", (), (), "familiar"), Controls(familiarity="new"), "familiar", "new to you"),
        (Plan("recommend", (), (), "familiar"), Controls(unheard=True), "familiar", "new to you"),
        (Plan("recommend", terms=(Term("tone", "calm", False),)), Controls(tones=("calm",)), "not calm", "calm"),
    ],
)
def test_a_contradiction_is_answered(plan, controls, asked, set_):
    (said,) = contradictions(plan, controls, EN)
    assert f"asked for {asked};" in said and f"say {set_}," in said


def test_where_words_and_controls_agree_nothing_is_said():
    plan = Plan("recommend", ((ANY, 1), ("show", 1)), ("fr",), "new")
    assert contradictions(plan, Controls(("show",), "fr", familiarity="new", unheard=True, count=4), EN) == []
    assert contradictions(plan, Controls(), EN) == []


def test_chips_by_hand():
    plan = Plan("recommend", (("show", 2),), ("fr",), "new", terms=(Term("topic", "sea"), Term("tone", "dark", False)))
    assert chips(plan, EN) == ("2 × podcasts", "French", "new to you", "sea", "not dark")
    short = Plan("recommend", terms=(Term("length", "20"), Term("length", SHORTER)))
    assert chips(short, EN) == ("at most 20 minutes", "shorter")


@pytest.mark.parametrize("length", LENGTHS)
def test_a_length_is_minutes_or_whole_hours_and_is_said_in_every_language(length):
    assert length_called(minutes_of(length)) == length
    assert Plan("recommend", terms=(Term("length", length),)).most_minutes() == minutes_of(length)
    for language in LANGUAGES:
        number = length.removesuffix(" hours")
        assert number in Wording.load(language).length(length)


def test_hours_are_hours():
    assert minutes_of("3 hours") == 180 and Wording.load("en").length("3 hours") == "at most 3 hours"


def test_lengths_that_wordings_mean_can_be_written_in_a_plan():
    for language in LANGUAGES:
        for split in ("train", "heldout"):
            for entries in Wording.load(language).requests(split).values():
                for entry in entries:
                    fixed = entry.get("plan", {}) if isinstance(entry, dict) else {}
                    values = {term.value for term in fixed_terms(fixed) if term.field == "length"}
                    assert values <= {*LENGTHS, SHORTER}, entry
