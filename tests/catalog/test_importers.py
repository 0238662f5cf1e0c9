"""Each format by an example worked out by hand; what holds for all of them; the real files where they are at hand."""

import json
import sqlite3
from datetime import datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select
from sqlalchemy.orm import Session

from catalog import exports
from catalog.check import check
from catalog.database import open_database
from catalog.importers import IMPORTERS
from catalog.importers.columns import of_listens
from catalog.importers.source import Source
from catalog.queries import items_by_key
from catalog.tables import Item, ItemRef, Listen, Listener

OPML = """<?xml version="1.0" encoding="ISO-8859-1"?>
<opml version="2.0"><head><dateCreated>Mon, 02 Feb 2026 10:00:00 GMT
</dateCreated></head><body><outline text="News"><outline text="Deep"><outline text="Caf\xe9 Serial"
xmlUrl="https://a.example/serial"/></outline></outline><outline text="Rivers" xmlUrl="http://b.example/r/"/>
<outline xmlUrl="http://c.example/untitled"/></body></opml>""".encode("latin-1")

RSS = """\
<?xml version="1.0"?><rss version="2.0" xmlns:itunes="http://www.itunes.com/dtds/podcast-1.0.dtd"
xmlns:podcast="https://podcastindex.org/namespace/1.0"><channel><title>Harbour</title>
<link>https://h.example</link><language>en-GB</language><itunes:author>Radio H</itunes:author>
<description><![CDATA[<p>Stories of the sea.</p><script>x()</script>]]></description>
<itunes:category text="Comedy"/><itunes:explicit>false</itunes:explicit>
<podcast:guid>917393e3</podcast:guid><podcast:person role="host">Mara</podcast:person>
<item><title>The Lighthouse</title><guid>1</guid><pubDate>Tue, 03 Feb 2026 10:00:00 GMT</pubDate>
<itunes:duration>00:31:20</itunes:duration><podcast:person role="guest">Ann</podcast:person>
<itunes:explicit><![CDATA[ Yes ]]></itunes:explicit></item><item><title>The Tide</title><guid>2</guid>
<itunes:duration>-5</itunes:duration></item></channel></rss>"""

ATOM = """<feed xmlns="http://www.w3.org/2005/Atom"><title>Atomic Talk</title><id>urn:1</id>
<link rel="self" href="https://atom.example/feed"/><author><name>Eve</name></author>
<entry><title>One</title><id>urn:2</id><updated>2025-01-02T00:00:00Z</updated><summary>First.</summary></entry></feed>"""

LIBRIVOX_API = json.dumps(
    {
        "books": [
            {
                "id": "47",
                "title": "Count of Monte Cristo",
                "description": "<p>A prisoner escapes.</p>",
                "language": "English",
                "copyright_year": "1844",
                "url_librivox": "http://librivox.org/monte/",
                "totaltimesecs": 7200,
                "authors": [{"id": "9", "first_name": "Alexandre", "last_name": "Dumas"}],
                "genres": [{"name": "Adventure"}],
            }
        ]
    }
)
LIBRIVOX_DUMP = json.dumps({
    "books": {"id_47": {"title": "Count of Monte Cristo", "language": "English", "totaltime": "02:00:00",
                        "url_librivox": "http://librivox.org/monte/", "authors":"9", "downloads": 12_000}},
    "authors": {"a9": {"first_name": "Alexandre", "last_name": "Dumas"}}}, separators=(",", ":"))  # fmt: skip
APPLE = json.dumps(
    {
        "resultCount": 1,
        "results": [
            {
                "collectionId": 77,
                "collectionName": "Crumbs",
                "artistName": "Ada",
                "feedUrl": "https://crumbs.example/rss",
                "primaryGenreName": "Food",
                "collectionExplicitness": "notExplicit",
                "trackExplicitness": "explicit",
                "contentAdvisoryRating": "Explicit",
                "genres": ["Food", "Podcasts"],
            }
        ],
    }
)
GOODREADS = (
    "Book Id,Title,Author,ISBN13,My Rating,Original Publication Year,Date Read,Exclusive Shelf\n"
    '1,"Moss (Green, #2)",Jane Doe,"=""9780441478125""",5,1969,2025/11/03,read\n'
    '2,Stone,Jane Doe,"=""""",0,1999,2025/12/03,currently-reading\n3,Later,Jane Doe,,0,1965,,to-read\n'
)
AUDIBLE = "Title,Author,Narrator,ASIN,Length,Date Finished\nMoss,Jane Doe,Bob,B001,7 hrs and 3 mins,2026-01-02\n"


