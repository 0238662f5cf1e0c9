import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.names import ARTICLES, item_key, one_slip, plain, same_words, without_article


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("The Handmaid’s Tale!", "the handmaids tale"),
        ("Cien años de soledad", "cien anos de soledad"),
        ("L'Étranger", "l etranger"),
        ("Kermode & Mayo's Take", "kermode and mayos take"),
        ("Gödel, Escher, Bach", "godel escher bach"),
        ("  99%   Invisible ", "99 invisible"),
        ("Fußball MML", "fussball mml"),
        ("...", ""),
    ],
)
def test_plain(name, expected):
    assert plain(name) == expected


@given(st.text())
def test_plain_is_stable(name):
    assert plain(plain(name)) == plain(name)


@given(st.text())
def test_case_and_spaces_do_not_matter(name):
    assert plain(f"  {name.upper()} ") == plain(name.upper())


def test_articles():
    assert without_article("the daily") == "daily"
    assert without_article("i robot") == "i robot"
    assert without_article("i promessi sposi", ARTICLES["it"]) == "promessi sposi"
    assert without_article("the") == "the"


@given(st.lists(st.tuples(st.text(max_size=4), st.text(max_size=3)), max_size=20))
def test_keys_are_unique(names):
    taken = set()
    for title, maker in names:
        key = item_key("show", title, [maker], taken)
        assert key not in taken
        taken.add(key)


def test_a_namesake_is_told_apart_by_its_maker():
    taken = {"show:empire"}
    assert item_key("show", "Empire", ["Goalhanger"], taken) == "show:empire-goalhanger"
    assert item_key("audiobook", "Empire", ["Niall Ferguson"], taken) == "audiobook:empire"


def test_same_words_tells_typos_from_other_words():
    assert same_words(["harry", "poter"], ["harry", "potter"])
    assert same_words(["nightvale"], ["night", "vale"])
    assert not same_words(["a", "brief", "history", "of", "tea"], ["a", "brief", "history", "of", "time"])
    assert not same_words(["henry", "iv", "part", "1"], ["henry", "iv", "part", "2"])


@pytest.mark.parametrize("said", ["driled", "drillled", "drillet", "dirlled", "drilled"])
def test_one_slip_is_a_letter_missing_too_much_wrong_or_swapped(said):
    assert one_slip(said, "drilled")


def test_two_slips_are_too_many_and_a_number_is_no_slip():
    assert not one_slip("drild", "drilled")
    assert not one_slip("henry iv part 1", "henry iv part 2")
    assert not one_slip("archive 1", "archive 81")
