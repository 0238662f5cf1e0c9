"""A chat that runs takes up what imports and deletions change, without a restart and without touching others' SIDs."""

import time

import pytest
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from catalog.store import KeyedRow, store_items
from catalog.tables import Item, SidRow
from neo.chat import assistant as module
from neo.chat.parts import Conversation
from tests.evaluation.test_suites import record, small_assistant


@pytest.fixture
def assistant(tmp_path):
    return small_assistant(tmp_path, 24)


def sids(assistant):
    with Session(assistant.database) as session:
        return dict(session.execute(select(Item.key, SidRow.sid).join(SidRow)).all())


def change(assistant, add=(), remove=()):
    with Session(assistant.database) as session:
        if add:
            store_items(session, [KeyedRow(f"item:{n}", record(n)) for n in add])
        session.execute(delete(Item).where(Item.key.in_(f"item:{n}" for n in remove)))
        session.commit()


def everything(assistant):
    return {str(sid) for view in assistant.steering.tries.everything().values() for sid in view.sids()}


def test_new_items_get_sids_and_the_others_keep_theirs(assistant):
    before = sids(assistant)
    change(assistant, add=(40, 41))
    assert assistant.renew()
    after = sids(assistant)
    assert {key: after[key] for key in before} == before
    assert set(after) - set(before) == {"item:40", "item:41"} and everything(assistant) == set(after.values())
    assert assistant.titles("Title 40")[0].sid is not None
    change(assistant, add=(42,))
    assistant.renew()
    assert {key: sids(assistant)[key] for key in after} == after, "also those of earlier imports"


def test_what_was_removed_is_in_no_trie(assistant):
    gone = sids(assistant)["item:3"]
    change(assistant, remove=(3,))
    assert assistant.renew() and gone not in everything(assistant)


def test_an_unchanged_catalog_is_left_alone(assistant):
    tries = assistant.steering
    assert not assistant.renew() and assistant.steering is tries


def test_a_message_makes_the_chat_look(assistant, monkeypatch):
    monkeypatch.setattr(module, "LOOKS_EVERY", 0.0)
    change(assistant, add=(40,))
    list(assistant.reply(Conversation(), "anything"))
    for _ in range(100):
        if assistant.titles("Title 40") and sids(assistant)["item:40"] in everything(assistant):
            return
        time.sleep(0.05)
    pytest.fail("the new item was not taken up")
