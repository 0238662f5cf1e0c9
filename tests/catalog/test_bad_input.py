"""Files that are wrong: each ends in a clear report, and the database is as before or complete."""

import csv
import gzip
import io
import os
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from catalog.database import open_database, writing_session
from catalog.errors import CatalogError, DatabaseBusy, FileUnusable
from catalog.importers import source as sources
from catalog.importers.tables import MOST_LETTERS
from catalog.queries import count_of
from catalog.tables import Item

ROWS = "title,author\nThe Sea,Zoë Ärmel\nThe Land,Bob\n"


def titles(engine) -> list[str]:
    with Session(engine) as session:
        return list(session.scalars(select(Item.title).order_by(Item.id)))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp1252"])
def test_encodings(engine, bring, encoding):
    done = bring(engine, "shows.csv", ROWS.encode(encoding))
    assert done.report.new == {"show": 2} and done.rejected == []
    with Session(engine) as session:
        assert [maker.name for maker in session.get(Item, 1).makers] == ["Zoë Ärmel"]


def test_one_line_of_another_encoding_costs_nothing(engine, bring):
    lines = "title\nÉtude\n".encode() + "Zoë\n".encode("latin-1") + b"Bob\n"
    bring(engine, "shows.csv", lines)
    assert titles(engine) == ["Étude", "Zoë", "Bob"]


def test_a_quote_that_never_closes_costs_one_row(engine, bring):
    done = bring(
        engine,
        "shows.csv",
        'title,author\nOne,A\n"Two,B\nThree,C\nFour,D\nFive,E\n',
    )
    assert titles(engine) == ["One", "Three", "Four", "Five"]
    assert [(problem.where, problem.remedy) for problem in done.rejected] == [
        ("shows.csv:3", "a quote opens here and never closes")
    ]


def test_a_stray_quote_costs_its_line_and_no_other(engine, bring):
    """The second quote would end the first one's cell, and every row between would be in it."""
    rows = 'title,author\nOne,A\n"Two,B\nThree,C\nFour,D\n"Five",E\nSay 5" tall,F\n"Six, or\nsix",G\n'
    done = bring(engine, "shows.csv", rows)
    assert titles(engine) == ["One", "Three", "Four", "Five", 'Say 5" tall', "Six, or six"]
    assert [problem.where for problem in done.rejected] == ["shows.csv:3"]


def test_a_huge_row_behind_an_open_quote_costs_these_two(engine, bring):
    done = bring(engine, "shows.csv", f'title\n"One\nTwo\n{"x" * MOST_LETTERS}\nThree\n')
    assert titles(engine) == ["Two", "Three"]
    assert [(problem.where, problem.remedy[:11]) for problem in done.rejected] == [("shows.csv:2", "longer than")]


@pytest.mark.parametrize(
    "odd",
    [
        '{"title": "Odd", "refs": null}',
        '{"title": "Odd", "refs": 5}',
        '{"title": "Odd", "id": {"$oid": "5f"}}',
        r'{"title": "Odd", "key": "show:\ud800"}',
        r'{"title": "Odd", "part_of": "show:\ud800"}',
        r'{"title": "Odd", "refs": [["\ud800", "\ud800"]]}',
    ],
)
def test_one_odd_object_costs_nothing(engine, bring, odd):
    done = bring(engine, "shows.jsonl", f'{{"title": "One", "id": 1}}\n{odd}\n{{"title": "Two", "id": 2}}\n')
    assert (sorted(titles(engine)), done.rejected) == (["Odd", "One", "Two"], [])


def test_a_listen_of_what_no_text_can_be_costs_one_row(engine, bring):
    bring(engine, "old.csv", ROWS)
    rows = r'{"listener": "Zoe", "item": "show:\ud800"}' + '\n{"listener": "Zoe", "item": "show:the-sea"}\n'
    done = bring(engine, "listens.jsonl", rows)
    assert (done.report.listens, [problem.where for problem in done.rejected]) == (1, ["listens.jsonl:1"])


