"""Which column of a table is which field: guessed, corrected, and told where it is none."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.errors import FileUnusable
from catalog.importers import importer_for
from catalog.importers.columns import USUAL, guess
from catalog.importers.entry import FIELDS, Options
from catalog.importers.source import Source


def test_columns_are_guessed_and_corrected():
    assert guess(["nr", "Show Name", "hosted by", "descripton"], {"hosted by": "makers"}) == {
        "Show Name": "title", "hosted by": "makers", "descripton": "description",
    }  # fmt: skip
    assert guess(["title", "Show Name"], {"Show Name": "title", "title": ""}) == {"Show Name": "title"}
    for wrong in ({"nope": "title"}, {"title": "nope"}):
        with pytest.raises(FileUnusable):
            guess(["title"], wrong)
    assert set(USUAL) == set(FIELDS) - {"refs"}


@given(st.lists(st.text(max_size=8), max_size=12))
def test_a_guess_gives_each_field_once(columns):
    chosen = guess(columns, {})
    assert len(set(chosen.values())) == len(chosen) and set(chosen) <= set(columns)


def test_columns_that_are_left_out_are_told(tmp_path):
    """A list in a column of its own is not read: whoever imports it has to see that."""
    for name, content in (
        ("lists.jsonl", '{"show": "Serial", "also": ["The Wild Coast"], "title": "Serial"}\n'),
        ("lists.csv", "title,also\nSerial,The Wild Coast\n"),
    ):
        (tmp_path / name).write_text(content, encoding="utf-8")
        source = Source(tmp_path / name)
        reading = importer_for(source).read(source, Options())
        assert "also" in reading.ignored and not set(reading.ignored) & set(reading.understood)
