"""A conversation as it was: for the organiser's page as HTML, for the terminal as text.

Until results are visible a replay is blind: it shows what a rater saw, and neither arms nor answers.
"""

from dataclasses import dataclass
from datetime import datetime

from markupsafe import Markup
from sqlalchemy import select
from sqlalchemy.orm import Session

from neo.chat.cards import ReplyHtml, message_html
from neo.chat.parts import Card, Notice, Part, Words
from neo.study.errors import StudyError
from neo.study.kept import part_of
from neo.study.report import progress
from neo.study.shown import units
from neo.study.spec import StudySpec
from neo.study.store import events_of, events_of_slot
from neo.study.tables import SlotRow, StudyRow


@dataclass(frozen=True)
class Taken:
    """A conversation that can be replayed."""

    slot: int
    rater: int
    simulated: bool
    task: str
    state: str
    """submitted, released or open."""


def conversations(session: Session, study: StudyRow) -> list[Taken]:
    closing = events_of(study.id, "submitted", "released")
    states = {event.slot_id: event.kind for event in session.scalars(closing)}
    taken = select(SlotRow).where(SlotRow.study_id == study.id, SlotRow.rater_id.is_not(None)).order_by(SlotRow.id)
    return [
        Taken(slot.id, slot.rater.number, slot.rater.simulated, slot.task, states.get(slot.id, "open"))
        for slot in session.scalars(taken)
    ]


@dataclass(frozen=True)
class Moment:
    """An event of a slot; of a reply, `parts` are what may be shown of it."""

    at: datetime
    kind: str
    data: dict
    parts: tuple[Part, ...]

    @property
    def html(self) -> Markup:
        """A message or a reply as the chat shows it; nothing for other events."""
        if self.kind == "message":
            return Markup(message_html(self.data["text"]))
        return Markup(ReplyHtml.of(self.parts).html() if self.parts else "")

    @property
    def text(self) -> str:
        """A message, or a reply's words with a line for every item; nothing for other events.

        Whatever would steer a terminal is replaced.
        """
        said = self.data["text"] if self.kind == "message" else "".join(_line(part) for part in self.parts).strip()
        return "".join(
            letter if letter.isprintable() or letter == "\n" else "\N{REPLACEMENT CHARACTER}" for letter in said
        )


@dataclass(frozen=True)
class Replay:
    slot: int
    task: str
    arms: tuple[str, ...]
    """From left to right; empty while blind."""
    moments: tuple[Moment, ...]

    @property
    def blind(self) -> bool:
        return not self.arms


def replay(session: Session, study: StudyRow, spec: StudySpec, slot_id: int) -> Replay:
    """Raises StudyError for a slot that is not of this study."""
    slot = session.get(SlotRow, slot_id)
    if slot is None or slot.study_id != study.id:
        raise StudyError(
            f"slot {slot_id} is not of study {study.name!r}, expected one that its raters took: "
            f"see `python -m neo study replay {study.name}`"
        )
    blind = not progress(session, study, spec).visible
    kinds = ("message", "reply") if blind else ()
    moments = (_moment(event, blind) for event in session.scalars(events_of_slot(slot_id, *kinds)))
    return Replay(slot.id, slot.task, () if blind else tuple(slot.arms), tuple(moments))


def _moment(event, blind: bool) -> Moment:
    parts = tuple(part_of(stored) for stored, _ in event.data["parts"]) if event.kind == "reply" else ()
    data = {"side": event.data["side"]} if blind and event.kind == "reply" else event.data
    return Moment(event.at, event.kind, data, tuple(units(parts)) if blind else parts)


def _line(part: Part) -> str:
    match part:
        case Words():
            return part.text
        case Card():
            return f"\n  {part.position}. {', '.join((part.item.title, *part.item.makers))}\n"
        case Notice():
            return f"\n  ({part.text})\n"
    return ""