def test_a_huge_row_costs_one_row(engine, bring):
    huge = f"title,description\nOne,a\nTwo,{'x' * MOST_LETTERS}\nThree,b\n"
    done = bring(engine, "shows.csv", huge)
    assert titles(engine) == ["One", "Three"]
    assert [problem.where for problem in done.rejected] == ["shows.csv:3"]
    lines = f'{{"title": "Uno"}}\n{{"title": "{"x" * MOST_LETTERS}"}}\n{{"title": "Tres"}}\n'
    assert [problem.where for problem in bring(engine, "shows.jsonl", lines).rejected] == ["shows.jsonl:2"]


def test_duplicates_and_too_many_cells(engine, bring):
    done = bring(engine, "shows.csv", "id,title\n1,One\n1,Uno\n2,Two, and a half\n3,\n4,Four\n")
    assert titles(engine) == ["One", "Four"]
    assert sorted((problem.where, problem.field) for problem in done.rejected) == [
        ("shows.csv:3", "item"), ("shows.csv:4", "row"), ("shows.csv:5", "title"),
    ]  # fmt: skip


def test_two_hundred_columns(engine, bring):
    header = ",".join(f"column{number}" for number in range(199))
    bring(engine, "wide.csv", f"{header},Show Title\n{','.join('x' * 199)},Wide\n")
    assert titles(engine) == ["Wide"]


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("empty.csv", b"", "empty"),
        ("bytes.csv", bytes(range(256)) * 9, "title"),
        ("half.json", b'[{"title": "One"}, {"title": "Tw', "not JSON"),
        ("bare.json", b'{"a": 1}', "no list"),
        ("titleless.jsonl", b'{"a": 1}', "no title"),
        ("half.opml", b"<opml><body><outline text='a' xmlUrl='http://a'/>", "not XML"),
        ("bomb.opml", b'<!DOCTYPE x [<!ENTITY a "a"><!ENTITY b "&a;&a;">]><opml><body>&b;</body></opml>', "entities"),
        ("bomb.xml", b'<!DOCTYPE x [<!ENTITY a "aaaa">]><rss><channel><title>&a;</title></channel></rss>', "entities"),
        ("outside.xml", b'<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/x">]><rss><channel>&a;</channel></rss>', "entit"),
        ("bomb16.xml", '<!DOCTYPE x [<!ENTITY a "b">]><rss><channel/></rss>'.encode("utf-16"), "entities"),
        ("deep.opml", b"<opml><body>" + b"<outline text='a'>" * 200 + b"</outline>" * 200 + b"</body></opml>", "nest"),
        ("nothing.xml", b"<rss><channel></channel></rss>", "no show"),
        ("fake.db", b"SQLite format 3\0" + b"x" * 500, "not a database"),
        ("broken.csv.gz", gzip.compress(ROWS.encode(), mtime=0)[:-9], "end-of-stream"),
        ("two.zip", None, "2 files"),
    ],
)  # fmt: skip
def test_files_that_make_no_sense_change_nothing(engine, bring, name, content, reason):
    if content is None:
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            archive.writestr("a.csv", ROWS)
            archive.writestr("b.csv", ROWS)
        content = buffer.getvalue()
    with pytest.raises(FileUnusable, match=reason):
        bring(engine, name, content)
    assert titles(engine) == []


@pytest.mark.parametrize("packed", ["gz", "zip"])
def test_archives_are_read_and_bombs_are_not(engine, bring, monkeypatch, packed):
    def pack(content: str) -> bytes:
        if packed == "gz":
            return gzip.compress(content.encode())
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("shows.csv", content)
        return buffer.getvalue()

    assert bring(engine, f"shows.csv.{packed}", pack(ROWS)).report.new == {"show": 2}
    monkeypatch.setattr(sources, "FREE", 1 << 20)
    with pytest.raises(FileUnusable, match="times its size"):
        bring(engine, f"bomb.csv.{packed}", pack("title\nNew\n" + ("x" * 1000 + "\n") * 5000))
    assert titles(engine) == ["The Sea", "The Land"]


def test_outlines_that_contain_themselves_are_listed_once(engine, bring):
    one = '<outline text="A" xmlUrl="http://a.example/f">{}</outline>'
    done = bring(engine, "subs.opml", f"<opml><body>{one.format(one.format(''))}{one.format('')}</body></opml>")
    assert (titles(engine), done.rejected) == (["A"], [])


def test_deep_json_is_one_bad_row(engine, bring):
    done = bring(engine, "shows.jsonl", '{"title": "A"}\n' + "[" * 100_000 + "\n" + '{"title": "B"}\n')
    assert titles(engine) == ["A", "B"] and len(done.rejected) == 1


