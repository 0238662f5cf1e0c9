"""What a visitor's events do, without a browser: errors, stopping, undoing, and two visitors at once."""

import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from sqlalchemy import create_engine, inspect
from starlette.applications import Starlette
from starlette.testclient import TestClient

from app import arguments, login
from neo.chat.cards import Labels
from neo.chat.page import create_page, launch_options
from neo.chat.parts import Card, Controls, Conversation, Notice
from neo.chat.visit import BROKEN, answered, as_dict, messages, said, waits
from neo.errors import NeoError
from tests.conftest import free_port

ROOT = Path(__file__).parents[2]


def answer(assistant, visit, controls=Controls()):
    """The visit once its last message is answered."""
    return (*visit[:-1], list(answered(assistant, visit[-1], controls))[-1])


def notices(exchange):
    return [part.text for part in exchange.parts if isinstance(part, Notice)]


def test_a_reply_grows_by_a_part_at_a_time(scripted):
    steps = list(answered(scripted(), said((), "hello")[-1], Controls()))
    assert [len(step.parts) for step in steps] == [*range(1, len(steps)), len(steps) - 1]
    assert [step.ended for step in steps] == [None] * (len(steps) - 1) + ["done"]


def test_the_next_message_knows_the_conversation(scripted):
    visit = answer(scripted(), said((), "hello"))
    assert visit[0].after.slate[1].title == "Serial"
    visit = answer(scripted(), said(visit, "count"))
    assert as_dict(visit[1])["text"] == "Turn 2; first was 'hello'."


def test_programs_get_words_and_items_in_order(scripted):
    told = as_dict(answer(scripted(), said((), "hello"))[0])
    assert [part.get("text") or part["item"]["title"] for part in told["parts"]] == [
        "Two for you.\n1. ",
        "The Sea Around Us",
        " Slow and deep, told by a biologist.\n2. ",
        "Serial",
        ' One story, week by week.\nI do not know "Moby Duck".',
    ]
    assert [part["item"] for part in told["parts"] if "item" in part] == told["items"]


def test_an_error_with_a_remedy_is_said_as_it_is(scripted, capsys):
    visit = answer(scripted(), said((), "refuse"))
    assert notices(visit[0]) == ["the message is too long: expected at most 2,000 characters, shorten it"]
    assert visit[0].after == Conversation() and capsys.readouterr().err == ""


def test_any_other_error_is_logged_and_not_shown(scripted, caplog):
    visit = answer(scripted(), said((), "fail"))
    assert notices(visit[0]) == [BROKEN]
    assert "secret detail" in caplog.text
    assert "secret" not in messages(visit, Labels())[1]["content"]
    assert not waits(visit) and visit[0].after.slate[0].title == "The Sea Around Us", "what was seen can be spoken of"


def test_a_stopped_reply_is_remembered_as_far_as_it_was_seen(scripted):
    assistant = scripted()
    steps = answered(assistant, said((), "hello")[-1], Controls())
    exchange = next(step for step in steps if isinstance(step.parts[-1], Card)).stopped()
    steps.close()
    assert assistant.closed == ["hello"], "the assistant's own generator is closed too"
    assert [item.title for item in exchange.after.slate] == ["The Sea Around Us"]
    assert 'data-state="stopped"' in messages((exchange,), Labels())[1]["content"]


def test_retry_starts_from_the_same_conversation(scripted):
    visit = answer(scripted(), said(answer(scripted(), said((), "hello")), "count"))
    again = visit[-1].afresh()
    assert (again.before, again.message, again.parts) == (visit[0].after, "count", ())


@pytest.fixture(scope="module")
def address(serving, scripted):
    return serving(scripted(pause=0.02), at_once=2)


def test_two_clients_at_once_keep_their_own_conversations(address):
    client = pytest.importorskip("gradio_client")
    ana, ben = client.Client(address, verbose=False), client.Client(address, verbose=False)
    first = [ana.submit("from Ana", api_name="/chat"), ben.submit("from Ben", api_name="/chat")]
    assert [[item["title"] for item in job.result(30)["items"]] for job in first] == [
        ["The Sea Around Us", "Serial"]
    ] * 2
    second = [who.submit("count", api_name="/chat") for who in (ana, ben)]
    assert [job.result(30)["text"] for job in second] == [
        f"Turn 2; first was 'from {name}'." for name in ("Ana", "Ben")
    ]


