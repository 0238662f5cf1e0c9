"""Names of the catalog in messages: found as they stand, the longest first, and no more than stands there."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.lookup import MakerIndex, TitleIndex
from catalog.mentions import Mentions

TITLES = [
    "The Shining",
    "Serial",
    "Serial Killers",
    "Sherlock & Co.",
    "Empire",
    "How Did This Get Made?",
    "Sapiens: A Story",
    "L'Assommoir",
    "In the Woods",
    "A Walk in the Woods",
    "Drilled",
    "Suave",
]
MENTIONS = Mentions(
    TitleIndex((n, f"show:{n}", "show", title, "en", 3) for n, title in enumerate(TITLES)),
    MakerIndex(enumerate(["Stephen King", "BBC", "Agatha Christie"])),
)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("the shining left me speechless", [("title", "the shining")]),
        ("Loved Serial Killers, by Stephen King!", [("title", "Serial Killers"), ("maker", "Stephen King")]),
        ('Is "Sherlock & Co." here?', [("title", "Sherlock & Co.")]),
        ("what is How Did This Get Made??", [("title", "How Did This Get Made?")]),
        ("something like «Sapiens», please", [("title", "Sapiens")]),
        ("Tell me The rise of an empire", []),  # the writer knows capitals
        ("rise of an empire", [("title", "empire")]),  # this one may not: the model has to judge
        ("all of it : Stephen King - Serial", [("maker", "Stephen King"), ("title", "Serial")]),
        ("do you have Sherlok & Co?", [("title", "Sherlok & Co")]),  # nearly
        ("looking for the shiinng, please", [("title", "the shiinng")]),
        ("something like driled maybe", [("title", "driled")]),  # short, but "driled" is no word
        ("something smooth and soave", []),  # "soave" is one, in another language
        ("do you have A Wlk in the Woods?", [("title", "A Wlk in the Woods")]),  # more than the title in it
        ("I liked Serial. Is there driled, too?", [("title", "Serial"), ("title", "driled")]),
        ("it was in the Woods that I heard Serial", [("title", "in the Woods"), ("title", "Serial")]),
        ("which of Stephen King's are short?", [("maker", "Stephen King")]),
        ("The Shining’s plot", [("title", "The Shining")]),
        ("qualcosa dell'Empire", [("title", "Empire")]),
        ("un livre d'Agatha Christie", [("maker", "Agatha Christie")]),
        ("Serial/Empire/BBC", [("title", "Serial"), ("title", "Empire")]),  # three letters alone are no name
        ("do you have L'Assommoir", [("title", "L'Assommoir")]),
        ("a serious show about killing time", []),
        ("books by King", []),  # half a name is not a name
        ("🙂", []),
        ("", []),
    ],
)
def test_names_are_found_as_they_stand(text, found):
    assert [(one.kind, one.said) for one in MENTIONS.find(text)] == found


@given(st.text(max_size=60), st.sampled_from(TITLES), st.text(max_size=60))
def test_what_is_found_stands_in_the_message(before, title, after):
    text = f"{before} {title} {after}"
    found = MENTIONS.find(text)
    assert all(text[one.start : one.start + len(one.said)] == one.said for one in found)
    assert len(found) <= 4 and found == sorted(found, key=lambda one: one.start)


def test_a_catalog_without_items_has_no_names():
    assert Mentions(TitleIndex([]), MakerIndex([])).find("do you have driled, by Stephen King?") == []
