"""The raters' and the organiser's pages on a running server, in a headless Chromium: a study from link to thanks."""

import asyncio
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
from playwright.sync_api import expect
from sqlalchemy import select
from sqlalchemy.orm import Session

from neo.chat.cards import Labels
from neo.chat.parts import Words
from neo.study import page as raters_page
from neo.study import sitting, store
from neo.study.analysis import analyse
from neo.study.judgements import read
from neo.study.shown import STEPS, conversation_html, units
from neo.study.simulate import Mind, Taste, sides_of, sit
from neo.study.tables import EventRow, SlotRow, now
from neo.study.words import words
from tests.chat.browser import PATIENCE, until
from tests.study.conftest import PASSWORD

RATED = {"id": "relevance", "about": "conversation", "answer": "scale", "words": "Relevant?"}


@pytest.fixture
def lonely(made, join, arms):
    """`lonely(name)`: (handlers, where, seat) of a single arm's task whose reply is just written."""
    session, row, spec = made(design={"kind": "single", "judgements": 3}, questions=[RATED])

    def write(name):
        rater = join(session, row, spec)
        here = sitting.seat(session, spec, rater)
        while session.get(SlotRow, here.slot_id).arms != [name]:
            rater = join(session, row, spec)
            here = sitting.seat(session, spec, rater)
        do = raters_page.Handlers(session.get_bind(), row.id, spec, arms, Labels(), pause=0.25)
        where = do.go_on(raters_page.Where(rater.id, "en", "task"))
        assert [fresh for _, fresh in do.write(where)] == [False, True]
        return do, where, do.seat(where)

    return write


def test_a_single_arm_answers_after_the_same_time_as_any_other(lonely, monkeypatch):
    """Written at once or after seconds: until 15 s have passed nothing shows, then all are shown in the same steps."""
    slept = []

    async def sleep(seconds):
        slept.append(seconds)

    async def watched(shown):
        return [html async for html in shown]

    def seen(shown):
        with ThreadPoolExecutor(1) as pool:  # a browser's loop may be running in this thread
            return pool.submit(asyncio.run, watched(shown)).result()

    monkeypatch.setattr(raters_page, "asyncio", SimpleNamespace(sleep=sleep))
    for name, seconds in (("alpha", 0), ("beta", 4), ("gamma", 14)):
        do, where, here = lonely(name)
        said = here.exchanges[-1].at
        monkeypatch.setattr(raters_page, "now", lambda passed=said + timedelta(seconds=seconds): passed)
        assert do.hidden(here) and "Title 1" not in conversation_html(here, "en", Labels(), 0)
        assert [fresh for _, fresh in do.write(where)] == [False, True], "a reloaded page waits as well"
        slept.clear()
        states = [re.findall(r'data-state="(\w+)"', html) for html in seen(do.show(where, True))]
        assert slept == [15 - seconds] + [0.25] * STEPS
        assert states == [["live"]] * (STEPS - 1) + [["done"]]
        monkeypatch.setattr(raters_page, "now", lambda passed=said + timedelta(seconds=15): passed)
        assert not do.hidden(here) and [fresh for _, fresh in do.write(where)] == [False]
        assert seen(do.show(where, False)) == []


def test_one_reply_is_not_called_both(lonely):
    do, where, here = lonely("alpha")
    waiting = conversation_html(here, "en", Labels(), 0)
    assert words("en")["writing"] in waiting and words("en")["thinking"] not in waiting


@pytest.mark.parametrize("study", [{"design": {"kind": "single", "judgements": 3, "pace": 2}, "questions": [RATED]}],
                         indirect=True)  # fmt: skip
def test_a_single_reply_reaches_the_page_when_its_time_has_come(address, study, visit, database):
    row, spec, tokens = study
    visitor = visit(f"{address}/?t={tokens[0]}")
    begin(visitor)
    with Session(database) as session:
        said, written = session.scalars(store.events_of(row.id, "message", "reply"))
        assert now() >= said.at + timedelta(seconds=2) and written.data["side"] == "left"
    choose(visitor, "relevance:left", 3)
    visitor.click("#study-submit")
    visitor.wait_for_function("document.querySelector('#study-head').innerText.includes('Task 2 of 2')")


@pytest.fixture
def visit(browser):
    """`visit(url, width=1280)`: the page, and the text of everything the server sent to it, in `page.received`."""
    contexts = []

    def open_page(url, width=1280):
        context = browser.new_context(viewport={"width": width, "height": 850})
        context.set_default_timeout(PATIENCE)
        contexts.append(context)
        page = context.new_page()
        page.received = []

        def keep(response):
            if response.request.resource_type in ("document", "fetch", "xhr", "eventsource"):
                try:
                    page.received.append(response.text())
                except Exception:
                    page.received.append("")  # a stream that was closed with its page

        page.on("requestfinished", lambda request: keep(request.response()))
        page.goto(url)
        return page

    yield open_page
    for context in contexts:
        context.close()


def begin(page):
    page.click("#study-agree")
    page.click("#study-begin")
    page.wait_for_selector("#study-submit")


