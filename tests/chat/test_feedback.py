"""Ratings in SQL, and how much a public page allows."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from sqlalchemy import create_engine
from sqlalchemy.orm import Session

from neo.chat import feedback
from neo.chat.limits import NoUploads, Rate
from neo.chat.parts import Card, Understood
from neo.chat.visit import Exchange, Rating
from neo.plan import Plan, Term


@pytest.fixture
def session():
    database = create_engine("sqlite://")
    feedback.make_table(database)
    with Session(database) as session:
        yield session


@pytest.fixture
def exchange(sea):
    plan = Plan("recommend", (("show", 1),), terms=(Term("topic", "sea"), Term("like", "My Secret Diary")))
    return Exchange("a secret message", parts=(Understood(plan, "fr", ()), Card(sea, 1, 0.0)), ended="done")


def test_a_rating_keeps_what_was_answered_and_not_what_was_said(session, exchange):
    feedback.rate(session, exchange, liked=False, reason="dull")
    (row,) = session.scalars(feedback.all_feedback())
    assert (row.liked, row.reason, row.language, row.items) == (False, "dull", "fr", ["audiobook:the-sea-around-us"])
    assert row.plan["wanted"] == {"topic": ["sea"]} and "ecret" not in str(vars(row))


def test_who_changes_their_mind_has_one_rating(session, exchange):
    first = feedback.rate(session, exchange, liked=False, reason="known")
    again = feedback.rate(session, replace(exchange, rating=Rating(first, False, "known")), liked=True, reason="known")
    (row,) = session.scalars(feedback.all_feedback())
    assert first == again == row.id and row.liked and row.reason is None


def test_a_reason_that_is_none_of_ours_is_not_kept(session, exchange):
    feedback.rate(session, exchange, liked=False, reason="<script>")
    assert session.scalars(feedback.all_feedback()).one().reason is None


def test_so_many_in_so_long_for_each_address():
    now = [0.0]
    rate = Rate(most=2, seconds=10, clock=lambda: now[0])
    assert [rate.wait("a"), rate.wait("a"), rate.wait("b")] == [0, 0, 0]
    now[0] = 4.0
    assert rate.wait("a") == 6.0 and rate.wait("b") == 0
    now[0] = 10.0
    assert rate.wait("a") == 0, "the first two have passed"
    now[0] = 100.0
    rate.wait("c")
    assert list(rate._asked) == ["c"], "addresses are forgotten"


@pytest.mark.parametrize(
    ("path", "status"), [("/gradio_api/upload", 403), ("/upload/", 403), ("/gradio_api/queue/join", 200)]
)
def test_uploads_are_refused_and_nothing_else(path, status):
    sent = []

    async def app(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})

    async def send(message):
        sent.append(message)

    with ThreadPoolExecutor(1) as pool:  # a browser test may have left a loop running in this thread
        pool.submit(asyncio.run, NoUploads(app)({"type": "http", "path": path}, None, send)).result()
    assert sent[0]["status"] == status