def item(session, key) -> Item:
    return session.scalars(items_by_key([key])).unique().one()


def state(engine) -> list:
    with Session(engine) as session:
        items = [exports.item_row(one) for one in session.scalars(select(Item).order_by(Item.id))]
        listens = session.execute(select(Listen.listener_id, Listen.item_id, Listen.at, Listen.weight)).all()
        return [items, sorted(listens)]


EVERY = [
    ("csv", "a.csv", "Show Name,Host,Genre\nRivers,Ada,Nature\nSeas,Bob,Sea\n", {}),
    ("csv", "a.tsv", "title\tauthor\nRivers\tAda\n", {}),
    ("csv", "listens.csv", "listener,title,at\nZoe,The Wild Coast,2026-01-01\n", {}),
    ("json", "a.json", '{"shows": [{"name": "Rivers", "tags": ["sea"]}]}', {}),
    ("jsonl", "a.jsonl", '{"title": "Rivers"}\n{"title": "Seas"}\n', {}),
    ("opml", "a.opml", OPML, {"listener": "Zoe"}),
    ("feed", "a.xml", RSS, {}),
    ("feed", "atom.xml", ATOM, {}),
    ("librivox", "api.json", LIBRIVOX_API, {}),
    ("librivox", "dump.json", LIBRIVOX_DUMP, {}),
    ("apple", "apple.json", APPLE, {}),
    ("goodreads", "goodreads.csv", GOODREADS, {"listener": "Zoe"}),
    ("audible", "audible.csv", AUDIBLE, {"listener": "Zoe"}),
]


@pytest.mark.parametrize(("format_", "name", "content", "said"), EVERY, ids=[f"{row[0]}-{row[1]}" for row in EVERY])
def test_every_format_is_recognised_and_twice_is_once(engine, small, bring, format_, name, content, said):
    small.commit()
    done = bring(engine, name, content, **said)
    assert done.report.new or done.report.listens
    before = state(engine)
    assert bring(engine, name, content, as_=format_, **said).report.new == {}
    assert state(engine) == before


def test_every_format_has_an_example_here():
    assert {importer.name for importer in IMPORTERS} == {row[0] for row in EVERY} | {"podcastindex"}


def test_opml(engine, bring):
    done = bring(engine, "subs.opml", OPML, listener="Zoe")
    assert [(problem.where, problem.field) for problem in done.rejected] == [("subs.opml:5", "row")]
    with Session(engine) as session:
        show = item(session, "show:cafe-serial")
        assert (show.title, show.topics) == ("Café Serial", ("news",))
        zoe = session.scalars(select(Listener)).one()
        assert [listen.item.title for listen in zoe.listens] == ["Café Serial", "Rivers"]
        assert {listen.at for listen in zoe.listens} == {datetime(2026, 2, 2, 10)}
        assert {ref.value for ref in session.scalars(select(ItemRef))} == {"a.example/serial", "b.example/r"}


def test_a_feed_is_a_show_and_its_episodes(engine, bring):
    bring(engine, "feed.xml", RSS)
    with Session(engine) as session:
        show, episode = item(session, "show:harbour"), item(session, "episode:the-lighthouse")
        assert ([maker.name for maker in show.makers], show.language) == (["Mara", "Radio H"], "en")
        assert (show.description, show.topics, show.minutes) == ("Stories of the sea.", ("comedy",), 31)
        assert (episode.part_of.key, episode.minutes, episode.year) == ("show:harbour", 31, 2026)
        assert item(session, "episode:the-tide").minutes is None
        assert (show.explicit, episode.explicit, item(session, "episode:the-tide").explicit) == (False, True, False)


