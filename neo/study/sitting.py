"""What a rater does: open a link, consent, take a slot, talk, answer, submit. The page and simulated raters use it.

Every function takes the rater's own row and checks that what it touches is the rater's; every one commits before it
returns, so what was acknowledged is on disk. Nothing is kept here: where a rater stands is read from the events.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import Select, exists, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, aliased

from neo.chat.parts import Card, Conversation, Done, Part
from neo.study import assignment
from neo.study.arms import OpenArm
from neo.study.errors import AnswerInvalid, LinkInvalid, Locked, NotReady, NotYours
from neo.study.kept import part_json, part_of
from neo.study.spec import Question, StudySpec, Task, said
from neo.study.store import closed, events_of_slot, exclusions, record, token_hash
from neo.study.tables import EventRow, RaterRow, SlotRow, now

SIDES = ("left", "right")
MOST_COMMENT, MOST_MESSAGE = 2000, 2000  # characters


@dataclass(frozen=True)
class Exchange:
    """A message and the replies to it so far, by side."""

    message: str
    at: datetime
    """When it was sent, UTC."""
    replies: Mapping[str, tuple[Part, ...]] = field(default_factory=dict)

    def cards(self, side: str) -> list[Card]:
        return [part for part in self.replies[side] if isinstance(part, Card)]


@dataclass(frozen=True)
class Ask:
    """A question about something in particular: a side, one of its turns (from 1), one of its items (from 1)."""

    question: Question
    side: str | None = None
    turn: int | None = None
    position: int | None = None

    @property
    def key(self) -> str:
        """Such as "listen:left:1:2"; what answers are stored under."""
        return ":".join(str(part) for part in (self.question.id, self.side, self.turn, self.position) if part)


@dataclass(frozen=True)
class Seat:
    """Where a rater stands in a slot. Holds no arm: what is not here cannot reach the page."""

    slot_id: int
    task: Task
    sides: tuple[str, ...]
    number: int
    """Of the rater's tasks, from 1."""
    total: int
    exchanges: tuple[Exchange, ...]
    enough: bool
    answers: Mapping[str, str | int]

    @property
    def answered(self) -> bool:
        """Whether every message has all its replies."""
        return bool(self.exchanges) and len(self.exchanges[-1].replies) == len(self.sides)

    @property
    def ready(self) -> bool:
        """Whether all is said, so that votes are open."""
        return self.answered and (self.enough or len(self.exchanges) >= self.task.turns)


def due(spec: StudySpec, here: Seat) -> datetime:
    """From when on the replies to the last message may be shown."""
    return here.exchanges[-1].at + timedelta(seconds=spec.wait)


def open_link(session: Session, token: str, single_use: bool = False) -> RaterRow:
    """The rater of a link. Raises LinkInvalid for a token nobody was given, and for a used one of a single-use link."""
    rater = session.scalar(select(RaterRow).where(RaterRow.token_hash == token_hash(token)))
    if rater is None:
        raise LinkInvalid(
            "this link is not valid, expected one that was sent to a rater: ask the organiser for another"
        )
    once = f"opened:{rater.id}" if single_use else None
    if not record(session, rater.study_id, "opened", rater_id=rater.id, once=once):
        raise LinkInvalid("this link was used already and works once: ask the organiser for another")
    return rater


def consent(session: Session, rater: RaterRow, spec: StudySpec, language: str) -> None:
    """Raises AnswerInvalid for a language that the study does not have. Consenting twice changes nothing."""
    if language not in spec.languages:
        raise AnswerInvalid(f"language {language!r}: expected one of {', '.join(spec.languages)}")
    data = {"language": language, "text": said(spec.consent, language)}
    record(session, rater.study_id, "consented", data, rater.id, once=f"consented:{rater.id}")


def language_of(session: Session, rater: RaterRow) -> str | None:
    """The language in which a rater consented, None before that."""
    row = session.scalar(select(EventRow).where(EventRow.once == f"consented:{rater.id}"))
    return row.data["language"] if row else None


