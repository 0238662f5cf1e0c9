"""What the buttons of the page do, without a browser."""

import json
from dataclasses import replace

import gradio as gr
import pytest
from sqlalchemy import create_engine
from sqlalchemy.orm import Session

from neo.chat import feedback, handlers
from neo.chat.cards import Labels
from neo.chat.chips import Menu
from neo.chat.controls import controls_of
from neo.chat.handlers import Handlers
from neo.chat.limits import Rate
from neo.chat.log import log, start_logging
from neo.chat.parts import Controls, Done, Notice, Words
from neo.chat.shelf import Shelf, exported
from neo.chat.taste import OWN, Taste
from neo.chat.tour import SCENES
from neo.chat.uploads import titles_in
from neo.chat.visit import Exchange, Tools, said, waits
from neo.plan import Plan, Term

UNSET = ([], "", "", 0, 0, "", [], False, False, False)


class From:
    """A request from an address."""

    def __init__(self, host="1.2.3.4", **headers):
        self.client, self.headers = type("Client", (), {"host": host}), headers


@pytest.fixture
def do(scripted):
    database = create_engine("sqlite://")
    feedback.make_table(database)
    menu = Menu(("show", "audiobook"), ("en", "fr"), {"topic": ("sea", "space")})
    assistant = scripted()
    tools, listeners = Tools(menu, True), tuple(assistant.listeners())
    return Handlers(assistant, Labels({"show": "Show"}), tools, database, listeners=listeners)


def answer(do, visit, inspect=False, taste=Taste(), shelf=Shelf(), unset=UNSET, request=From()):
    return [step for step, _ in do.answer(visit, inspect, taste, shelf, *unset, request)][-1]


def act(page, visit, draft="", **asked):
    """(draft, visit) after a button was pressed."""
    return page.act(visit, Shelf(), draft, gr.EventData(None, asked))[:2]


def test_words_that_follow_fast_are_shown_together_and_none_is_lost(do, monkeypatch):
    clock = iter(range(100))
    monkeypatch.setattr(handlers, "monotonic", lambda: next(clock))
    shown = {}
    for every in (0, 1000):
        monkeypatch.setattr(handlers, "SHOWN_EVERY", every)
        shown[every] = [visit for visit, _ in do.answer(said((), "hello"), False, Taste(), Shelf(), *UNSET, From())]
    assert shown[0][-1][0].parts == shown[1000][-1][0].parts and shown[1000][-1][0].ended
    assert len(shown[1000]) < len(shown[0])
    assert all(not isinstance(visit[0].parts[-1], Words) for visit in shown[1000])


def test_why_and_more_speak_for_the_visitor(do):
    visit = answer(do, said((), "hello"))
    _, why = act(do, visit, do="why", key="show:serial")
    assert why[-1].message == "Why “Serial”?" and why[-1].plan == Plan("why", refs=(2,)) and waits(why)
    _, more = act(do, visit, do="more", key="show:serial")
    assert more[-1].plan == Plan("recommend", (("show", 3),), terms=(Term("like", "Serial"),))
    assert "Serial" in more[-1].message
    answer(do, more)
    assert do.assistant.plans[-1] == more[-1].plan and do.assistant.controls[-1].reply_language == "en"


def test_why_of_an_item_that_is_no_longer_the_latest_names_it(do):
    visit = answer(do, said(answer(do, said((), "hello")), "evil"))
    _, why = act(do, visit, do="why", key="show:serial")
    assert why[-1].plan == Plan("why", terms=(Term("title", "Serial"),))


def test_a_chip_that_is_changed_makes_the_reply_anew(do):
    visit = answer(do, said((), "hello"))
    _, fewer = act(do, visit, do="unchip", place="types:1")
    assert len(fewer) == 1 and waits(fewer) and fewer[0].plan.types == (("show", 1),)
    _, other = act(do, visit, do="chip", place="terms:0", value="-space")
    assert other[0].plan.values("topic", wanted=False) == ("space",) and other[0].message == "hello"
    answer(do, other)
    assert do.assistant.plans[-1] == other[0].plan