def test_librivox_api_and_dump_are_one_book(engine, bring):
    bring(engine, "dump.json", LIBRIVOX_DUMP)
    done = bring(engine, "api.json", LIBRIVOX_API)
    assert (done.report.new, done.report.changed) == ({}, 1)
    with Session(engine) as session:
        book = session.scalars(select(Item)).one()
        assert (book.key, book.minutes, book.fame, book.year) == ("audiobook:count-of-monte-cristo", 120, 3, 1844)
        assert (book.description, book.topics) == ("A prisoner escapes.", ("adventure",))
        assert [maker.name for maker in book.makers] == ["Alexandre Dumas"]


def test_goodreads_is_a_history(engine, bring):
    bring(engine, "goodreads.csv", GOODREADS, listener="Zoe")
    with Session(engine) as session:
        listens = session.scalars(select(Listener)).one().listens
        assert [(one.item.key, round(one.weight, 2)) for one in listens] == [
            ("audiobook:moss", 1.67), ("audiobook:stone", 1.0),
        ]  # fmt: skip
        assert listens[0].at == datetime(2025, 11, 3)


def test_a_date_among_listens_is_when_it_was_heard(engine, small, bring):
    small.commit()
    bring(engine, "heard.csv", "listener,title,date,rating\nZoe,Serial,31.01.2026,5\nZoe,Radio Mar,2026-2-3 10:00,1\n")
    bring(engine, "heard.jsonl", '{"listener": "Ada", "title": "Serial", "date": "2026-01-31", "year": 2014}\n')
    with Session(engine) as session:
        listens = session.execute(select(Listen.at, Listen.weight).order_by(Listen.id)).all()
        assert [(at, round(weight, 2)) for at, weight in listens] == [
            (datetime(2026, 1, 31), 1.67), (datetime(2026, 2, 3, 10), 0.33), (datetime(2026, 1, 31), 1.0),
        ]  # fmt: skip
    chosen = {"title": "title", "date": "year"}
    assert of_listens(chosen, ["title", "date"], {}) == {"title": "title", "date": "at"}
    assert of_listens(chosen, ["title", "date"], {"date": "year"}) == chosen


def test_stars_that_are_none_weigh_as_one(engine, small, bring):
    small.commit()
    done = bring(engine, "heard.csv", "title,at,rating\nSerial,2026-01-01,0\nSerial,2026-01-02,9\n", listener="Zoe")
    assert [(field, count) for (field, _), (count, _) in done.report.mended.items()] == [("rating", 1)]
    with Session(engine) as session:
        assert list(session.scalars(select(Listen.weight))) == [1.0, 1.0]


def test_audible_takes_the_date_it_was_finished(engine, bring):
    bring(engine, "audible.csv", "Title,Narrator,Date Added,Date Finished\nMoss,Bob,2025-01-01,2026-01-02\n")
    with Session(engine) as session:
        assert session.scalars(select(Listen.at)).one() == datetime(2026, 1, 2)


def test_a_catalog_with_narrators_is_nobody_s_library(engine, bring):
    done = bring(engine, "books.csv", "title,author,narrator,type\nMoss,Jane Doe,Bob,book\n")
    assert (done.report.new, done.report.listens) == ({"audiobook": 1}, 0)


def test_types_by_other_names(engine, bring):
    done = bring(engine, "shows.csv", "title,type\nOne,Podcast\nTwo,series\nThree,book\nFour,film\n")
    assert (done.report.new, len(done.rejected)) == ({"show": 2, "audiobook": 1}, 1)
    assert bring(engine, "heard.csv", "listener,title,type\nZoe,One,podcast\n").report.listens == 1


def test_another_file_s_numbers_are_said(engine, bring, tmp_path):
    bring(engine, "data.csv", "id,title\n1,Rivers\n2,Seas\n")
    done = bring(engine, "data.csv", "id,title\n1,Mountains\n2,Seas\n")
    ((field, what), (count, first)) = next(iter(done.report.mended.items()))
    assert (field, count, first) == ("title", 1, "'Mountains' at data.csv:2") and "Rename it" in what
    stems = [Source(tmp_path / "data.csv", f"https://www.{host}.example/data.csv?key=1").stem for host in "ab"]
    assert stems == ["https://www.a.example/data.csv", "https://www.b.example/data.csv"]