cells = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=st.lists(st.lists(cells, min_size=3, max_size=3), max_size=12), encoding=st.sampled_from(["utf-8", "utf-16"])
)
def test_every_row_is_imported_or_told(bring, rows, encoding):
    """Whatever the cells: a row with anything in it is one item or one rejection."""
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerows([["title", "author", "description"], *rows])
    engine = open_database("sqlite://")
    done = bring(engine, "shows.csv", buffer.getvalue().encode(encoding))
    assert done.report.items + len(done.rejected) == sum(any(row) for row in rows)
    assert len(titles(engine)) == done.report.items
    engine.dispose()


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    content=st.binary(min_size=1, max_size=400), name=st.sampled_from(["a.csv", "a.json", "a.jsonl", "a.opml", "a.xml"])
)
def test_no_bytes_are_more_than_an_error_of_ours(bring, content, name):
    engine = open_database("sqlite://")
    try:
        bring(engine, name, content)
    except CatalogError:
        assert titles(engine) == []
    engine.dispose()


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(lines=st.lists(st.sampled_from(['"', "a,b", '"a","b"', 'x"y,z', '"open,b', "", 'a,"b""c"', ","]), max_size=15))
def test_quotes_in_any_disorder_end(bring, lines):
    engine = open_database("sqlite://")
    done = bring(engine, "a.csv", "\n".join(["title,author", *lines]))
    assert done.report.items == len(titles(engine))
    engine.dispose()


def test_an_error_in_mid_file_leaves_the_database_as_before(engine, bring):
    bring(engine, "old.csv", ROWS)
    entries = ", ".join(f'{{"title": "Item {number}"}}' for number in range(3000))
    with pytest.raises(FileUnusable):
        bring(engine, "new.json", f"[{entries}")
    assert titles(engine) == ["The Sea", "The Land"]


def test_a_killed_import_leaves_the_database_as_before(tmp_path, bring):
    url = f"sqlite:///{tmp_path}/catalog.db"
    engine = open_database(url)
    bring(engine, "old.csv", ROWS)
    engine.dispose()
    many = "title,description\n" + "".join(f"Item {n},{'word ' * 40}{n}\n" for n in range(30_000))
    (tmp_path / "new.csv").write_text(many)
    command = [sys.executable, "-m", "catalog", "import", str(tmp_path / "new.csv"), "--database", url]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    log = Path(f"{tmp_path}/catalog.db-wal")
    # Rows have reached the disk once the log grows beyond what the page cache holds.
    while not (log.exists() and log.stat().st_size > 200_000):
        assert process.poll() is None, "the import ended before it could be killed"
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    engine = open_database(url)
    assert titles(engine) == ["The Sea", "The Land"]
    with engine.connect() as connection:
        assert connection.scalar(text("pragma integrity_check")) == "ok"
    assert bring(engine, "new.csv", many).report.new == {"show": 30_000}
    engine.dispose()


def test_a_full_disk_leaves_the_database_as_before(tmp_path, bring):
    engine = open_database(f"sqlite:///{tmp_path}/catalog.db")
    bring(engine, "old.csv", ROWS)
    with engine.connect() as connection:
        pages = connection.scalar(text("pragma page_count"))
        connection.execute(text(f"pragma max_page_count = {pages + 20}"))  # what SQLite does on a full disk
    with pytest.raises(Exception, match="full"):
        bring(engine, "new.csv", "title\n" + "".join(f"Item {number}\n" for number in range(5000)))
    assert titles(engine) == ["The Sea", "The Land"]
    engine.dispose()


def test_two_imports_at_once_take_turns(anywhere, bring, monkeypatch):
    monkeypatch.setattr("catalog.database.BUSY_SECONDS", 1)
    first, second = open_database(anywhere), open_database(anywhere)
    with writing_session(first) as session:
        session.execute(text("update meta set value = value"))
        with pytest.raises(DatabaseBusy, match="wait"):
            bring(second, "shows.csv", ROWS)
    assert bring(second, "shows.csv", ROWS).report.new == {"show": 2}
    with Session(first) as session:
        assert session.scalar(count_of(Item)) == 2
    first.dispose()
    second.dispose()