@pytest.mark.parametrize(
    "asked",
    [
        {}, {"do": "why", "key": "show:unseen"}, {"do": "chip", "place": "terms:0", "value": "+made up"},
        {"do": "unchip", "place": "__class__"}, {"do": "edit", "at": "-1"}, {"do": "edit", "at": "99"},
        {"do": "rate", "at": "x"}, {"do": "scene", "value": "no such scene"}, {"do": "reply"},
    ],
)  # fmt: skip
def test_what_makes_no_sense_does_nothing(do, asked):
    visit = answer(do, said((), "hello"))
    assert act(do, visit, draft="mine", **asked) == ("mine", visit)


def test_editing_takes_back_all_that_came_after(do):
    visit = answer(do, said(answer(do, said((), "hello")), "count"))
    draft, left = act(do, visit, do="edit", at="1")
    assert draft == "count" and left == visit[:1]
    assert act(do, visit, do="edit", at="0") == ("hello", ())


def test_nothing_is_pressed_while_a_reply_is_written(do, monkeypatch):
    monkeypatch.setattr(gr, "Info", lambda *_, **__: None)
    visit = said(answer(do, said((), "hello")), "count")
    assert act(do, visit, do="edit", at="0") == ("", visit)


def test_ratings_reach_the_table(do):
    visit = answer(do, said((), "hello"))
    _, visit = act(do, visit, do="rate", at="0", value="dislike")
    _, visit = act(do, visit, do="reason", at="0", value="known")
    with Session(do.kept) as session:
        (row,) = session.scalars(feedback.all_feedback())
        assert (row.liked, row.reason) == (False, "known")
    assert not waits(visit) and visit[0].rating.reason == "known"


@pytest.mark.parametrize("value, scene", SCENES.items())
def test_every_scene_is_said_to_its_end(do, value, scene):
    _, visit = act(do, answer(do, said((), "before")), do="scene", value=value)
    visit = answer(do, visit)
    assert tuple(exchange.message for exchange in visit) == scene.messages
    assert (
        all(exchange.ended == "done" for exchange in visit)
        and visit[-1].before.turns[:1] == visit[0].after.turns[: len(visit) - 1]
    )


def test_shelving_never_touches_the_conversation(do):
    visit = answer(do, said((), "hello"))
    shelf, html, marks = do.shelve(visit, Shelf(), gr.EventData(None, {"do": "refuse", "key": "show:serial"}))
    assert [item.title for item in shelf.refused] == ["Serial"] and "Not for me" in html and "refuse" in marks
    answer(do, said(visit, "more"), shelf=shelf)
    assert do.assistant.controls[-1].without == (2,)
    assert do.shelve(visit, shelf, gr.EventData(None, {"do": "save", "key": "show:unseen"}))[0] == shelf


def test_controls_by_hand(sea):
    nadia, own = Taste("Nadia", (sea,)), Taste().heard([sea])
    assert controls_of(nadia, Shelf(), *UNSET) == Controls(listener="Nadia")
    assert controls_of(own, Shelf(), *UNSET) == Controls(history=(sea,))
    assert controls_of(nadia.forgot(sea.key), Shelf(), *UNSET) == Controls(history=())
    set_ = (["show"], "fr", "de", 2, 20, "new", ["calm"], True, True, True)
    assert controls_of(Taste(), Shelf(refused=(sea,)), *set_) == Controls(
        ("show",), "fr", None, "de", 2, 20, "new", ("calm",), True, True, True, (sea.id,)
    )
    assert controls_of(Taste(), Shelf(language="de"), *UNSET) == Controls(spoken="de")
    emptied = controls_of(Taste(), Shelf(), [], "", "", 0, None, "", [], False, False, False)
    assert emptied == Controls(), "a box of minutes that was emptied sets nothing"