def test_a_guess_stays_a_guess(engine, small, bring):
    small.commit()
    content = "Title,Author,ASIN\nVingt mille lieux,Jules Verne,B001\n"
    for listens in (1, 0):
        done = bring(engine, "audible.csv", content, listener="Zoe")
        assert [key for _, _, key, confidence in done.guessed if confidence < 1] == ["audiobook:vingt-mille-lieues"]
        assert (done.report.new, done.report.listens) == ({}, listens)
    with Session(engine) as session:
        assert session.scalars(select(ItemRef)).all() == []


@pytest.mark.parametrize("address", ["https://p.example/rss?auth=SECRET", "https://me:SECRET@p.example/rss"])
def test_private_addresses_are_not_kept(engine, bring, address):
    opml = f'<opml><body><outline text="Mine" xmlUrl="{address}"/></body></opml>'
    feed = RSS.replace("<link>https://h.example</link>", f"<link>{address}</link>")
    for name, content in (
        ("subs.opml", opml),
        ("feed.xml", feed),
        ("a.jsonl", f'{{"title": "A", "url": "{address}"}}'),
    ):
        for _ in range(2):
            done = bring(engine, name, content, listener="Zoe" if name == "subs.opml" else None)
    assert done.report.same == 1
    with Session(engine) as session:
        assert not [ref for ref in session.scalars(select(ItemRef)) if "secret" in ref.value.lower()]


def test_podcastindex(engine, bring, tmp_path):
    path = tmp_path / "podcastindex_feeds.db"
    with sqlite3.connect(path) as connection:
        connection.execute(
            "create table podcasts (id, url, title, dead, itunesId, itunesAuthor, language, popularityScore, "
            "description, category1, explicit)"
        )
        rows = [
            (1, "https://a.example/f", "Alive", 0, 77, "Ada", "de", 9, "Worte.", "comedy", 0),
            (2, "https://b.example/f", "Dead", 1, None, "Bob", "en", 0, "", "", 1),
            (3, "https://c.example/f", "", 0, None, "Bob", "en", 0, "", "", 1),
        ]
        connection.executemany("insert into podcasts values (?,?,?,?,?,?,?,?,?,?,?)", rows)
    connection.close()
    for new in ({"show": 1}, {}):
        done = bring(engine, path)
        assert (done.report.new, len(done.rejected)) == (new, 1)
    with Session(engine) as session:
        show = session.scalars(select(Item)).one()
        assert (show.title, show.language, show.fame, show.topics) == ("Alive", "de", 4, ("comedy",))
        assert show.explicit is False
    assert bring(engine, "apple.json", APPLE).report.new == {}, "collection 77 is the show that the dump calls so"
    with Session(engine) as session:
        assert session.scalars(select(Item)).one().explicit is True, "what Apple says of the whole of it"


def test_listens_name_items_in_many_ways(engine, small, bring):
    small.commit()
    rows = [
        ("Zoe", "show:serial", "", "2026-01-01"), ("Zoe", "harry poter", "", "2026-01-02"),
        ("Zoe", "Vingt mille lieux", "Jules Verne", "2026-01-03"), ("Zoe", "Serial", "Jules Verne", "2026-01-04"),
        ("Zoe", "Nothing at all", "", "2026-01-05"), ("Zoe", "Serial", "", "0000-01-01"), ("", "Serial", "", ""),
    ]  # fmt: skip
    text = "listener,item,author,timestamp\n" + "".join(",".join(row) + "\n" for row in rows)
    done = bring(engine, "listens.csv", text)
    assert [(key, where) for where, _, key, confidence in done.guessed if confidence < 1] == [
        ("audiobook:harry-potter-and-the-red-stone", "listens.csv:3"),
        ("audiobook:vingt-mille-lieues", "listens.csv:4"),
    ]  # fmt: skip
    assert sorted((problem.where, problem.field) for problem in done.rejected) == [
        ("listens.csv:5", "item"), ("listens.csv:6", "item"), ("listens.csv:7", "at"), ("listens.csv:8", "listener"),
    ]  # fmt: skip
    assert done.report.listens == 3