def test_the_api_needs_a_message_and_nothing_else(address):
    client = pytest.importorskip("gradio_client").Client(address, verbose=False)
    endpoints = client.view_api(return_format="dict", print_info=False)["named_endpoints"]
    assert list(endpoints) == ["/chat"]
    needed = {one["parameter_name"]: not one["parameter_has_default"] for one in endpoints["/chat"]["parameters"]}
    assert needed == {"message": True, "types": False, "language": False, "listener": False, "minutes": False}


def test_a_program_sees_the_reply_grow(address):
    job = pytest.importorskip("gradio_client").Client(address, verbose=False).submit("hello", api_name="/chat")
    job.result()
    texts = [told["text"] for told in job.outputs()]
    assert len(texts) > 2 and len(set(texts)) > 2
    assert all(later.startswith(text) for text, later in zip(texts, texts[1:], strict=False))


def test_health_is_answered(address):
    answer = httpx.get(f"{address}health", timeout=None)
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


def test_a_public_page_offers_no_real_listener_and_takes_no_file_and_no_rating(scripted):
    kept = create_engine("sqlite://")
    page = create_page(scripted(), feedback=kept, public=True)
    shown = {block["props"].get("elem_id"): block["props"] for block in page.config["components"]}
    names = [value for _, value in shown["neo-listener"]["choices"]]
    assert "Nadia" in names and "Ana" not in names
    assert not shown["neo-upload"]["visible"] and inspect(kept).get_table_names() == []
    answers = {
        public: TestClient(Starlette(**launch_options(public)["app_kwargs"])).post("/gradio_api/upload").status_code
        for public in (True, False)
    }
    assert answers == {True: 403, False: 404}


def test_controls_reach_the_assistant(scripted, serving):
    client, assistant = pytest.importorskip("gradio_client"), scripted()
    caller = client.Client(serving(assistant), verbose=False)
    caller.predict("hello", types=["show"], language="fr", listener="Nadia", minutes=20, api_name="/chat")
    caller.predict("hello", api_name="/chat")
    assert assistant.controls == [Controls(("show",), "fr", "Nadia", minutes=20), Controls()]


def run(*arguments):
    return subprocess.run([sys.executable, "app.py", *arguments], cwd=ROOT, capture_output=True, text=True, timeout=600)


def test_nobody_else_gets_in_unless_told(monkeypatch):
    for name in ("NEO_HOST", "NEO_LOGIN"):
        monkeypatch.delenv(name, raising=False)
    chosen = arguments([])
    assert (chosen.host, chosen.login, chosen.share_safe) == ("127.0.0.1", None, False)
    assert launch_options()["share"] is False


def test_a_login_is_a_name_and_a_password():
    assert login("a:b") == ("a", "b") and login("a:b:c") == ("a", "b:c") and login(None) is None
    for half in ("a", "a:", ":b"):
        with pytest.raises(NeoError, match="name:password"):
            login(half)


SERVED = """
from app import arguments, serve
from neo.chat.page import create_page
from tests.chat.conftest import Scripted
serve(create_page(Scripted()), arguments(["--host", "127.0.0.1", "--port", "{port}"]))
"""


@pytest.mark.parametrize("asked", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_calmly_when_asked_to(asked):
    command = [sys.executable, "-c", SERVED.format(port=free_port())]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as program:
        assert program.stdout.readline().startswith("Ready: open http://127.0.0.1:")
        program.send_signal(asked)
        _, errors = program.communicate()
    assert program.returncode == 0 and "Traceback" not in errors


def test_help_lists_the_settings_and_waits_for_no_model():
    text = run("--help").stdout
    assert all(name in text for name in ("--host", "--port", "--database", "--base", "--weights", "--cache"))


def test_importing_the_program_does_not_import_torch():
    code = "import app, sys; sys.exit('torch' in sys.modules or 'gradio' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == 0


def test_a_taken_port_is_named_with_a_remedy(address):
    port = address.rstrip("/").rpartition(":")[2]
    done = run("--port", port)
    assert done.returncode == 1 and port in done.stderr and "--port" in done.stderr and "Traceback" not in done.stderr
