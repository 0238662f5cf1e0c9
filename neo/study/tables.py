"""The tables of studies, beside the catalog's and independent of them: made by `study create`, never by the catalog.

What happened is a row of `study_events`, which nobody changes: a trigger refuses it, on SQLite and on PostgreSQL. A
slot is a seat for one judgement; who took it is the only value that is ever updated, in one statement, so that two
raters never get the same.
"""

from datetime import datetime

from sqlalchemy import DDL, JSON, Engine, ForeignKey, UniqueConstraint, event
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

from catalog.tables import now


class StudyBase(DeclarativeBase):
    """Where the tables of studies register themselves."""


class StudyRow(StudyBase):
    """A study as it was created; its file never changes afterwards."""

    __tablename__ = "study_studies"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    file: Mapped[str]
    """The YAML text."""
    at: Mapped[datetime] = mapped_column(default=now)


class RaterRow(StudyBase):
    """Somebody with a link. Nothing is known of them but what they do; the token itself is kept nowhere."""

    __tablename__ = "study_raters"
    __table_args__ = (UniqueConstraint("study_id", "number"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    study_id: Mapped[int] = mapped_column(ForeignKey(StudyRow.id))
    number: Mapped[int]
    token_hash: Mapped[str] = mapped_column(unique=True)
    simulated: Mapped[bool] = mapped_column(default=False)

    study: Mapped[StudyRow] = relationship()


class SlotRow(StudyBase):
    """A seat for one judgement: a task and the arms that answer it, in the order of their sides."""

    __tablename__ = "study_slots"
    __table_args__ = (UniqueConstraint("study_id", "rater_id", "task"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    study_id: Mapped[int] = mapped_column(ForeignKey(StudyRow.id), index=True)
    place: Mapped[int]
    """The order in which counted slots are given out; practice and attention slots are made when needed, place -1."""
    task: Mapped[str]
    arms: Mapped[list[str]] = mapped_column(JSON)
    rater_id: Mapped[int | None] = mapped_column(ForeignKey(RaterRow.id), index=True)

    rater: Mapped[RaterRow | None] = relationship()


class EventRow(StudyBase):
    """Something that happened. Written and committed before anybody is told that it was."""

    __tablename__ = "study_events"

    id: Mapped[int] = mapped_column(primary_key=True)
    study_id: Mapped[int] = mapped_column(ForeignKey(StudyRow.id), index=True)
    rater_id: Mapped[int | None] = mapped_column(ForeignKey(RaterRow.id), index=True)
    slot_id: Mapped[int | None] = mapped_column(ForeignKey(SlotRow.id), index=True)
    kind: Mapped[str]
    once: Mapped[str | None] = mapped_column(unique=True)
    """A key for what can happen only once, such as the submission of a slot."""
    at: Mapped[datetime] = mapped_column(default=now)
    data: Mapped[dict] = mapped_column(JSON)


_NEVER = "study events are never changed"
_FORBIDDEN = {
    "sqlite": [
        f"create trigger study_events_no_{verb} before {verb} on study_events "
        f"begin select raise(abort, '{_NEVER}'); end"
        for verb in ("update", "delete")
    ],
    "postgresql": [
        "create or replace function study_events_refuse() returns trigger language plpgsql as "
        f"$$ begin raise exception '{_NEVER}'; end $$",
        "create trigger study_events_kept before update or delete or truncate on study_events "
        "for each statement execute function study_events_refuse()",
    ],
}
for _dialect, _statements in _FORBIDDEN.items():
    for _statement in _statements:
        event.listen(EventRow.__table__, "after_create", DDL(_statement).execute_if(dialect=_dialect))


def make_tables(database: Engine) -> None:
    """Make the tables that are not there yet."""
    StudyBase.metadata.create_all(database)
