import json
import os
import subprocess
import sys
from collections.abc import Iterator

import pytest
from sqlalchemy import Engine, event, text
from sqlalchemy.orm import Session
from typer.testing import CliRunner

from catalog import queries
from catalog.__main__ import app
from catalog.commands import SHOWN_CHANGES, SHOWN_GUESSES
from catalog.database import open_database, writing_session
from catalog.demo import FOLDER
from catalog.errors import DatabaseBusy, EmptyCatalog, FileUnusable, ItemNotFound, ListenerUnknown
from catalog.tables import Listener
from catalog.wish import Wish

run = CliRunner().invoke


@pytest.fixture(scope="module")
def database(tmp_path_factory):
    url = f"sqlite:///{tmp_path_factory.mktemp('cli')}/catalog.db"
    result = run(app, ["load", "--database", url])
    assert result.exit_code == 0 and " items in sqlite" in result.output
    return url


def test_load_again_says_that_nothing_changed(database):
    assert "already up to date" in run(app, ["load", "--database", database]).output


def test_items_are_disabled_and_enabled_again(database):
    def said(*args):
        return " ".join(run(app, [*args, "--database", database]).output.split())

    assert said("disable") == "Never suggested: none"
    assert (
        said("disable", "show:serial", "radiolab") == "Never suggested: Radiolab (show:radiolab); Serial (show:serial)"
    )
    assert "Serial" in said("disable", "show:serial"), "twice is as good as once"
    assert "never suggested" in said("show", "serial") and "never suggested" not in said("show", "show:1619")
    with Session(open_database(database)) as session:
        sids = set(session.scalars(queries.matching_sids(Wish())))
        keys = {item.key for item in session.scalars(queries.items_by_sid(sids)).unique()}
    assert not keys & {"show:serial", "show:radiolab"}
    assert said("enable", "serial", "show:radiolab") == (
        "Serial (show:serial) may be suggested again. Radiolab (show:radiolab) may be suggested again."
    )
    assert "was not disabled" in said("enable", "serial") and said("disable") == "Never suggested: none"
    assert isinstance(run(app, ["disable", "no item of that name", "--database", database]).exception, ItemNotFound)


def test_stats_for_programs(database):
    figures = json.loads(run(app, ["stats", "--json"], env={"NEO_DATABASE": database}).output)
    assert list(figures) == ["items", "languages", "makers", "listeners", "listens", "disabled items"]
    assert {"show", "audiobook"} <= set(figures["items"])
    assert sum(figures["items"].values()) == sum(figures["languages"].values())
    assert figures["listeners"] == 8 and figures["listens"] >= 8 * 12


def test_stats_for_people(database):
    output = run(app, ["stats", "--database", database]).output
    assert "Podcast shows" in output and "in Spanish" in output


@pytest.mark.parametrize("wanted", ["show:serial", "Serial", "serial"])
def test_show(database, wanted):
    output = run(app, ["show", wanted, "--database", database]).output
    assert "Sarah Koenig" in output and "show:serial" in output


def test_show_offers_what_is_near(database):
    result = run(app, ["show", "harry poter", "--database", database])
    assert isinstance(result.exception, ItemNotFound) and "did you mean" in str(result.exception)


def test_search(database):
    assert "Serial" in run(app, ["search", "seriall", "--database", database]).output
    assert isinstance(run(app, ["search", "xqzxqz", "--database", database]).exception, ItemNotFound)


def test_check_of_a_file(database, tmp_path):
    result = run(app, ["check", "--database", database, str(FOLDER / "show.it.jsonl")])
    assert (result.exit_code, result.output) == (0, "0 problems.\n")
    (tmp_path / "show.en.jsonl").write_text("{}")
    result = run(app, ["check", "--database", database, str(tmp_path / "show.en.jsonl")])
    assert result.exit_code == 1
    assert "show.en.jsonl:1: title" in result.output


@pytest.mark.parametrize("command", [["stats"], ["stats", "--json"], ["show", "x"], ["search", "x"], ["check"]])
def test_an_empty_database_says_what_to_run(command, tmp_path):
    result = run(app, [*command, "--database", f"sqlite:///{tmp_path}/empty.db"])
    assert isinstance(result.exception, EmptyCatalog) and "python -m catalog load" in str(result.exception)


def test_an_error_is_one_line_on_stderr(tmp_path):
    environment = os.environ | {"NEO_DATABASE": f"sqlite:///{tmp_path}/empty.db"}
    done = subprocess.run([sys.executable, "-m", "catalog", "stats"], env=environment, capture_output=True, text=True)
    assert done.returncode == 2 and done.stdout == ""
    assert done.stderr.startswith("error: no items") and done.stderr.count("\n") == 1


def test_every_command_teaches_with_an_example():
    assert "python -m catalog load" in run(app, ["--help"]).output
    groups = [app, *(group.typer_instance for group in app.registered_groups)]
    commands = [command for group in groups for command in group.registered_commands]
    assert len(commands) >= 11
    for command in commands:
        assert "Example: python -m catalog" in command.callback.__doc__, command.callback.__name__


OPML = """<opml version="2.0"><body><outline text="Serial" xmlUrl="https://a.example/serial"/>
<outline text="A Show That Nobody Knows" xmlUrl="https://a.example/new"/></body></opml>"""


@pytest.fixture
def own(tmp_path) -> str:
    url = f"sqlite:///{tmp_path}/own.db"
    assert run(app, ["load", "--database", url]).exit_code == 0
    (tmp_path / "subs.opml").write_text(OPML)
    return url


