"""What a rater can do and cannot: turns, votes, locks, links, crashes, and two raters at the same moment."""

import os
import signal
import subprocess
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DatabaseError
from sqlalchemy.orm import Session

from neo.study import sitting, store
from neo.study.assignment import slots
from neo.study.errors import AnswerInvalid, LinkInvalid, Locked, NotReady, NotYours, StudyError
from neo.study.report import progress
from neo.study.simulate import Taste, double, simulate
from neo.study.spec import parse_spec
from neo.study.tables import EventRow, RaterRow, SlotRow

ROOT = Path(__file__).parents[2]


@pytest.fixture
def answered(made, join, arms):
    """(session, spec, rater, seat) with a message and both replies."""
    session, study, spec = made()
    rater = join(session, study, spec)
    here = sitting.seat(session, spec, rater)
    sitting.say(session, spec, rater, here.slot_id, "Hello")
    sitting.answer(session, spec, rater, here.slot_id, arms)
    return session, spec, rater, sitting.seat(session, spec, rater)


def test_a_rater_does_every_task_once_and_is_done(made, join, judge):
    session, study, spec = made()
    rater = join(session, study, spec)
    while judge(session, spec, rater):
        pass
    slots = list(session.scalars(sitting.slots_of(rater)))
    assert sorted(slot.task for slot in slots) == ["law", "sea"]


def test_nothing_starts_without_consent(made):
    session, study, spec = made()
    [(_, token)] = store.add_raters(session, study, 1)
    rater = sitting.open_link(session, token)
    with pytest.raises(NotReady, match="consent"):
        sitting.seat(session, spec, rater)
    with pytest.raises(AnswerInvalid, match="'fr'"):
        sitting.consent(session, rater, spec, "fr")


def test_votes_open_when_both_replies_are_complete(made, join, arms):
    session, study, spec = made()
    rater = join(session, study, spec)
    here = sitting.seat(session, spec, rater)
    sitting.say(session, spec, rater, here.slot_id, "Hello")
    broken = {name: arm for name, arm in arms.items() if name == session.get(SlotRow, here.slot_id).arms[0]}
    with pytest.raises(KeyError):
        sitting.answer(session, spec, rater, here.slot_id, broken)  # the right side's arm breaks
    assert not sitting.seat(session, spec, rater).ready
    with pytest.raises(NotReady):
        sitting.save(session, spec, rater, here.slot_id, "better", "left")
    with pytest.raises(NotReady):
        sitting.submit(session, spec, rater, here.slot_id)
    sitting.answer(session, spec, rater, here.slot_id, arms)
    sitting.save(session, spec, rater, here.slot_id, "better", "left")
    sides = [event.data["side"] for event in session.scalars(store.events_of_slot(here.slot_id, "reply"))]
    assert sorted(sides) == ["left", "right"], "the complete side was not asked again"


def test_every_item_reply_and_conversation_is_asked_about(answered):
    session, spec, rater, here = answered
    assert [ask.key for ask in sitting.asks(spec, here)] == [
        "listen:left:1:1", "listen:left:1:2", "relevance:left",
        "listen:right:1:1", "listen:right:1:2", "relevance:right", "better", "why",
    ]  # fmt: skip


def test_an_answer_can_be_changed_until_submission_and_then_no_more(answered):
    session, spec, rater, here = answered
    for ask in sitting.asks(spec, here)[:-1]:
        sitting.save(session, spec, rater, here.slot_id, ask.key, ask.question.options[0])
    sitting.save(session, spec, rater, here.slot_id, "better", "right")
    sitting.submit(session, spec, rater, here.slot_id)
    for act in (
        lambda: sitting.save(session, spec, rater, here.slot_id, "better", "left"),
        lambda: sitting.submit(session, spec, rater, here.slot_id),
        lambda: sitting.say(session, spec, rater, here.slot_id, "more"),
    ):
        with pytest.raises(Locked):
            act()
    event = session.scalars(store.events_of_slot(here.slot_id, "submitted")).one()
    assert event.data["answers"]["better"] == "right"