def test_a_listener_is_chosen_changed_and_left(do, sea):
    nadia, html = do.choose("Nadia", Taste(), From())
    assert nadia == Taste("Nadia", (sea,)) and "The Sea Around Us" in html
    changed, _, name = do.listen(nadia, gr.EventData(None, {"do": "hear", "key": "show:serial"}), From())
    assert name == "Nadia" and changed.own and len(changed.items) == 2
    own, _, name = do.listen(Taste(), gr.EventData(None, {"do": "hear", "key": "show:serial"}), From())
    assert name == OWN and do.choose("", own, From())[0] == Taste() and do.choose(OWN, own, From())[0] == own


def test_who_asks_too_often_is_told_when_to_come_back(scripted):
    do = Handlers(scripted(), Labels(), rate=Rate(most=1))
    visit = answer(do, said(answer(do, said((), "hello")), "count"))
    (notice,) = visit[-1].parts
    assert isinstance(notice, Notice) and "try again in" in notice.text and visit[-1].ended == "done"
    assert len(do.assistant.plans) == 1
    other = answer(do, said((), "hello"), request=From("5.6.7.8"))
    assert len(other[0].cards) == 2


def test_examples_and_names_speak_the_visitors_language(do):
    shelf, shelf_html, inside, taste_html, chat, *named = do.greet(From(**{"accept-language": "fr-CH, en;q=0.8"}))
    assert shelf == Shelf(language="fr") and "se rassemble" in shelf_html and "démontée" in inside
    assert "historique" in taste_html
    assert "français" in " ".join(example["text"] for example in chat.examples)
    kinds, of_items, *_, listeners = ([name for name, _ in each.choices] for each in named)
    assert kinds == ["Podcast"] and of_items[1:] == ["Anglais", "Français"] and "Nadia (simulé)" in listeners


def test_a_browser_in_a_language_that_the_page_lacks_gets_all_of_it_in_english(do):
    shelf, *_ = do.greet(From(**{"accept-language": "sv, fr;q=0.9"}))
    assert shelf.language == "en", "the browser takes the fixed words by its first language alone"


def test_titles_of_ones_own_stand_under_words_of_the_browser(do):
    taste, html = do.choose(OWN, Taste(), From(**{"accept-language": "de"}))
    assert taste.listener == OWN and "Titel" in html


def test_the_shelf_speaks_the_language_of_the_browser_and_waiting_that_of_the_conversation(do):
    (exchange,) = answer(do, said((), "hello"))
    parts = (
        replace(
            part,
            conversation=replace(
                part.conversation, turns=tuple(replace(turn, language="it") for turn in part.conversation.turns)
            ),
        )
        if isinstance(part, Done)
        else part
        for part in exchange.parts
    )
    asked = said((replace(exchange, parts=tuple(parts)),), "e poi")
    view = do.view(asked, Shelf(language="de"))
    assert "Vorgeschlagen" in view[5] and "Sto pensando" in view[1][-1]["content"]


def test_a_transcript_is_markdown_that_follows_nothing(do):
    text = do.markdown(answer(do, said((), "evil *stars*")))
    assert text.startswith("> evil \\*stars\\*\n") and "\\<script\\>" in text and "<" not in text.replace("\\<", "")


def test_under_the_hood_only_when_asked(do):
    plain = answer(do, said((), "hello"))
    assert plain[0].trace is None and "neo-map" not in do.view(plain, Shelf())[6]
    visit = answer(do, said((), "hello"), inspect=True)
    html = do.view(visit, Shelf())[6]
    for words in ("310", "40 left", "audiobook, level 1, code 3", "7 → 3 → 1", "without topics", "-0.50", "60.7 %"):
        assert words in html
    german = do.view(visit, Shelf(language="de"))[6]
    for words in ("von 40", "Ebene 1, Code 3", "ohne Themen", "Vom Plan zum Filter"):
        assert words in german
    assert html.count('class="neo-map"') == 2 and html.count("neo-mark") == 2, "both types, an item marked in each"
    assert "<script" not in html and "&lt;script&gt;" in html


