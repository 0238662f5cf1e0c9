"""A chat that runs takes up what imports and deletions change, without a restart and without touching others' SIDs."""

import time
from types import SimpleNamespace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from catalog import queries
from catalog.store import KeyedRow, store_items
from catalog.tables import DisabledItem, Item, SidRow
from catalog.wish import Wish
from neo.chat import assistant as module
from neo.chat.assistant import Assistant
from neo.chat.parts import Conversation
from neo.decoding.trie import Tries
from neo.errors import NeoError
from neo.plan import Plan
from neo.sids import store
from neo.sids.sid import Sid
from neo.wording import Wording
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


def test_the_model_is_told_of_new_items(assistant):
    known = assistant.engine.runner.model.rows.shortcut.known
    learned = len(known)
    change(assistant, add=(40, 41))
    assistant.renew()
    assert learned < len(known) <= learned + 2, "they may share a SID"
    strangers = known.table.features[known.table.learned < 0]
    told = {name for row in strangers for name, has in zip(assistant.book.features.names, row, strict=True) if has}
    assert {"fame", "topic:food", "language:pt", "language:it"} <= told
    change(assistant, remove=(40, 41))
    assistant.renew()
    assert len(known) == learned


def test_of_too_many_items_the_famous_are_learned_and_the_others_told_of(tmp_path, monkeypatch):
    monkeypatch.setattr(store, "MOST_KNOWN", 9)
    assistant = small_assistant(tmp_path, 24)
    known = assistant.engine.runner.model.rows.shortcut.known
    fame = {f"item:{n}": record(n).record.fame for n in range(24)}
    learned = [fame[key] for key in fame if known.knows(key)]
    assert len(learned) == 9 and min(learned) >= max(fame[key] for key in fame if not known.knows(key))
    taken = set(sids(assistant).values())
    assert len(known) == len(taken)


def test_a_condition_holds_for_everything_that_is_suggested(assistant):
    loaded = SimpleNamespace(
        format=assistant.format, encoder=assistant.encoder, probe=assistant.probe, engine=assistant.engine,
        book=assistant.book,
    )  # fmt: skip
    english = Assistant(loaded, assistant.database, where="language = 'en' and year > 2006")
    kept = select(SidRow.sid).join(Item).where(Item.language == "en", Item.year > 2006)
    with Session(assistant.database) as session:
        session.execute(update(Item).where(Item.key == "item:0").values(year=2020))  # changes under a chat that runs
        session.commit()
        plan, nothing = Plan("recommend", (("show", 3),)), Conversation()
        steered = english.steering.steer(session, plan, Wording.load("en"), nothing, ())
        left = {str(sid) for view in steered.views.values() for sid in view.sids()}
        assert left and left == set(session.scalars(kept))
    for wrong, told in (
        ("language is", "be asked"),
        ("year > :x", "be asked"),
        ("year > 9000", "no item"),
    ):
        with pytest.raises(NeoError, match=told):
            Assistant(loaded, assistant.database, where=wrong)


def test_what_was_removed_is_in_no_trie(assistant):
    gone = sids(assistant)["item:3"]
    change(assistant, remove=(3,))
    assert assistant.renew() and gone not in everything(assistant)


def test_what_is_disabled_is_in_no_trie_until_it_is_enabled(assistant):
    before, own = sids(assistant), sids(assistant)["item:3"]
    with Session(assistant.database) as session, session.begin():
        session.add(DisabledItem(item_id=session.scalar(select(Item.id).where(Item.key == "item:3"))))
    assert assistant.renew() and everything(assistant) == set(before.values()) - {own}
    assert sids(assistant) == before and assistant.titles("Title 3"), "it is kept, and known by name"
    with Session(assistant.database) as session, session.begin():
        session.execute(delete(DisabledItem))
    assert assistant.renew() and everything(assistant) == set(before.values())


@given(st.lists(st.tuples(st.sampled_from(["add", "remove", "disable"]), st.integers(0, 60)), max_size=8))
@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_whatever_changes_the_tries_are_those_of_a_chat_that_starts_now(assistant, steps):
    for what, n in steps:
        if what == "disable":
            with Session(assistant.database) as session, session.begin():
                for id_ in session.scalars(select(Item.id).where(Item.key == f"item:{n}")):
                    session.merge(DisabledItem(item_id=id_))
        else:
            change(assistant, **{what: (n,)})
        assistant.renew()
    with Session(assistant.database) as session:
        fresh = Tries.build(Sid.parse(sid) for sid in session.scalars(queries.matching_sids(Wish())))
    assert everything(assistant) == {str(sid) for view in fresh.everything().values() for sid in view.sids()}


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