def slots_of(rater: RaterRow) -> Select[tuple[SlotRow]]:
    return select(SlotRow).where(SlotRow.rater_id == rater.id).order_by(SlotRow.id)


def is_closed(session: Session, slot_id: int) -> bool:
    """Whether a slot was submitted, or released for others."""
    return session.scalar(select(exists().where(EventRow.once == closed(slot_id))))


def seat(session: Session, spec: StudySpec, rater: RaterRow) -> Seat | None:
    """Where the rater goes on: the slot that is open, else a new one; None when there is nothing left to do, as there
    is for an excluded rater.

    Practice comes first, attention checks after half of the counted tasks.
    """
    if language_of(session, rater) is None:
        raise NotReady("no consent yet, expected it before the first task: consent first")
    if rater.number in exclusions(session, rater.study):
        return None
    slots = list(session.scalars(slots_of(rater)))
    open_slots = [slot for slot in slots if not is_closed(session, slot.id)]
    counted = [slot for slot in slots if spec.task(slot.task).counted]
    slot = open_slots[0] if open_slots else None
    if slot is None:
        taken = {slot.task for slot in slots}
        for task in spec.tasks:
            due = task.practice or (task.attention and len(counted) * 2 >= spec.tasks_each)
            if due and task.id not in taken:
                slot = _uncounted(session, spec, rater, task)
                break
        else:
            slot = _claim(session, rater) if len(counted) < spec.tasks_each else None
    if slot is None:
        return None
    total = spec.tasks_each + sum(not task.counted for task in spec.tasks)
    return _seat(session, spec, slot, len(slots) - len(open_slots) + 1, total)


def _claim(session: Session, rater: RaterRow) -> SlotRow | None:
    """Take the first free slot of a task that is new to the rater. One statement finds and takes it."""
    mine = aliased(SlotRow)
    free = aliased(SlotRow)
    first = (
        select(free.id)
        .where(
            free.study_id == rater.study_id,
            free.rater_id.is_(None),
            free.task.not_in(select(mine.task).where(mine.rater_id == rater.id)),
        )
        .order_by(free.place)
        .limit(1)
        .scalar_subquery()
    )
    rater_id, study_id = rater.id, rater.study_id
    while True:
        # Checked again by the update itself: where statements run side by side, the loser takes nothing, then retries.
        taking = (
            update(SlotRow)
            .where(SlotRow.id == first, SlotRow.rater_id.is_(None))
            .values(rater_id=rater_id)
            .returning(SlotRow.id)
            .execution_options(synchronize_session=False)
        )
        try:
            slot_id = session.scalar(taking)
        except IntegrityError:  # the rater's other device has just taken this task
            session.rollback()
            continue
        if slot_id is not None:
            slot = session.get(SlotRow, slot_id, populate_existing=True)
            data = {"task": slot.task, "arms": slot.arms, "place": slot.place}
            record(session, study_id, "taken", data, rater_id, slot_id)
            return slot
        session.rollback()
        if session.scalar(select(first)) is None:
            return None


def _uncounted(session: Session, spec: StudySpec, rater: RaterRow, task: Task) -> SlotRow:
    drawn = assignment.uncounted_slot(spec, task, rater.number)
    slot = SlotRow(study_id=rater.study_id, place=-1, task=task.id, arms=list(drawn.arms), rater_id=rater.id)
    rater_id, study_id = rater.id, rater.study_id
    session.add(slot)
    try:
        session.flush()
    except IntegrityError:  # the rater's other device made it in this moment
        session.rollback()
        return session.scalar(select(SlotRow).where(SlotRow.rater_id == rater_id, SlotRow.task == task.id))
    record(session, study_id, "taken", {"task": task.id, "arms": slot.arms, "place": -1}, rater_id, slot.id)
    return slot


