"""The shelf and its export: what was put there is there, and no title becomes a formula or markup."""

import csv
import io
from dataclasses import replace
from xml.etree import ElementTree

from hypothesis import given
from hypothesis import strategies as st

from neo.chat.cards import Labels
from neo.chat.parts import Card
from neo.chat.shelf import Shelf, exported, marks_html, shelf_html, suggested
from neo.chat.taste import MOST, OWN, Taste, found_html, taste_html
from neo.chat.visit import Exchange


def visit_of(*items):
    return (Exchange("hi", parts=tuple(Card(item, at + 1, 0.0) for at, item in enumerate(items)), ended="done"),)


def test_saving_and_refusing_can_be_taken_back(sea):
    assert Shelf().save(sea).save(sea) == Shelf() == Shelf().refuse(sea).refuse(sea)
    assert Shelf().save(sea).refuse(sea) == Shelf(refused=(sea,))
    assert Shelf().refuse(sea).save(sea) == Shelf(saved=(sea,))


def test_an_item_stands_in_one_group(sea, evil):
    visit = visit_of(sea, evil)
    assert suggested(visit, Shelf()) == (evil, sea), "latest first"
    assert suggested(visit, Shelf().save(sea).refuse(evil)) == ()
    html = shelf_html(Shelf().save(sea), visit, Labels())
    assert html.index('data-group="saved"') < html.index('data-group="suggested"') and "<script" not in html
    assert marks_html(Shelf().save(sea)) == '<i data-held="save" data-key="audiobook:the-sea-around-us"></i>'


def test_text_by_hand(sea):
    text = exported(Shelf().save(sea), (), "Text", {sea.key: "https://sea.example"})
    assert text == "Saved\n- The Sea Around Us (Rachel Carson, audiobook, 1951) https://sea.example\n"


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_no_cell_is_a_formula_and_every_file_can_be_read(title):
    from tests.tiny import item

    made = item(title, makers=(title,), description=title, key=title)
    shelf = Shelf().save(made)
    _, row = csv.reader(io.StringIO(exported(shelf, (), "CSV", {}), newline=""))
    assert row[0] == "saved" and not any(cell.startswith(("=", "+", "-", "@")) for cell in row)
    (outline,) = ElementTree.fromstring(exported(shelf, (), "OPML", {})).iter("outline")
    assert outline.get("title") is not None and outline.get("xmlUrl") is None, "a feed that is not known is left out"


def test_opml_holds_shows_with_their_feeds(sea):
    show = replace(sea, key="show:s", type="show", title="A & B")
    root = ElementTree.fromstring(exported(Shelf().save(show).save(sea), (), "OPML", {"show:s": "https://s.example"}))
    assert [one.attrib for one in root.iter("outline")] == [
        {"type": "rss", "text": "A & B", "title": "A & B", "xmlUrl": "https://s.example"}
    ]
    assert len(list(ElementTree.fromstring(exported(Shelf(), visit_of(show), "OPML", {})).iter("outline"))) == 1


def test_a_history_of_ones_own(sea, evil):
    nobody = Taste()
    own = nobody.heard([sea, evil, sea])
    assert own.listener == OWN and own.items == (sea, evil) and own.own
    assert own.heard([sea]) == own and own.forgot(sea.key).items == (evil,)
    many = nobody.heard(replace(sea, key=str(number)) for number in range(MOST + 5))
    assert len(many.items) == MOST and many.items[-1].key == str(MOST + 4)


def test_a_listener_that_is_changed_is_the_visitors(sea, evil):
    nadia = Taste("Nadia", (sea,))
    assert not nadia.own and nadia.forgot(sea.key).own
    html = taste_html(nadia.heard([evil]), [("Nadia", "<b>Long</b> stories", True)], Labels())
    assert "simulated" in html and "Changed by you" in html and "<b>Long" not in html and "<script" not in html
    assert "Nothing of that name" in found_html((), "zzz", Labels()) and found_html((), " ", Labels()) == ""