def test_titles_with_a_listener_are_that_listener_s_history(engine, small, bring):
    small.commit()
    done = bring(engine, "heard.csv", "title\nSerial\nThe Wild Coast\nUnheard Of\n", listener="Zoe")
    assert (done.report.new, done.report.listens, len(done.rejected)) == ({}, 2, 1)


def test_what_a_file_does_not_say_stays(engine, small, bring):
    small.commit()
    done = bring(engine, "shows.csv", "title,author,year\nSerial,Sarah Koenig,2014\n")
    assert (done.report.new, done.report.changed) == ({}, 1)
    with Session(engine) as session:
        serial = item(session, "show:serial")
        assert (serial.year, serial.fame, serial.tones, serial.sid) == (2014, 5, ("gripping",), "show:1-1")


def test_a_language_is_guessed_for_new_items_and_for_those_of_which_nothing_else_is_known(engine, bring):
    """A list of titles alone must not change what a catalog says of them."""
    title = "Das Leben der Anderen und die Geschichte dieser Stadt"
    bring(engine, "shows.csv", f"title,author,language\n{title},Ada,en\nXq,Ada,\n")
    with Session(engine) as session:
        assert [row.language for row in session.scalars(select(Item).order_by(Item.id))] == ["en", "und"]
    again = bring(engine, "titles.csv", f"title,author\n{title},Ada\n{title} und mehr,Bob\n").report
    assert (again.changed, again.same, again.new) == (0, 1, {"show": 1})
    bring(engine, "more.csv", f"title,author,description\nXq,Ada,{title} und noch mehr davon\n")
    with Session(engine) as session:
        assert [row.language for row in session.scalars(select(Item).order_by(Item.id))] == ["en", "de", "de"]


def test_namesakes_with_numbers_of_their_own_stay_apart(engine, bring):
    content = "id,title,author\n1,Empire,Ada\n2,Empire,Ada\n3,Empire,Bob\n"
    assert bring(engine, "shows.csv", content).report.new == {"show": 3}
    assert bring(engine, "shows.csv", content).report.same == 3


def test_imported_items_pass_the_check(engine, bring):
    bring(engine, "feed.xml", RSS)
    with Session(engine) as session:
        assert check(session) == []


@pytest.mark.parametrize("ending", ["jsonl", "csv", "tsv"])
def test_what_is_exported_is_imported_as_it_was(engine, small, bring, tmp_path, ending):
    small.commit()
    bring(engine, "feed.xml", RSS)
    with Session(engine) as session:
        exports.write_rows(tmp_path / f"all.{ending}", exports.item_rows(session))
    other = open_database("sqlite://")
    assert sum(bring(other, tmp_path / f"all.{ending}").report.new.values()) == 10

    def known(engine):
        rows = {row["key"]: row for row in state(engine)[0]}
        return {key: {name: row[name] for name in row if name != "refs"} for key, row in rows.items()}

    assert known(other) == known(engine)
    assert bring(engine, tmp_path / f"all.{ending}").report.same == 10
    other.dispose()


names = st.text(st.characters(codec="utf-8", categories=["L", "N", "P", "Zs"]), min_size=1, max_size=20)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(names, names, st.integers(1, 3000) | st.none()), min_size=1, max_size=8))
def test_any_catalog_survives_export_and_import(bring, tmp_path, rows):
    first, second = open_database("sqlite://"), open_database("sqlite://")
    lines = "\n".join(json.dumps({"title": t, "makers": [m], "minutes": n}) for t, m, n in rows)
    bring(first, "rows.jsonl", lines)
    with Session(first) as session:
        exports.write_rows(tmp_path / "out.jsonl", exports.item_rows(session))
    if state(first)[0]:
        bring(second, tmp_path / "out.jsonl")
    wanted, got = state(first)[0], state(second)[0]
    assert [{**row, "refs": 0} for row in got] == [{**row, "refs": 0} for row in wanted]
    first.dispose()
    second.dispose()