def form(page, number):
    """Wait for the questions of the rater's n-th task: those of the one before stand for a moment after it is done."""
    expect(page.locator("#study-head")).to_contain_text(f"Task {number} of")
    page.wait_for_selector(f".study-task-{number}")


def choose(page, key, at=0):
    page.locator(f"#ask-{key.replace(':', '-')} input").nth(at).check()


KEYS = [f"listen:{side}:1:{n}" for side in ("left", "right") for n in (1, 2)] + ["relevance:left", "relevance:right"]


def test_a_rater_walks_from_link_to_thanks(address, study, visit, database):
    row, spec, tokens = study
    page = visit(f"{address}/?t={tokens[0]}")
    begin(page)
    for number in (1, 2):
        form(page, number)
        for key in KEYS:
            choose(page, key)
        if number == 1:
            page.click("#study-submit")
            page.get_by_text("Please answer first: Better?").first.wait_for()
        choose(page, "better", 2)
        page.fill("#ask-why textarea", f"because {number}")
        page.click("#study-submit")
    page.wait_for_selector(".study-thanks")
    with Session(database) as session:
        done = list(session.scalars(store.events_of(row.id, "submitted")))
    assert [event.data["answers"]["better"] for event in done] == ["tie", "tie"]
    assert [event.data["answers"]["why"] for event in done] == ["because 1", "because 2"]


TASTE = Taste({"alpha": 0.8, "beta": 0.0, "gamma": -0.8})
FORTY = {"tasks": [{"id": f"task{n}", "scenario": "s", "message": "Message"} for n in range(4)],
         "design": {"judgements": 40, "quickest": 0}}  # fmt: skip


@pytest.mark.parametrize("study", [FORTY], indirect=True)
def test_four_of_forty_simulated_raters_use_the_page_and_the_report_recovers_the_order(
    address, study, visit, database, arms
):
    row, spec, tokens = study
    minds = [Mind.of(TASTE, spec, f"1:{number}") for number in range(40)]
    for token, mind in zip(tokens, minds, strict=False):
        walk(visit(f"{address}/?t={token}"), database, spec, token, mind)
    with Session(database) as session:
        others = store.add_raters(session, store.find(session, row.name)[0], 40 - len(tokens))
        for (_, token), mind in zip(others, minds[len(tokens) :], strict=True):
            sit(session, spec, arms, token, mind)
        judgements = read(session, row, spec)
    results = analyse(spec, judgements)
    assert (results.judgements, results.raters) == (160, 40)
    assert list(results.strengths) == ["alpha", "beta", "gamma"]
    assert all(duel.score.value > 0.5 for duel in results.duels), "earlier arms are better"


def walk(page, database, spec, token, mind):
    """All tasks of a rater, on the page; every answer is the one that was meant."""
    begin(page)
    for number in range(1, 5):
        form(page, number)
        with Session(database) as session:
            here = sitting.seat(session, spec, sitting.open_link(session, token))
            sides, meant = sides_of(session, here), {}
            for ask in sitting.asks(spec, here):
                value = mind.answer(ask, here, sides)
                if value is not None:
                    meant[ask.key] = value
                    choose(page, ask.key, list(ask.question.options).index(value))
        page.click("#study-submit")
        assert submitted(database, here.slot_id) == meant
    page.wait_for_selector(".study-thanks")


def submitted(database, slot_id):
    """The answers of a task that is being submitted."""
    with Session(database) as session:
        found = store.events_of_slot(slot_id, "submitted")
        until(lambda: session.rollback() or session.scalar(found))
        return session.scalar(found).data["answers"]


def test_nothing_that_reaches_the_page_names_an_arm(address, study, visit, database):
    row, spec, tokens = study
    page = visit(f"{address}/?t={tokens[0]}")
    begin(page)
    expect(page.locator(".neo-title")).to_have_count(4)
    page.wait_for_timeout(300)
    sent = page.content() + "".join(page.received)
    assert "Title 1" in sent, "the replies themselves are in what was recorded"
    for secret in (*spec.arms, "show:1-2-3", "popularity", "scripted", "2 shows", '"score"'):
        assert secret not in sent, secret
    schema = urllib.request.urlopen(f"{address}/gradio_api/info").read().decode()
    assert '"named_endpoints":{}' in schema and '"unnamed_endpoints":{}' in schema


def test_sides_are_shown_at_the_same_rhythm(made, join, arms):
    """Replies of 3 and 40 words: both begin at step 1 and are whole at the last step, and not before."""
    session, row, spec = made()
    rater = join(session, row, spec)
    here = sitting.seat(session, spec, rater)
    names = session.get(SlotRow, here.slot_id).arms
    arms[names[0]].system.words, arms[names[1]].system.words = 3, 40
    sitting.say(session, spec, rater, here.slot_id, "Hello")
    sitting.answer(session, spec, rater, here.slot_id, arms)
    here = sitting.seat(session, spec, rater)
    states = []
    for step in range(STEPS + 1):
        html = conversation_html(here, "en", Labels(), step)
        states.append(re.findall(r'data-state="(\w+)"', html))
    assert all(left == right for left, right in states)
    assert [left for left, _ in states] == ["waiting"] + ["live"] * (STEPS - 1) + ["done"]
    assert "".join(part.text for part in units((Words("a  b\nc "),)) if isinstance(part, Words)) == "a  b\nc "


