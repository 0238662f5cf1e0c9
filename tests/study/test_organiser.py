"""The organiser's pages: behind a password, blind until all is in, and every decision recorded."""

import base64
import io
import re
import urllib.error
import urllib.request
import zipfile

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy.orm import Session

from neo.study import sitting, store
from neo.study.organiser import organiser_routes
from neo.study.tables import SlotRow
from tests.study.conftest import PASSWORD


def ask(url, password=None, data=None):
    request = urllib.request.Request(url, data)
    if password is not None:
        request.add_header("Authorization", "Basic " + base64.b64encode(f"me:{password}".encode()).decode())
    try:
        with urllib.request.urlopen(request) as response:
            return response.status, response.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


@pytest.mark.parametrize("path", ["", "/report", "/export.zip", "/replay/1", "/decide"])
def test_the_organisers_pages_need_the_password(address, path):
    data = b"rater=1&because=x&act=exclude&key=y" if path == "/decide" else None
    assert ask(f"{address}/organiser{path}", data=data)[0] == 401
    assert ask(f"{address}/organiser{path}", "wrong", data)[0] == 401


def test_the_organiser_sees_progress_decides_and_exports(address, study, made, join, judge, database):
    row, spec, _ = study
    with Session(database) as session:
        rater = join(session, row, spec)
        slot_id = judge(session, spec, rater, why="<b>bold</b>")
        number = rater.number
    status, page = ask(f"{address}/organiser", PASSWORD)
    assert status == 200 and b"1 of 12 judgements submitted" in page
    assert ask(f"{address}/organiser/report", PASSWORD)[0] == 403, "too early to look"
    replay = ask(f"{address}/organiser/replay/{slot_id}", PASSWORD)[1].decode()
    assert "Title 2" in replay and "bold" not in replay
    key = re.search(rb'name="key" value="([^"]+)"', page)[1]
    form = f"rater={number}&because=guessed&act=exclude&key=".encode()
    assert ask(f"{address}/organiser/decide", PASSWORD, form + b"forged")[0] == 403
    assert ask(f"{address}/organiser/decide", PASSWORD, form + key)[0] == 200
    assert f"Rater {number} is excluded: guessed" in ask(f"{address}/organiser", PASSWORD)[1].decode()
    packed = zipfile.ZipFile(io.BytesIO(ask(f"{address}/organiser/export.zip", PASSWORD)[1]))
    assert "guessed" in packed.read("judgements.csv").decode()


@pytest.mark.parametrize("results_after", [1, 2])
def test_a_replay_is_blind_until_all_is_in(made, join, judge, database, results_after):
    session, row, spec = made(design={"judgements": 6, "results_after": results_after})
    slot_id = judge(session, spec, join(session, row, spec), why="<b>bold</b>")
    names = session.get(SlotRow, slot_id).arms
    app = FastAPI()
    app.include_router(organiser_routes(database, "small", PASSWORD))
    page = TestClient(app).get(f"/organiser/replay/{slot_id}", auth=("me", PASSWORD)).text
    assert "Message" in page and "Title 2" in page and "<b>" not in page
    told = [f"{names[0]} and {names[1]} from left to right", *names, "better", "bold"]
    assert [each in page for each in told] == [results_after == 1] * len(told)
    assert not list(session.scalars(store.events_of(row.id, "peeked"))), "there was nothing to peek at"


def test_the_organiser_sees_win_rates_when_all_is_in_and_gives_open_tasks_to_others(made, join, judge, database):
    session, row, spec = made(design={"judgements": 6, "results_after": 2})
    first, second = join(session, row, spec), join(session, row, spec)
    app = FastAPI()
    app.include_router(organiser_routes(database, "small", PASSWORD))
    client = TestClient(app)
    judge(session, spec, first)
    sitting.seat(session, spec, first)
    before = client.get("/organiser", auth=("me", PASSWORD)).text
    judge(session, spec, second)
    after = client.get("/organiser", auth=("me", PASSWORD)).text
    assert "Win rates so far" not in before and "Win rates so far" in after
    key = re.search('name="key" value="([^"]+)"', after)[1]
    form = {"rater": first.number, "because": "stopped", "act": "release", "key": key}
    assert "<td>open</td>" in after and "<td>released</td>" not in after
    page = client.post("/organiser/decide", data=form, auth=("me", PASSWORD)).text
    assert "<td>released</td>" in page and f"1 open task of rater {first.number} went to others: stopped" in page
    assert client.post("/organiser/decide", data=form, auth=("me", PASSWORD)).status_code == 400
