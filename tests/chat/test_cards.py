"""Cards and replies as HTML: nothing escapes, everything stands in the order in which it came."""

from dataclasses import replace
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neo.chat.cards import Labels, ReplyHtml, card_html, duration, message_html, notice_html, plan_html, year_words
from neo.chat.covers import MOTIFS, cover_svg
from neo.chat.parts import Card, Conversation, Done, Notice, Understood, Words
from neo.items import CatalogItem
from neo.plan import Plan
from neo.sids.sid import Sid
from tests import tiny

TAGS = {"article", "div", "span", "p", "h3", "ul", "li", "br", "details", "summary"} | {
    "svg",
    "rect",
    "circle",
    "path",
    "g",
    "i",
}
NASTY = st.one_of(
    st.text(), st.sampled_from(['"><script>x</script>', "<img src=x onerror=y>", "</div>", "a\n\n<b>", "'x=y"])
)
LABELS = Labels({"show": "Podcast show", "audiobook": "Audiobook"}, {"en": "English"})


class Outline(HTMLParser):
    """Tags, attributes and text of a piece of HTML; fails on an unclosed or crossed tag."""

    def __init__(self, html: str):
        super().__init__(convert_charrefs=True)
        self.tags, self.attributes, self.words, self.open = set(), [], "", []
        self.feed(html)
        self.close()
        assert not self.open

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.attributes += attrs
        if tag == "br":
            self.words += "\n"
        else:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.add(tag)
        self.attributes += attrs

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words += data


def test_a_title_leads_to_the_items_address_and_to_nothing_else():
    item = tiny.item()
    assert "<a " not in card_html(Card(item, 1, 0.0))
    html = card_html(Card(item, 1, 0.0, address='https://a.example/"><script>'))
    assert {name: value for name, value in Outline(html).attributes if name in ("href", "rel")} == {
        "href": 'https://a.example/"><script>',
        "rel": "noopener noreferrer nofollow",
    }
    assert "<script>" not in html


def shown(text: str) -> str:
    """Text without white space and control characters, to compare what is read."""
    return "".join(char for char in text if char.isprintable() and not char.isspace())


items = st.builds(
    CatalogItem,
    id=st.just(1), key=NASTY, type=NASTY, title=NASTY, makers=st.tuples(NASTY), language=NASTY,
    year=st.none() | st.integers(-3000, 2100), minutes=st.none() | st.integers(0, 6000), fame=st.just(3),
    topics=st.tuples(NASTY, NASTY), tones=st.just(()), format=NASTY, description=NASTY,
    sid=st.none() | st.builds(Sid, NASTY, st.just((1, 2))),
)  # fmt: skip


@given(items, NASTY)
def test_no_string_becomes_markup(item, said):
    parts = [
        Understood(Plan("talk"), "en", (said, item.title)), Words(said), Card(item, 1, 0.0, ((item, -1.0),)),
        Words(item.description), Notice(said),
    ]  # fmt: skip
    for html in (ReplyHtml.of(parts, LABELS).html(), message_html(said), notice_html(Notice(said))):
        outline = Outline(html)
        assert outline.tags <= TAGS
        assert not [name for name, _ in outline.attributes if name.startswith("on") or name in ("href", "src", "style")]
        assert "\n" not in html
        assert shown(said) in shown(outline.words)


@given(items)
def test_a_card_says_what_the_item_says(item):
    outline = Outline(card_html(Card(item, 7, 0.0), LABELS))
    for text in (item.title, item.makers[0], item.description, *item.topics):
        assert shown(text) in shown(outline.words)


def test_a_card_by_hand(sea):
    html = card_html(Card(sea, 2, -0.5), LABELS)
    outline = Outline(html)
    assert html.startswith('<article class="neo-card" data-sid="audiobook:3-1-4" data-type="audiobook"'
                           ' data-key="audiobook:the-sea-around-us"')  # fmt: skip
    for words in ("2", "Audiobook", "The Sea Around Us", "Rachel Carson", "English", "1951", "9 h 10 min", "sea"):
        assert words in outline.words


def test_unknown_facts_are_left_out(evil):
    html = card_html(Card(evil, 1, 0.0), LABELS)
    assert 'data-sid=""' in html and "None" not in html and "min</li>" not in html


@pytest.mark.parametrize(("minutes", "words"), [(50, "50 min"), (60, "1 h"), (550, "9 h 10 min"), (0, "0 min")])
def test_durations(minutes, words):
    assert duration(minutes) == words


def test_years_before_our_era():
    assert (year_words(-800), year_words(1951)) == ("800 BCE", "1951")


@given(st.text(), st.sampled_from([*MOTIFS, "lecture"]))
def test_covers_are_theirs_alone_and_always_the_same(key, type_):
    assert cover_svg(key, type_) == cover_svg(key, type_)
    assert cover_svg(key, type_) != cover_svg(key + "'", type_)
    assert Outline(cover_svg(key, type_)).tags <= TAGS


def test_covers_differ_by_type():
    assert len({cover_svg("a", type_) for type_ in (*MOTIFS, "lecture")}) == len(MOTIFS) + 1


def test_a_reply_keeps_the_order_of_its_parts(sea):
    other = replace(sea, title="Moby Dick", key="audiobook:moby")
    reply = ReplyHtml(LABELS)
    for part in (
        Understood(Plan("talk"), "en", ("chip one",)), Words("First "), Words("this. 1. "), Card(sea, 1, 0.0),
        Words(" then\nthat."), Card(other, 2, 0.0), Notice("that is all"),
    ):  # fmt: skip
        reply.add(part)
    html = reply.html()
    marks = ["chip one", "First this.", "neo-card", "The Sea Around Us", "then<br>that.", "Moby Dick", "that is all"]
    places = [html.index(mark) for mark in marks]
    assert places == sorted(places)
    assert "1. </div>" not in html, "the card wears the number already"


def test_the_state_of_a_reply_can_be_read():
    reply = ReplyHtml()
    assert 'data-state="waiting"' in reply.html()
    reply.add(Words("a"))
    assert 'data-state="live"' in reply.html()
    reply.add(Done(Conversation(), "end"))
    reply.end("stopped")
    assert 'data-state="done"' in reply.html(), "the first end counts"


def test_a_plan_without_words_shows_nothing():
    assert plan_html(Understood(Plan("talk"), "en", ()), "") == ""