def test_a_rater_goes_on_with_another_device(address, study, visit, database):
    row, _, tokens = study
    laptop = visit(f"{address}/?t={tokens[1]}")
    begin(laptop)
    choose(laptop, "relevance:left", 3)
    laptop.fill("#ask-why textarea", "half done")
    laptop.locator("#ask-why textarea").blur()
    with Session(database) as session:
        until(lambda: session.rollback() or len(list(session.scalars(store.events_of(row.id, "answered")))) == 2)
    expect(laptop.locator(".neo-title")).to_have_count(4)
    titles = laptop.locator(".neo-title").all_inner_texts()
    laptop.close()
    phone = visit(f"{address}/?t={tokens[1]}", width=390)
    phone.wait_for_selector("#study-submit")
    expect(phone.locator(".neo-title")).to_have_text(titles)
    expect(phone.locator("#ask-relevance-left input").nth(3)).to_be_checked()
    expect(phone.locator("#ask-why textarea")).to_have_value("half done")
    assert phone.evaluate("document.documentElement.scrollWidth") <= 390, "no sideways scrolling"


@pytest.fixture
def command(url, tmp_path):
    """`command()`: the study's server as its command starts it, always at the same port; (process, address)."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    started = []

    def start():
        root = Path(__file__).parents[2]
        arguments = ["study", "serve", "small", "--database", url, "--port", str(port)]
        server = subprocess.Popen(
            [sys.executable, "-m", "neo", *arguments], cwd=root, stdout=subprocess.PIPE, text=True,
            env={**os.environ, "NEO_STUDY_PASSWORD": PASSWORD},
        )  # fmt: skip
        started.append(server)
        while not server.stdout.readline().startswith("Ready"):
            assert server.poll() is None, "the server ended before it was ready"
        while True:  # it says that it is ready a moment before it listens
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                return server, f"http://127.0.0.1:{port}"
            except OSError:
                time.sleep(0.1)

    yield start
    for server in started:
        server.kill()
        server.wait()


def test_a_killed_server_keeps_the_vote_and_carries_on(study, command, visit, database):
    row, _, tokens = study

    def vote(page, at):
        page.wait_for_selector("#ask-better input")
        for group in page.locator("fieldset:visible").all():
            group.locator("input").nth(at).check()
        page.click("#study-submit")

    server, address = command()
    laptop = visit(f"{address}/?t={tokens[0]}")
    begin(laptop)
    vote(laptop, 1)
    laptop.wait_for_function("document.querySelector('#study-head').innerText.includes('Task 2 of 2')")
    server.send_signal(signal.SIGKILL)
    assert server.wait() == -signal.SIGKILL
    with Session(database) as session:
        [event] = session.scalars(store.events_of(row.id, "submitted"))
        assert event.data["answers"]["better"] == "right" and event.data["answers"]["relevance:left"] == 2
    _, address = command()
    phone = visit(f"{address}/?t={tokens[0]}", width=390)
    form(phone, 2)
    vote(phone, 0)
    phone.wait_for_selector(".study-thanks")
    with Session(database) as session:
        answers = [each.data["answers"]["better"] for each in session.scalars(store.events_of(row.id, "submitted"))]
    assert answers == ["right", "left"]


def test_a_stale_page_cannot_vote_again(address, study, visit, database):
    row, _, tokens = study
    one, two = (visit(f"{address}/?t={tokens[0]}") for _ in range(2))
    begin(one)
    two.reload()
    two.wait_for_selector("#study-submit")
    for page, at in ((one, 0), (two, 1)):
        for key in (*KEYS, "better"):
            choose(page, key, at)
        if page is one:
            page.click("#study-submit")
            page.wait_for_function("document.querySelector('#study-head').innerText.includes('Task 2 of 2')")
    two.click("#study-submit")
    two.wait_for_function("document.querySelector('#study-head').innerText.includes('Task 2 of 2')")
    with Session(database) as session:
        [done] = session.scalars(store.events_of(row.id, "submitted"))
    assert done.data["answers"]["better"] == "left", "the first submission stands"


@pytest.mark.parametrize("token", ["", "?t=", "?t=AAAAAAAAAAAAAAAAAAAAAAAA"])
def test_without_a_link_there_is_nothing_to_see(address, visit, token):
    page = visit(f"{address}/{token}")
    page.get_by_text("This link is not valid").wait_for()
    expect(page.locator("#study-agree")).to_be_hidden()


def test_no_address_and_no_browser_is_kept(address, study, visit, database):
    page = visit(f"{address}/?t={study[2][0]}")
    begin(page)
    with Session(database) as session:
        kept = " ".join(str(event.data) for event in session.scalars(select(EventRow)))
    assert "127.0.0.1" not in kept and "Mozilla" not in kept and "HeadlessChrome" not in kept
