"""A study small enough to think through, arms without a model, and a database of its own for every test."""

import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import pytest
import uvicorn
import yaml
from sqlalchemy.orm import Session

from catalog.database import open_database
from neo.chat.parts import Card, Controls, Conversation, Done, Part, Turn, Understood, Words
from neo.items import CatalogItem
from neo.plan import Plan
from neo.sids.sid import Sid
from neo.study import sitting, store
from neo.study.arms import OpenArm
from neo.study.serve import create_app
from neo.study.spec import parse_spec
from neo.study.tables import make_tables
from tests.catalog.conftest import anywhere  # noqa: F401  (a fixture)
from tests.chat.browser import until

SERIAL = CatalogItem(
    7, "show:serial", "show", "Serial", ("Sarah Koenig",), "en", 2014, 50, 5, ("law",), ("calm",), "story",
    "One story, week by week.", Sid("show", (1, 2, 3)),
)  # fmt: skip

PASSWORD = "for organisers only"

STUDY = {
    "name": "small",
    "title": "Small",
    "seed": 3,
    "design": {"kind": "side-by-side", "judgements": 6, "quickest": 0},
    "arms": {name: {"kind": "popularity"} for name in ("alpha", "beta", "gamma")},
    "tasks": [{"id": name, "scenario": f"Scenario {name}", "message": f"Message {name}"} for name in ("sea", "law")],
    "questions": [
        {"id": "listen", "about": "item", "answer": "choice", "words": "Would you?", "hits": ["would"],
         "choices": [{"id": "would", "words": "Yes"}, {"id": "not", "words": "No"}]},
        {"id": "relevance", "about": "conversation", "answer": "scale", "words": "Relevant?"},
        {"id": "better", "about": "comparison", "answer": "verdict", "words": "Better?"},
        {"id": "why", "about": "comparison", "answer": "comment", "words": "Why?", "required": False},
    ],
    "consent": "Consent.", "instructions": "Instructions.", "thanks": "Thanks.",
}  # fmt: skip


@dataclass
class Scripted:
    """An arm that says its own number of words and shows a few items; remembers what it was asked."""

    name: str
    words: int = 3
    items: int = 2
    asked: list[tuple[int, str, Controls]] = field(default_factory=list)

    def reply(self, conversation: Conversation, message: str, controls: Controls = Controls()) -> Iterator[Part]:
        self.asked.append((len(conversation.turns), message, controls))
        plan = Plan("recommend", (("show", 2),))
        yield Understood(plan, "en", ("2 shows",))
        yield Words(" ".join(["word"] * self.words))
        items = tuple(
            replace(SERIAL, key=f"show:{self.name}-{n}", title=f"Title {n}") for n in range(1, self.items + 1)
        )
        for position, item in enumerate(items, start=1):
            yield Card(item, position, -0.5, ((SERIAL, -1.0),))
        yield Done(Conversation((*conversation.turns, Turn(message, "en", plan, items, "word"))), "end", {"total": 1.0})


@pytest.fixture
def study_text():
    """`study_text(**changes)`: the small study as YAML, with top-level keys replaced."""
    return lambda **changes: yaml.safe_dump({**STUDY, **changes}, sort_keys=False, allow_unicode=True)


@pytest.fixture
def arms():
    return {
        name: OpenArm(Scripted(name, n), facts={"kind": "scripted"})
        for n, name in enumerate(("alpha", "beta", "gamma"), 1)
    }


@pytest.fixture
def url(request, tmp_path):
    """A new SQLite file. Tests that take `anywhere` too run on every kind of database."""
    if "anywhere" in request.fixturenames:
        return request.getfixturevalue("anywhere")
    return f"sqlite:///{tmp_path / 'study.db'}"


@pytest.fixture
def database(url):
    engine = open_database(url)
    make_tables(engine)
    yield engine
    engine.dispose()


@pytest.fixture
def made(database, study_text):
    """`made(**changes)`: (session, study row, spec) of a study in the database."""
    sessions = []

    def make(**changes):
        text = study_text(**changes)
        spec = parse_spec(text)
        sessions.append(Session(database))
        return sessions[-1], store.create(sessions[-1], spec, text), spec

    yield make
    for session in sessions:
        session.close()


@pytest.fixture
def join():
    """`join(session, study, spec)`: a rater who has consented."""

    def make(session, study, spec, **options):
        [(_, token)] = store.add_raters(session, study, 1, **options)
        rater = sitting.open_link(session, token)
        sitting.consent(session, rater, spec, "en")
        return rater

    return make


@pytest.fixture
def judge(arms):
    """`judge(session, spec, rater, verdict, scale)`: does the rater's next task; returns its slot, None without one."""

    def do(session, spec, rater, verdict="left", scale=4, listen="would", why=None):
        here = sitting.seat(session, spec, rater)
        if here is None:
            return None
        while not here.ready:
            sitting.say(session, spec, rater, here.slot_id, "Message")
            sitting.answer(session, spec, rater, here.slot_id, arms)
            here = sitting.seat_in(session, spec, rater, here.slot_id)
        given = {"verdict": verdict, "scale": scale, "choice": listen, "comment": why}
        for ask in sitting.asks(spec, here):
            sitting.save(session, spec, rater, here.slot_id, ask.key, given[ask.question.answer])
        sitting.submit(session, spec, rater, here.slot_id)
        return here.slot_id

    return do


@pytest.fixture
def study(request, made):
    session, row, spec = made(languages=["en", "es"], **getattr(request, "param", {}))
    links = store.add_raters(session, row, 4)
    session.refresh(row)
    session.expunge(row)
    return row, spec, [token for _, token in links]


@pytest.fixture
def address(study, database, arms):
    """A server of its own for every test; replies are shown at once, so that tests wait for nothing."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    app = create_app(database, study[0].name, arms, PASSWORD, pause=0.01)
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=port, log_level="warning", access_log=False))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    until(lambda: server.started)
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join()
