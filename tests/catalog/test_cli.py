import json
import os
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from catalog.__main__ import app
from catalog.demo import FOLDER
from catalog.errors import EmptyCatalog, ItemNotFound

run = CliRunner().invoke


@pytest.fixture(scope="module")
def database(tmp_path_factory):
    url = f"sqlite:///{tmp_path_factory.mktemp('cli')}/catalog.db"
    result = run(app, ["load", "--database", url])
    assert result.exit_code == 0 and " items in sqlite" in result.output
    return url


def test_load_again_says_that_nothing_changed(database):
    assert "already up to date" in run(app, ["load", "--database", database]).output


def test_stats_for_programs(database):
    figures = json.loads(run(app, ["stats", "--json"], env={"NEO_DATABASE": database}).output)
    assert list(figures) == ["items", "languages", "makers", "listeners", "listens"]
    assert set(figures["items"]) == {"show", "audiobook"}
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
    for command in app.registered_commands:
        assert "Example: python -m catalog" in command.callback.__doc__, command.callback.__name__