def test_import_diff_and_dry_run(own, tmp_path):
    path = str(tmp_path / "subs.opml")
    for command in (["diff", path], ["import", path, "--dry-run"]):
        assert "Would be: 1 new show" in run(app, [*command, "--database", own]).output
    result = run(app, ["import", path, "--listener", "Ada", "--database", own])
    assert result.exit_code == 0, result.output
    assert "Done: 1 new show, 0 changed" in result.output and "2 new listens" in result.output
    assert "python -m neo sids write" in result.output and "python -m neo train" in result.output
    assert "no new items" in run(app, ["import", path, "--listener", "Ada", "--database", own]).output
    assert "A Show That Nobody Knows" in run(app, ["show", "show:a-show-that-nobody-knows", "--database", own]).output


def test_rejected_rows_and_columns_are_shown(own, tmp_path):
    (tmp_path / "shows.csv").write_text("What,Who\nFirst,Ada\n,Bob\n")
    arguments = ["import", str(tmp_path / "shows.csv"), "--database", own]
    assert isinstance(run(app, arguments).exception, FileUnusable)
    result = run(app, [*arguments, "--map", "What=title", "--map", "Who=makers"])
    assert "What = title, Who = makers" in result.stderr
    assert "rejected shows.csv:3: title" in result.stderr and "1 rows rejected" in result.output


def test_a_listener_can_be_taken_along_and_deleted(own, tmp_path):
    out = tmp_path / "nadia.jsonl"
    assert run(app, ["listener", "export", "Nadia", str(out), "--database", own]).exit_code == 0
    rows = [json.loads(line) for line in out.read_text().splitlines()]
    assert {row["listener"] for row in rows} == {"Nadia"} and len(rows) >= 12
    assert run(app, ["listener", "delete", "Nadia", "--database", own], input="n\n").exit_code == 1
    before = json.loads(run(app, ["stats", "--json", "--database", own]).output)
    assert run(app, ["listener", "delete", "Nadia", "--yes", "--database", own]).exit_code == 0
    after = json.loads(run(app, ["stats", "--json", "--database", own]).output)
    assert (before["listeners"] - after["listeners"], before["listens"] - after["listens"]) == (1, len(rows))
    gone = run(app, ["listener", "export", "Nadja", "--database", own])
    assert isinstance(gone.exception, ListenerUnknown)
    assert f"{len(rows)} new listens" in run(app, ["import", str(out), "--database", own]).output


def test_what_is_said_about_a_listener_is_taken_along(own):
    rows = run(app, ["listener", "export", "Nadia", "--database", own]).stdout.splitlines()
    assert all(json.loads(row)["about"].startswith("A night-shift nurse") for row in rows)


def test_what_is_not_shown_is_counted(own, tmp_path):
    (tmp_path / "many.csv").write_text("title\n" + "".join(f"Number {n}\n" for n in range(SHOWN_CHANGES + 3)))
    assert "\n... and 3 more\n" in run(app, ["diff", str(tmp_path / "many.csv"), "--database", own]).output
    rows = "".join(f"Zoe,seriall,2026-01-01T00:{n}\n" for n in range(10, 14 + SHOWN_GUESSES))
    (tmp_path / "heard.csv").write_text("listener,title,at\n" + rows)
    assert "\n... and 4 more\n" in run(app, ["import", str(tmp_path / "heard.csv"), "--database", own]).output


@pytest.mark.parametrize("command", [["load"], ["listener", "delete", "Zoe", "--yes"]])
def test_a_database_that_another_writes_is_said_to_be_busy(tmp_path, monkeypatch, command):
    monkeypatch.setattr("catalog.database.BUSY_SECONDS", 0)
    url = f"sqlite:///{tmp_path}/catalog.db"
    engine = open_database(url)
    with Session(engine) as session, session.begin():
        session.add(Listener(name="Zoe"))
    with writing_session(engine) as session:
        session.execute(text("update meta set value = value"))
        result = run(app, [*command, "--database", url])
    assert isinstance(result.exception, DatabaseBusy) and "nothing was changed" in str(result.exception)
    engine.dispose()


@pytest.fixture
def full_disk() -> Iterator[None]:
    """Databases that do not grow by a page: what SQLite does on a full disk."""

    def fill(connection, _record) -> None:
        connection.execute("pragma max_page_count = 1")

    event.listen(Engine, "connect", fill)
    yield
    event.remove(Engine, "connect", fill)


def test_a_full_disk_says_what_to_do(tmp_path, request):
    url, path = f"sqlite:///{tmp_path}/catalog.db", tmp_path / "many.csv"
    open_database(url).dispose()
    path.write_text("title\n" + "".join(f"Item {number}\n" for number in range(2000)))
    request.getfixturevalue("full_disk")
    for command in (["import", str(path)], ["load"]):
        result = run(app, [*command, "--database", url])
        assert isinstance(result.exception, FileUnusable), result.output
        assert "nothing was changed: free some space, or name another --database" in str(result.exception)
    assert isinstance(run(app, ["stats", "--database", url]).exception, EmptyCatalog)


def test_export_and_upgrade(own, tmp_path):
    out = tmp_path / "all.jsonl"
    assert run(app, ["export", str(out), "--database", own]).exit_code == 0
    count = out.read_text().count("\n")
    assert f"no new items, 0 changed, {count} as they were" in run(app, ["diff", str(out), "--database", own]).output
    other, again = f"sqlite:///{tmp_path}/other.db", tmp_path / "again.jsonl"
    run(app, ["import", str(out), "--database", other])
    run(app, ["export", str(again), "--database", other])
    without_refs = [[json.loads(line) | {"refs": 0} for line in path.open()] for path in (out, again)]
    assert without_refs[0] == without_refs[1]
    assert isinstance(run(app, ["export", str(tmp_path / "all.doc"), "--database", own]).exception, FileUnusable)
    assert "already" in run(app, ["upgrade", "--database", own]).output