def seat_in(session: Session, spec: StudySpec, rater: RaterRow, slot_id: int) -> Seat:
    """The same seat, read anew. Raises NotYours."""
    slot = _mine(session, rater, slot_id)
    done = sum(is_closed(session, each.id) for each in session.scalars(slots_of(rater)) if each.id != slot_id)
    total = spec.tasks_each + sum(not task.counted for task in spec.tasks)
    return _seat(session, spec, slot, done + 1, total)


def _mine(session: Session, rater: RaterRow, slot_id: int) -> SlotRow:
    slot = session.get(SlotRow, slot_id)
    if slot is None or slot.rater_id != rater.id:
        raise NotYours(f"slot {slot_id} is not this rater's, expected the slot that was taken: reload the page")
    return slot


def _seat(session: Session, spec: StudySpec, slot: SlotRow, number: int, total: int) -> Seat:
    messages: dict[int, tuple[str, datetime]] = {}
    replies: dict[int, dict[str, tuple[Part, ...]]] = {}
    answers: dict[str, str | int] = {}
    enough = False
    for event in session.scalars(events_of_slot(slot.id)):
        match event.kind:
            case "message":
                messages[event.data["turn"]] = event.data["text"], event.at
            case "reply":
                parts = tuple(part_of(stored) for stored, _ in event.data["parts"])
                replies.setdefault(event.data["turn"], {})[event.data["side"]] = parts
            case "answered":
                answers[event.data["ask"]] = event.data["value"]
            case "enough":
                enough = True
    exchanges = tuple(Exchange(*messages[turn], replies.get(turn, {})) for turn in sorted(messages))
    sides = SIDES[: len(slot.arms)]
    kept = {key: value for key, value in answers.items() if value is not None}
    return Seat(slot.id, spec.task(slot.task), sides, number, total, exchanges, enough, kept)


def say(session: Session, spec: StudySpec, rater: RaterRow, slot_id: int, message: str) -> None:
    """Send a message to all sides. Raises NotReady while the one before is unanswered or when all turns are used."""
    here = _open_seat(session, spec, rater, slot_id)
    message = message.strip()
    if not message or len(message) > MOST_MESSAGE:
        raise AnswerInvalid(f"a message of {len(message)} characters: expected 1 to {MOST_MESSAGE}")
    if here.exchanges and not here.answered:
        raise NotReady("the last message is not answered yet, expected both replies first: wait for them")
    if here.ready:
        raise NotReady("all turns of this task are used: go on to the questions")
    turn = len(here.exchanges) + 1
    data = {"turn": turn, "text": message}
    record(session, rater.study_id, "message", data, rater.id, slot_id, once=f"message:{slot_id}:{turn}")


def answer(session: Session, spec: StudySpec, rater: RaterRow, slot_id: int, arms: Mapping[str, OpenArm]) -> None:
    """Let the arms write the replies that the last message still lacks. Each is written whole, with its parts' times.

    A reply that was cut off by a crash left nothing behind and is asked for again.
    """
    here = _open_seat(session, spec, rater, slot_id)
    if not here.exchanges:
        raise NotReady("no message yet, expected one before its replies: say something first")
    slot = session.get(SlotRow, slot_id)
    study_id, rater_id, names = rater.study_id, rater.id, list(slot.arms)
    session.rollback()  # nothing stays open while a model writes
    turn, exchange = len(here.exchanges), here.exchanges[-1]
    for side, name in zip(here.sides, names, strict=True):
        if side in exchange.replies:
            continue
        earlier = here.exchanges[-2].replies[side] if turn > 1 else ()
        conversation = next((part.conversation for part in earlier if isinstance(part, Done)), Conversation())
        begun, parts = now(), []
        for part in arms[name].reply(conversation, exchange.message, here.task.listener):
            parts.append((part_json(part), round((now() - begun).total_seconds(), 3)))
        data = {"turn": turn, "side": side, "arm": name, "settings": arms[name].facts, "parts": parts}
        record(session, study_id, "reply", data, rater_id, slot_id, once=f"reply:{slot_id}:{turn}:{side}")