def test_an_answer_taken_back_is_missing(answered):
    session, spec, rater, here = answered
    sitting.save(session, spec, rater, here.slot_id, "better", "tie")
    sitting.save(session, spec, rater, here.slot_id, "better", None)
    here = sitting.seat(session, spec, rater)
    assert "better" in [ask.key for ask in sitting.missing(spec, here)]
    assert "why" not in [ask.key for ask in sitting.missing(spec, here)], "it is optional"


@pytest.mark.parametrize(
    ("key", "value"),
    [("better", "middle"), ("relevance:left", 6), ("relevance:left", True), ("relevance:left", "3"),
     ("listen:left:1:1", "yes"), ("listen:left:1:3", "would"), ("listen:up:1:1", "would"), ("why", "x" * 2001)],
)  # fmt: skip
def test_only_offered_answers_to_asked_questions_count(answered, key, value):
    session, spec, rater, here = answered
    with pytest.raises(AnswerInvalid):
        sitting.save(session, spec, rater, here.slot_id, key, value)


def test_nobody_acts_for_another(answered, join):
    session, spec, rater, here = answered
    other = join(session, rater.study, spec)
    for act in (
        lambda: sitting.save(session, spec, other, here.slot_id, "better", "left"),
        lambda: sitting.submit(session, spec, other, here.slot_id),
        lambda: sitting.seat_in(session, spec, other, here.slot_id),
        lambda: sitting.say(session, spec, other, here.slot_id, "Hello"),
    ):
        with pytest.raises(NotYours):
            act()


def test_tokens_are_unguessable_and_kept_nowhere(made, url):
    session, study, spec = made()
    links = store.add_raters(session, study, 3)
    assert len({token for _, token in links}) == 3 and all(len(token) == 24 for _, token in links)
    session.connection().execute(text("pragma wal_checkpoint(truncate)"))
    kept = Path(url.removeprefix("sqlite:///")).read_bytes()
    for number, token in links:
        assert token.encode() not in kept
        assert sitting.open_link(session, token).number == number
    for wrong in ("", "x" * 24, links[0][1].lower(), store.token_hash(links[0][1])):
        with pytest.raises(LinkInvalid):
            sitting.open_link(session, wrong)


def test_a_single_use_link_opens_once(made):
    session, study, _ = made()
    [(_, token)] = store.add_raters(session, study, 1)
    sitting.open_link(session, token, single_use=True)
    with pytest.raises(LinkInvalid):
        sitting.open_link(session, token, single_use=True)


def test_another_device_goes_on_where_the_first_stopped(answered, database):
    session, spec, rater, here = answered
    sitting.save(session, spec, rater, here.slot_id, "relevance:left", 2)
    with Session(database) as other:
        there = sitting.seat(other, spec, other.get(RaterRow, rater.id))
    assert there.slot_id == here.slot_id and there.answers == {"relevance:left": 2}
    assert there.exchanges == here.exchanges, "replies come back part by part as they were"


def test_each_side_continues_its_own_conversation(made, join, arms):
    tasks = [{"id": "free", "scenario": "s", "turns": 3}]
    session, study, spec = made(tasks=tasks)
    rater = join(session, study, spec)
    slot_id = sitting.seat(session, spec, rater).slot_id
    for message in ("one", "two"):
        sitting.say(session, spec, rater, slot_id, message)
        with pytest.raises(NotReady):
            sitting.say(session, spec, rater, slot_id, "too early")
        sitting.answer(session, spec, rater, slot_id, arms)
    for name in session.get(SlotRow, slot_id).arms:
        assert [(turns, message) for turns, message, _ in arms[name].system.asked] == [(0, "one"), (1, "two")]
    assert not sitting.seat(session, spec, rater).ready
    sitting.finish_talking(session, spec, rater, slot_id)
    assert sitting.seat(session, spec, rater).ready
    with pytest.raises(NotReady):
        sitting.say(session, spec, rater, slot_id, "three")


def test_practice_comes_first_and_attention_in_the_middle(made, join, judge):
    tasks = [{"id": f"task{n}", "scenario": "s"} for n in range(4)]
    tasks += [{"id": "check", "scenario": "s", "attention": {"question": "better", "answer": "bad"}},
              {"id": "warm", "scenario": "s", "practice": True}]  # fmt: skip
    session, study, spec = made(tasks=tasks)
    rater = join(session, study, spec)
    while judge(session, spec, rater):
        pass
    done = [event.data["task"] for event in session.scalars(store.events_of(study.id, "taken"))]
    assert done[0] == "warm" and done[3] == "check" and len(done) == 6
    assert sitting.seat(session, spec, rater) is None


