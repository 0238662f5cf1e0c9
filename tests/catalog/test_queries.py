from dataclasses import replace
from datetime import datetime, timedelta

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import event, select

from catalog import queries
from catalog.tables import Item, Listen, Listener, Maker
from catalog.wish import Wish

TOPICS = ("sea", "true crime", "law", "magic", "nature")


def titles(session, wish):
    rows = session.scalars(queries.matching_sids(wish)).all()
    assert len(rows) == len(set(rows)), "distinct SIDs"
    shown = {}
    for item in session.scalars(queries.items_by_sid(rows, [wish])).unique():
        shown.setdefault(item.sid, item.title)
    assert shown.keys() == set(rows), "every SID that may be used has an item to show"
    return set(shown.values())


def maker_id(session, name):
    return session.scalar(select(Maker.id).where(Maker.name == name))


def test_an_empty_wish_is_every_sid_once(small, small_entries):
    assert len(titles(small, Wish())) == len({(entry[0], entry[8]) for entry in small_entries})


def test_wishes_by_hand(small):
    sand = maker_id(small, "Ada Sand")
    for wish, expected in [
        (Wish(topics=("sea",)), {"The Wild Coast", "Radio Mar", "Vingt mille lieues"}),
        (Wish(topics=("law", "nature")), {"Serial", "The Wild Coast"}),
        (Wish(topics=("sea",), tones=("calm",)), {"The Wild Coast", "Radio Mar"}),
        (Wish(topics=("sea",), languages=("fr", "es"), types=("show",)), {"Radio Mar"}),
        (Wish(topics=("sea",), without_topics=("nature",), types=("show",)), {"Radio Mar"}),
        (Wish(formats=("novel",), without_topics=("magic", "sea")), {"The Left Hand of Darkness"}),
        (Wish(makers=(sand,)), {"The Wild Coast", "Radio Mar"}),
        (Wish(topics=("sea",), without_makers=(sand,)), {"Vingt mille lieues"}),
        (Wish(without_formats=("novel", "interview"), types=("show",)), {"Serial", "The Wild Coast"}),
        (Wish(topics=("physics",)), set()),
        (Wish(only_items=()), set()),
    ]:
        assert titles(small, wish) == expected, wish


def test_an_alternative_stands_for_its_sid_where_the_canonical_item_may_not(small):
    """Serial Killers shares Serial's SID and is dark: it is what a wish for something dark shows, and no other does."""
    assert titles(small, Wish(tones=("dark",))) == {"Serial Killers"}
    assert "Serial" in titles(small, Wish()) and "Serial Killers" not in titles(small, Wish())


names = st.lists(st.sampled_from(TOPICS), max_size=2).map(tuple)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@given(wanted=names, unwanted=names, kinds=st.sampled_from([(), ("show",), ("audiobook",), ("show", "audiobook")]))
def test_wishes_agree_with_plain_python(small, small_entries, wanted, unwanted, kinds):
    fitting: dict[tuple[str, str], tuple[int, str]] = {}
    for kind, title, _, _, topics, _, _, _, codes, rank in small_entries:
        fits = (not kinds or kind in kinds) and (not wanted or set(wanted) & set(topics))
        if fits and not set(unwanted) & set(topics):
            fitting[kind, codes] = min(fitting.get((kind, codes), (9, "")), (rank, title))
    expected = {title for _, title in fitting.values()}
    assert titles(small, Wish(topics=wanted, without_topics=unwanted, types=kinds)) == expected


def test_items_can_be_required_and_refused(small):
    ids = tuple(small.scalars(select(Item.id).where(Item.title.in_(["Serial", "Radio Mar"]))))
    wish = Wish(only_items=ids)
    assert titles(small, wish) == {"Serial", "Radio Mar"}
    assert titles(small, replace(wish, without_items=ids[:1])) == {"Radio Mar"}
    assert titles(small, replace(wish, without_items=ids)) == set()


def test_explicit_new_and_other_conditions(small):
    serial, coast = (small.scalar(select(Item).where(Item.title == title)) for title in ("Serial", "The Wild Coast"))
    every = titles(small, Wish())
    serial.explicit, coast.explicit = True, False
    long_ago = datetime(2001, 1, 1)
    for item in small.scalars(select(Item)):
        item.added = None if item is coast else long_ago
    serial.added = datetime(2026, 5, 3)
    small.flush()
    killers = {"Serial Killers"}  # the alternative that stands for the same SID
    assert titles(small, Wish(without_explicit=True)) == every - {"Serial"} | killers, "nobody says is not explicit"
    assert titles(small, Wish(added_since=datetime(2026, 5, 1))) == {"Serial"}
    assert titles(small, Wish(where="language = 'fr' or title like 'Radio%'")) == {"Vingt mille lieues", "Radio Mar"}
    assert titles(small, Wish(where="language = 'fr' and title <> ' :x%' -- a remark")) == {"Vingt mille lieues"}
    assert titles(small, Wish(topics=("sea",), where="type = 'show'")) == {"The Wild Coast", "Radio Mar"}


def test_a_whole_reply_is_one_query(small, engine):
    statements = []
    event.listen(engine, "before_cursor_execute", lambda *arguments: statements.append(arguments[2]))
    items = small.scalars(queries.items_by_sid(["show:1-1", "audiobook:1-2", "show:9-9"])).unique().all()
    seen = [(item.sid, item.title, [maker.name for maker in item.makers], item.topics, item.format) for item in items]
    assert len(statements) == 1
    assert [row[:2] for row in seen if row[0] == "show:1-1"] == [("show:1-1", "Serial"), ("show:1-1", "Serial Killers")]
    assert ("audiobook:1-2", "Vingt mille lieues", ["Jules Verne"], ("sea", "classics"), "novel") in seen


def test_alternatives(small):
    assert [item.title for item in small.scalars(queries.alternatives_of("show:1-1")).unique()] == ["Serial Killers"]
    assert small.scalars(queries.alternatives_of("show:1-2")).unique().all() == []


def test_titles_are_searched_as_they_are_spelled(small):
    found = small.scalars(queries.search_titles("SERIAL", limit=1)).unique().all()
    assert [item.title for item in found] == ["Serial"]
    assert small.scalars(queries.search_titles("%")).unique().all() == []
    books = small.scalars(queries.search_titles("a", types=["audiobook"])).unique()
    assert {item.type for item in books} == {"audiobook"}


def test_counts(small):
    assert dict(small.execute(queries.counts_by_type()).all()) == {"show": 4, "audiobook": 3}
    assert dict(small.execute(queries.counts_by_language()).all()) == {"en": 5, "es": 1, "fr": 1}
    assert small.scalar(queries.count_of(Maker)) == 7


def test_a_history_starts_with_the_newest(small):
    listener = Listener(name="Zoe")
    for day, item_id in enumerate([3, 1, 2]):
        listener.listens.append(Listen(item_id=item_id, at=datetime(2026, 1, 1) + timedelta(days=day)))
    small.add(listener)
    small.flush()
    ids = [item.id for item in small.scalars(queries.history_of(listener.id, limit=2)).unique()]
    assert ids == [2, 1]
