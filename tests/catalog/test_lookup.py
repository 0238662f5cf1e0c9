import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.lookup import ACCEPT, MakerIndex, TitleIndex, find_items, find_makers

WORDS = [
    "sea",
    "night",
    "history",
    "little",
    "house",
    "garden",
    "river",
    "king",
    "winter",
    "city",
    "ghost",
    "long",
    "road",
    "blue",
    "letter",
    "island",
]
MANY = [
    (number, f"show:{number}", "show", f"The {a.title()} {b.title()} of {c}", "en", number % 5 + 1)
    for number, (a, b, c) in enumerate((a, b, c) for a in WORDS for b in WORDS for c in WORDS if len({a, b, c}) == 3)
][:1500]


@pytest.mark.parametrize(
    ("said", "title"),
    [
        ("serial", "Serial"),
        ("Serial!", "Serial"),
        ("the serial", "Serial"),
        ("serial killers", "Serial Killers"),
        ("serial kilers", "Serial Killers"),
        ("the left hand of darkness", "The Left Hand of Darkness"),
        ("left hand of darknes", "The Left Hand of Darkness"),
        ("harry poter", "Harry Potter and the Red Stone"),
        ("the red stone", "Harry Potter and the Red Stone"),
        ("potter", "Harry Potter and the Red Stone"),
        ("vingt mille lieux", "Vingt mille lieues"),
        ("wild coast", "The Wild Coast"),
    ],
)
def test_what_was_said_is_found(small, said, title):
    assert [match.title for match in find_items(small, said)] == [title]


@pytest.mark.parametrize(
    "said", ["", "?!", "the", "the wild", "radio", "xq", "a calm show by the sea", "darkness falls"]
)
def test_what_names_nothing_finds_nothing(small, said):
    assert find_items(small, said) == []


def test_types_limit_the_search(small):
    assert find_items(small, "serial", types=["audiobook"]) == []
    assert find_items(small, "harry potter", types=["audiobook"])[0].key.startswith("audiobook:")


def test_a_title_in_full_goes_before_a_subtitled_one():
    index = TitleIndex([(1, "a:1", "a", "Dune: The Graphic Novel", "en", 5), (2, "a:2", "a", "Dune", "en", 1)])
    assert [match.item_id for match in index.find("dune")] == [2]
    assert [match.item_id for match in index.find("the graphic novel")] == [1]
    index = TitleIndex([(1, "a:1", "a", "Sapiens: A Brief History", "en", 5)])
    assert [match.item_id for match in index.find("sapiens")] == [1]


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ("verne", "Jules Verne"),
        ("jules vern", "Jules Verne"),
        ("Le Guin", "Ursula K. Le Guin"),
        ("the BBC", "BBC"),
        ("j. rowling", "J. Rowling"),
    ],
)
def test_makers_go_by_their_last_names(small, said, name):
    assert [match.name for match in find_makers(small, said)] == [name]


def test_makers_that_begin_with_an_acronym():
    index = MakerIndex([(1, "BBC Radio 4"), (2, "BBC World Service"), (3, "Ada Bbc"), (4, "Ada Sand")])
    assert {match.maker_id for match in index.find("bbc")} == {1, 2, 3}
    assert index.find("ada") == []


@given(st.sampled_from(MANY))
def test_every_title_finds_itself_and_the_best_is_first(row):
    found = INDEX.find(row[3].upper())
    assert (found[0].item_id, found[0].score) == (row[0], 1.0)


@given(st.text(max_size=30))
def test_scores_are_in_order_and_above_the_threshold(text):
    scores = [match.score for match in INDEX.find(text)]
    assert scores == sorted(scores, reverse=True)
    assert all(ACCEPT <= score <= 1 for score in scores)


INDEX = TitleIndex(MANY)