def test_events_cannot_be_changed_or_removed(anywhere, answered):
    session, _, rater, here = answered
    statements = ["update study_events set kind = 'x'", "delete from study_events"]
    if session.get_bind().dialect.name == "postgresql":  # SQLite has no such statement
        statements.append("truncate study_events")
    for statement in statements:
        with pytest.raises(DatabaseError, match="never changed"):
            session.execute(text(statement))
        session.rollback()
    kinds = [event.kind for event in session.scalars(store.events_of(rater.study_id))]
    assert kinds == ["created", "opened", "consented", "taken", "message", "reply", "reply"]


def test_raters_at_the_same_moment_never_get_the_same_slot(anywhere, made, join, database):
    """Twelve raters reach for a slot at once, twice; nine slots of three tasks are there for them."""
    tasks = [{"id": f"task{n}", "scenario": "s"} for n in range(3)]
    session, study, spec = made(tasks=tasks, design={"judgements": 3})
    raters = [join(session, study, spec).id for _ in range(12)]
    session.close()
    together = Barrier(len(raters))

    def take(rater_id):
        found = []
        with Session(database) as own:
            rater = own.get(RaterRow, rater_id)
            for _ in range(2):
                together.wait()
                slot = sitting._claim(own, rater)
                found += [slot.id] if slot else []
        return found

    with ThreadPoolExecutor(len(raters)) as pool:
        taken = [slot for found in pool.map(take, raters) for slot in found]
    assert len(taken) == len(set(taken)) == 9, "every slot is taken, and none twice"
    with Session(database) as own:
        events = list(own.scalars(select(EventRow).where(EventRow.kind == "taken")))
        rows = {row.id: row for row in own.scalars(select(SlotRow))}
    assert sorted(event.slot_id for event in events) == sorted(taken)
    assert all(rows[event.slot_id].rater_id == event.rater_id for event in events)
    assert max(Counter((event.rater_id, event.data["task"]) for event in events).values()) == 1


def test_two_devices_of_a_rater_submit_once(anywhere, answered, database):
    session, spec, rater, here = answered
    for ask in sitting.asks(spec, here)[:-1]:
        sitting.save(session, spec, rater, here.slot_id, ask.key, ask.question.options[0])
    rater_id = rater.id
    session.close()
    together = Barrier(8)

    def submit(_):
        with Session(database) as own:
            mine = own.get(RaterRow, rater_id)
            together.wait()
            try:
                sitting.submit(own, spec, mine, here.slot_id)
            except Locked:
                return 0
            return 1

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(submit, range(8))) == 1


RATER = """
import sys
from sqlalchemy.orm import Session
from catalog.database import open_database
from neo.study import sitting, store
with Session(open_database(sys.argv[1])) as session:
    study, spec = store.find(session, "small")
    rater = sitting.open_link(session, sys.argv[2])
    here = sitting.seat(session, spec, rater)
    for number in range(10_000):
        sitting.save(session, spec, rater, here.slot_id, "why", f"comment {number}")
        print(number, flush=True)
"""