def finish_talking(session: Session, spec: StudySpec, rater: RaterRow, slot_id: int) -> None:
    """Use no more turns. Raises NotReady before the first replies."""
    if not _open_seat(session, spec, rater, slot_id).answered:
        raise NotReady("nothing is answered yet, expected a message with its replies: say something first")
    record(session, rater.study_id, "enough", {}, rater.id, slot_id, once=f"enough:{slot_id}")


def asks(spec: StudySpec, here: Seat) -> list[Ask]:
    """Every question of a seat that is ready, in the order of the page: by side, turn and item, then the whole."""
    found: list[Ask] = []
    by_kind = {about: [q for q in spec.questions if q.about == about] for about in ("item", "reply", "conversation")}
    for side in here.sides:
        for turn, exchange in enumerate(here.exchanges, start=1):
            for card in exchange.cards(side):
                found += [Ask(question, side, turn, card.position) for question in by_kind["item"]]
            found += [Ask(question, side, turn) for question in by_kind["reply"]]
        found += [Ask(question, side) for question in by_kind["conversation"]]
    return found + [Ask(question) for question in spec.questions if question.about == "comparison"]


def save(session: Session, spec: StudySpec, rater: RaterRow, slot_id: int, key: str, value: str | int | None) -> None:
    """Keep an answer, or take it back with None; it can be changed until submission.

    Raises Locked, NotReady or AnswerInvalid.
    """
    here = _open_seat(session, spec, rater, slot_id)
    if not here.ready:
        raise NotReady("the replies are not complete, expected all of them before a vote: wait for them")
    ask = next((ask for ask in asks(spec, here) if ask.key == key), None)
    if ask is None:
        raise AnswerInvalid(f"{key!r} is no question of this task: reload the page")
    if ask.question.answer == "comment":
        value = value.strip() or None if isinstance(value, str) else None
        if value and len(value) > MOST_COMMENT:
            raise AnswerInvalid(f"a comment of {len(value)} characters: expected at most {MOST_COMMENT}")
    elif value is not None and (value, type(value)) not in [(one, type(one)) for one in ask.question.options]:
        offered = ", ".join(map(str, ask.question.options))
        raise AnswerInvalid(f"{value!r} is no answer to {ask.question.id!r}: expected one of {offered}")
    record(session, rater.study_id, "answered", {"ask": key, "value": value}, rater.id, slot_id)


def missing(spec: StudySpec, here: Seat) -> list[Ask]:
    """Required questions without an answer."""
    return [ask for ask in asks(spec, here) if ask.question.required and ask.key not in here.answers]


def submit(session: Session, spec: StudySpec, rater: RaterRow, slot_id: int) -> None:
    """Lock the answers as they are. Raises NotReady while something is missing, Locked the second time."""
    here = _open_seat(session, spec, rater, slot_id)
    if not here.ready:
        raise NotReady("the replies are not complete, expected all of them before a vote: wait for them")
    if unanswered := missing(spec, here):
        raise NotReady(f"{unanswered[0].key!r} is not answered, expected all required answers: answer it first")
    last_reply = max(event.at for event in session.scalars(events_of_slot(slot_id, "reply")))
    shown = max(last_reply, due(spec, here))
    seconds = max(0.0, round((now() - shown).total_seconds(), 3))
    known = {ask.key for ask in asks(spec, here)}
    answers = {key: value for key, value in here.answers.items() if key in known}
    data = {"answers": answers, "seconds": seconds}
    if not record(session, rater.study_id, "submitted", data, rater.id, slot_id, once=closed(slot_id)):
        raise _locked(slot_id)


def _open_seat(session: Session, spec: StudySpec, rater: RaterRow, slot_id: int) -> Seat:
    """The seat, if it is the rater's and can still change."""
    slot = _mine(session, rater, slot_id)
    if is_closed(session, slot_id):
        raise _locked(slot_id)
    return _seat(session, spec, slot, 0, 0)


def _locked(slot_id: int) -> Locked:
    return Locked(f"slot {slot_id} was submitted or released, expected an open one: its votes stay as they are")