@pytest.mark.parametrize(
    ("name", "text", "titles"),
    [
        ("my.opml", '<opml><body><outline text="Serial" xmlUrl="https://s.example/f"/></body></opml>', ["Serial"]),
        ("books.csv", "Title,Author,Exclusive Shelf\nThe Sea Around Us,Rachel Carson,read\n", ["The Sea Around Us"]),
        ("broken.opml", "<opml><body>", []),
    ],
)
def test_a_file_becomes_history_of_this_visit_and_is_gone(do, tmp_path, monkeypatch, name, text, titles):
    for box in ("Info", "Warning"):
        monkeypatch.setattr(gr, box, lambda *_, **__: None)
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    taste, *_ = do.upload(str(path), Taste(), From())
    assert [item.title for item in taste.items] == titles and not path.exists()


def test_a_visitor_learns_which_titles_of_a_file_were_missed(do, tmp_path, monkeypatch):
    told = []
    monkeypatch.setattr(gr, "Info", lambda text, **_: told.append(text))
    path = tmp_path / "my.csv"
    path.write_text("title\nSerial\n<b>A\nB\nC\nD\nE\nF\nG\n", encoding="utf-8")
    do.upload(str(path), Taste(), From())
    assert told == ["1 of 8 titles are in the catalog. Not found: “&lt;b&gt;A”; “B”; “C”; “D”; “E” and 2 more."]


def test_shows_that_are_exported_can_be_read_back_with_or_without_a_feed(do, tmp_path, sea, evil):
    shows = [replace(sea, key=title, type="show", title=title) for title in ("Serial", "A & B")]
    path = tmp_path / "shelf.opml"
    path.write_text(exported(Shelf((evil, *shows)), (), "OPML", {"Serial": "https://s.example/f"}), encoding="utf-8")
    assert titles_in(str(path)) == [evil.title, "Serial", "A & B"]


def test_titles_that_are_saved_can_be_read_back(do, tmp_path, sea, evil):
    titles = ["=SUM(1)", 'Say "Hi", she said', "Ünï"]
    own = Taste().heard([evil, *(replace(sea, key=title, title=title) for title in titles)])
    path = tmp_path / "titles.csv"
    path.write_text(do.keep(own), encoding="utf-8", newline="")
    assert titles_in(str(path)) == [evil.title, *titles]
    assert do.keep(Taste().heard([sea])) == "title,author\r\nThe Sea Around Us,Rachel Carson\r\n"
    mine, nobodys = (do.taste_view(taste, From()) for taste in (own, Taste()))
    assert "Save my titles" in mine and "Save my titles" not in nobodys


def test_a_reply_is_logged_without_its_texts(do, caplog, monkeypatch):
    monkeypatch.setattr(log, "propagate", True)
    with caplog.at_level("INFO", "neo"):
        replies = do._replies(Exchange("something private"), Controls(), False, From())
        assert len(list(replies)) > 3
    (line,) = caplog.records
    assert (line.getMessage(), line.items, line.notices, line.reason) == ("reply", 2, 1, "end")
    assert "private" not in str(vars(line)) and "biologist" not in str(vars(line))


def test_texts_are_logged_when_asked_for_and_a_cut_reply_too(do, caplog, monkeypatch):
    monkeypatch.setattr(log, "propagate", True)
    with caplog.at_level("DEBUG", "neo"):
        replies = do._replies(Exchange("something calm"), Controls(), False, From())
        next(replies)
        replies.close()
    line, said = caplog.records
    assert line.reason == "stopped" and said.asked == "something calm"


def test_a_line_of_the_log_is_json(capsys, monkeypatch):
    for name in ("handlers", "propagate", "level"):
        monkeypatch.setattr(log, name, getattr(log, name))  # put back afterwards
    start_logging()
    log.info("reply", extra={"items": 2})
    log.debug("said", extra={"asked": "private"})
    (line,) = capsys.readouterr().err.splitlines()
    made = json.loads(line)
    assert (made["message"], made["levelname"], made["items"]) == ("reply", "INFO", 2)