def test_a_killed_server_loses_nothing_it_acknowledged(made, join, arms, url, database):
    session, study, spec = made()
    [(_, token)] = store.add_raters(session, study, 1)
    rater = sitting.open_link(session, token)
    sitting.consent(session, rater, spec, "en")
    slot_id = sitting.seat(session, spec, rater).slot_id
    sitting.say(session, spec, rater, slot_id, "Hello")
    sitting.answer(session, spec, rater, slot_id, arms)
    session.close()
    server = subprocess.Popen(
        [sys.executable, "-c", RATER, url, token], cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    acknowledged = [int(server.stdout.readline()) for _ in range(25)]
    server.send_signal(signal.SIGKILL)
    acknowledged += [int(line) for line in server.stdout.read().split("\n")[:-1]]
    assert server.wait() == -signal.SIGKILL
    with Session(database) as after:
        kept = [event.data["value"] for event in after.scalars(store.events_of_slot(slot_id, "answered"))]
        here = sitting.seat(after, spec, after.get(RaterRow, 1))
        assert after.scalar(text("pragma integrity_check")) == "ok"
    assert kept[: len(acknowledged)] == [f"comment {number}" for number in acknowledged]
    assert here.slot_id == slot_id and here.answers["why"] == kept[-1], "the restarted server carries on"


def test_a_study_is_created_once_and_found_by_name(made, database):
    session, study, spec = made()
    with pytest.raises(StudyError, match="exists"):
        made()
    with pytest.raises(StudyError, match="one of: small"):
        store.find(session, "other")
    assert store.find(session, "small")[1] == parse_spec(study.file) == spec


def test_a_simulation_takes_nothing_from_people(made, join, judge, arms):
    session, study, spec = made()
    twin, twin_spec = double(session, study)
    simulate(session, twin, twin_spec, arms, Taste({}), 6, seed=1)
    assert twin_spec == spec.model_copy(update={"name": "small-simulated"})
    assert progress(session, twin, twin_spec).submitted == 12
    assert double(session, study)[0].id == double(session, twin)[0].id == twin.id, "it is made once"
    rater = join(session, study, spec)
    assert [bool(judge(session, spec, rater)) for _ in range(3)] == [True, True, False], "all tasks are there"
    state = progress(session, study, spec)
    assert (state.submitted, state.links, state.simulated) == (2, 1, 0)
    for row, simulated in ((study, True), (twin, False)):
        with pytest.raises(StudyError, match="create the study under another name"):
            store.add_raters(session, row, 1, simulated=simulated)
    with pytest.raises(StudyError, match="all 12 judgements of study 'small-simulated' are taken"):
        simulate(session, twin, twin_spec, arms, Taste({}), 1, seed=2)


def test_what_a_rater_leaves_unfinished_goes_to_another(made, join, judge):
    session, study, spec = made(design={"judgements": 1})
    gone, stays = join(session, study, spec), join(session, study, spec)
    left = sitting.seat(session, spec, gone).slot_id
    assert judge(session, spec, stays) and judge(session, spec, stays) is None, "one task is taken and abandoned"
    assert progress(session, study, spec).unfinished == {gone.number: 1}
    assert store.release(session, study, gone.number, "wrote that they stop") == 1
    old, new = (session.get(SlotRow, slot_id) for slot_id in (left, judge(session, spec, stays)))
    assert (new.place, new.task, new.arms) == (old.place, old.task, old.arms) and new.id != old.id
    state = progress(session, study, spec)
    assert (state.submitted, state.taken, state.planned, state.visible) == (2, 2, 2, True)
    assert state.unfinished == {}
    assert sitting.seat(session, spec, gone) is None
    with pytest.raises(Locked):
        sitting.say(session, spec, gone, left, "Hello again")
    for rater in (gone, stays):
        with pytest.raises(StudyError, match="no open task"):
            store.release(session, study, rater.number, "once more")
    [event] = session.scalars(store.events_of(study.id, "released"))
    assert event.slot_id == left and event.data == {"rater": gone.number, "because": "wrote that they stop"}


def test_others_judge_what_an_excluded_rater_judged(made, join, judge):
    session, study, spec = made(design={"judgements": 2})
    careless, careful, late = (join(session, study, spec) for _ in range(3))
    for rater in (careless, careful):
        while judge(session, spec, rater):
            pass
    rows = select(SlotRow).where(SlotRow.study_id == study.id)
    for excluded, expected in ((True, 6), (True, 6), (False, 4), (True, 6)):
        store.decide(session, study, careless.number, excluded, "did not read")
        assert len(session.scalars(rows).all()) == expected, "replaced once; nothing is replaced that counts again"
    state = progress(session, study, spec)
    assert (state.submitted, state.planned, state.visible) == (2, 4, False)
    assert state.by_task == {"sea": (1, 2), "law": (1, 2)}
    assert sum(planned for _, planned in state.by_arm.values()) == 8
    assert sitting.seat(session, spec, careless) is None
    while judge(session, spec, late):
        pass
    assert progress(session, study, spec).visible
    held = [(slot.task, tuple(slot.arms)) for slot in store.held_slots(session, study)]
    assert sorted(held) == sorted((slot.task, slot.arms) for slot in slots(spec)), "as even as it was planned"
