from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.importers.clean import Cleaner, Unusable, cut, is_private, language_code, one_line, seconds_of, time_of
from catalog.records import MOST_DESCRIPTION, ImportedRecord
from catalog.vocabulary import load_vocabulary

VOCABULARY = load_vocabulary()
ANYTHING = st.one_of(
    st.none(), st.text(max_size=60), st.integers(), st.floats(), st.booleans(),
    st.lists(st.text(max_size=20), max_size=3), st.dictionaries(st.text(max_size=3), st.text(max_size=5), max_size=2),
    st.sampled_from(["-5", "0", "NaN", "inf", "1e999", "0000-00-00", "<b>x</b>", "\ud800", "12:99:01", "en-US", "NA"]),
)  # fmt: skip


def cleaner():
    notes = []
    return Cleaner(VOCABULARY, (10, 100, 1000, 10_000), lambda *note: notes.append(note)), notes


def test_a_messy_row_by_hand():
    clean, notes = cleaner()
    record = clean.record(
        {
            "title": " Tide &amp; <b>Time</b>\n", "makers": "Ada Sand; BBC;Ada Sand", "language": "English",
            "year": "2019-05-01", "duration": "1:02:40", "genres": "Society & Culture, Sea, Spoons",
            "popularity": "1.5K", "explicit": "Yes", "description": "<p>One.</p><p>Two.</p><script>alert('x')</script>",
        }
    )  # fmt: skip
    assert record == ImportedRecord.model_validate(
        dict(title="Tide & Time", makers=("Ada Sand", "BBC"), language="en", year=2019, minutes=63,
             topics=("society", "sea"), fame=4, explicit=True, description="One. Two."),
        context={"vocabulary": VOCABULARY},
    )  # fmt: skip
    assert notes == []


def test_what_makes_no_sense_is_left_out_and_said():
    clean, notes = cleaner()
    fields = {"title": "X", "year": "0", "minutes": "-5", "fame": "9", "topics": "spoons", "language": "Elvish?"}
    fields["explicit"] = "perhaps"
    assert clean.record(fields) == ImportedRecord.model_construct(title="X")
    assert sorted(field for field, _, _ in notes) == ["explicit", "fame", "language", "minutes", "topics", "year"]


@given(st.dictionaries(st.sampled_from(["title", "makers", "language", "year", "minutes", "seconds", "duration",
       "description", "genres", "topics", "tones", "format", "fame", "popularity"]), ANYTHING))  # fmt: skip
def test_any_fields_give_a_valid_record_or_none(fields):
    clean, _ = cleaner()
    try:
        record = clean.record(fields)
    except Unusable as error:
        assert error.field == "title"
        return
    again = ImportedRecord.model_validate(record.model_dump(), context={"vocabulary": VOCABULARY})
    assert again == record
    for text in (record.title, record.description, *record.makers):
        text.encode("utf-8")
        assert "\0" not in text and "\n" not in text


@given(st.text(max_size=200))
def test_one_line_is_stable_and_has_no_tags(text):
    line = one_line(f"<script>evil()</script><p>{text}</p>")
    assert "evil()" not in line
    assert "\n" not in line and line == line.strip()


@given(st.text(max_size=900), st.integers(40, MOST_DESCRIPTION))
def test_a_cut_is_short_and_a_beginning(text, most):
    short = cut(text, most)
    assert len(short) <= most
    assert text.startswith(short.removesuffix("…"))


def test_a_cut_ends_with_a_sentence():
    assert cut("One two three four five. Six seven eight nine ten.", 30) == "One two three four five."
    assert cut("one two three four five six seven", 20) == "one two three four…"


@pytest.mark.parametrize(
    ("said", "seconds"),
    [("1:02:03", 3723), ("62:03", 3723), ("90", 90), ("3 hrs and 20 mins", 12_000), ("soon", None), ("-5", -5)],
)
def test_lengths(said, seconds):
    assert seconds_of(said, 1) == seconds


@pytest.mark.parametrize(
    "said",
    ["2026-01-31T18:00:00Z", "2026/01/31 18:00", "Sat, 31 Jan 2026 18:00:00 GMT", "1769882400", "1769882400000",
     "2026-01-31T20:00:00+02:00", "31.01.2026 18:00", "2026-1-31 18:00", "2026.1.31 18:00:00.0"],
)  # fmt: skip
def test_times(said):
    assert time_of(said) == datetime(2026, 1, 31, 18)


def test_times_of_one_digit():
    assert (
        time_of("3.1.2026 9:05") == time_of("2026-1-3 9:05") == time_of("2026/1/3 09:05") == datetime(2026, 1, 3, 9, 5)
    )
    assert time_of("31.01.2026") == datetime(2026, 1, 31)


@pytest.mark.parametrize("said", ["Unknown", "None"])
def test_a_title_may_be_a_word_for_nothing(said):
    clean, _ = cleaner()
    assert clean.record({"title": said, "description": said}) == ImportedRecord.model_construct(title=said)


@pytest.mark.parametrize(
    ("address", "private"),
    [("https://a.example/rss?auth=x", True), ("https://a.example/rss?id=1&access_token=x", True),
     ("https://a.example/?KEY=x", True), ("https://a.example/?author=ada&keyword=sea", False),
     ("https://a.example/secret=x", False), ("https://me:x@a.example/", True), ("https://a.example/@me", False)],
)  # fmt: skip
def test_private_addresses(address, private):
    assert is_private(address) is private


@pytest.mark.parametrize("said", ["0000-01-01", "0001-01-01", "9999-12-31", "yesterday", "99999999999999999999"])
def test_no_times(said):
    with pytest.raises(Unusable):
        time_of(said)


def test_languages():
    names = ["English", "en-US", "pt_BR", "fra", "Deutsch", "Ancient Greek", "xx", "gibberish!", "Multilingual"]
    assert [language_code(name) for name in names] == ["en", "en", "pt", "fr", "de", "grc", None, None, "mul"]


@given(st.text(max_size=80) | st.text("&lt;gtamp#60/b<>scripx ", max_size=60))
def test_one_line_again_changes_nothing(text):
    line = one_line(text)
    assert one_line(line) == line


def test_markup_that_somebody_escaped_is_markup():
    escaped = "&lt;p&gt;A &amp;amp;quot;calm&amp;amp;quot; sea&lt;/p&gt;&lt;script&gt;x()&lt;/script&gt;"
    assert one_line(escaped) == 'A "calm" sea'
