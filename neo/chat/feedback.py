"""What visitors thought of replies, in a table of its own beside the catalog's. Messages and names are not kept.

The table belongs to the page: it has its own metadata and is made when a page opens that keeps feedback.
"""

from datetime import datetime

from sqlalchemy import JSON, Engine, Select, select
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from catalog.tables import now
from neo.chat.visit import Exchange
from neo.plan import CONTROLLED

REASONS = ("missed", "known", "dull", "wrong", "language", "other")


class FeedbackBase(DeclarativeBase):
    """Where the table registers itself."""


class FeedbackRow(FeedbackBase):
    """One reply that somebody liked or did not like."""

    __tablename__ = "feedback"

    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(default=now)
    liked: Mapped[bool]
    reason: Mapped[str | None]
    """One of REASONS."""
    language: Mapped[str]
    plan: Mapped[dict | None] = mapped_column(JSON)
    """What was understood, without what visitors typed: copied titles and makers are left out."""
    items: Mapped[list[str]] = mapped_column(JSON)
    """Keys of the items of the reply, in order."""


def make_table(database: Engine) -> None:
    """Make the table if it is not there yet."""
    FeedbackBase.metadata.create_all(database)


def all_feedback() -> Select[tuple[FeedbackRow]]:
    """Every judgement, oldest first."""
    return select(FeedbackRow).order_by(FeedbackRow.id)


def rate(session: Session, exchange: Exchange, liked: bool, reason: str | None = None) -> int:
    """Keep what a visitor thinks of a reply, in the row it already has if it was rated before; the row's id."""
    row = session.get(FeedbackRow, exchange.rating.row) if exchange.rating else None
    if row is None:
        row = FeedbackRow(language=exchange.spoken, plan=_plan(exchange), items=[c.item.key for c in exchange.cards])
        session.add(row)
    row.liked, row.reason = liked, reason if reason in REASONS and not liked else None
    session.flush()
    return row.id


def _plan(exchange: Exchange) -> dict | None:
    if exchange.understood is None:
        return None
    plan = exchange.understood.plan.as_dict()
    for side in ("wanted", "unwanted"):
        kept = {field: values for field, values in plan.pop(side, {}).items() if field in CONTROLLED}
        plan |= {side: kept} if kept else {}
    return plan
