"""The tables of the catalog, as typed SQLAlchemy classes.

Items, who made them, what they are about (facets), who listened to them, and the semantic ID each item was given. An
item type is a row of `item_types`, not a class: adding a type edits no code. Queries are in `catalog.queries`.
"""

from datetime import UTC, datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint
from sqlalchemy.ext.associationproxy import AssociationProxy, association_proxy
from sqlalchemy.ext.orderinglist import ordering_list
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

from catalog.fulltext import keep_index

SCHEMA_VERSION = "5"
"""Raise it with every change below, with a step in `catalog/migrations`; `catalog.database` refuses other versions."""

FACET_KINDS = ("topic", "tone", "format")


def now() -> datetime:
    """UTC without a zone, as SQLite keeps it."""
    return datetime.now(UTC).replace(tzinfo=None)


class Base(DeclarativeBase):
    """Where the catalog's tables register themselves."""


class ItemType(Base):
    """A kind of thing one can listen to: show, audiobook, ..."""

    __tablename__ = "item_types"

    name: Mapped[str] = mapped_column(primary_key=True)
    label: Mapped[str]
    plural: Mapped[str]


class Maker(Base):
    """Who made an item: a show's hosts and publisher, a book's author."""

    __tablename__ = "makers"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)


class Facet(Base):
    """One name of a controlled vocabulary, such as topic "sea" or tone "calm"."""

    __tablename__ = "facets"
    __table_args__ = (
        UniqueConstraint("kind", "name"),
        CheckConstraint("kind in ('topic', 'tone', 'format')", name="facet_kind"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str]
    name: Mapped[str]


class ItemMaker(Base):
    """A maker's place among the makers of an item."""

    __tablename__ = "item_makers"

    item_id: Mapped[int] = mapped_column(ForeignKey("items.id", ondelete="CASCADE"), primary_key=True)
    maker_id: Mapped[int] = mapped_column(ForeignKey("makers.id"), primary_key=True, index=True)
    position: Mapped[int]
    maker: Mapped[Maker] = relationship()


class ItemFacet(Base):
    """A facet's place among the facets of an item: the most telling one is first."""

    __tablename__ = "item_facets"

    item_id: Mapped[int] = mapped_column(ForeignKey("items.id", ondelete="CASCADE"), primary_key=True)
    facet_id: Mapped[int] = mapped_column(ForeignKey("facets.id"), primary_key=True, index=True)
    position: Mapped[int]
    facet: Mapped[Facet] = relationship()


class SidRow(Base):
    """The semantic ID of an item. Items that collide share `sid`; rank 0 is the one a reply shows."""

    __tablename__ = "sids"
    __table_args__ = (Index("ix_sids_sid_rank", "sid", "rank"),)

    item_id: Mapped[int] = mapped_column(ForeignKey("items.id", ondelete="CASCADE"), primary_key=True)
    sid: Mapped[str]
    """Type and codes, such as "show:12-3-7"."""
    rank: Mapped[int]
    """0 canonical; 1, 2, ... the alternatives, most popular first."""


class DisabledItem(Base):
    """An item that is kept, with its SID and its listens, but never suggested."""

    __tablename__ = "disabled_items"

    item_id: Mapped[int] = mapped_column(ForeignKey("items.id", ondelete="CASCADE"), primary_key=True)


class ItemRef(Base):
    """What others call an item: an address, a feed's guid, a file's number. Imports find it again by this."""

    __tablename__ = "item_refs"

    scheme: Mapped[str] = mapped_column(primary_key=True)
    """Who numbers so: "url", "apple", "librivox", "isbn", ..., or the name of a file that has numbers of its own."""
    value: Mapped[str] = mapped_column(primary_key=True, index=True)
    item_id: Mapped[int] = mapped_column(ForeignKey("items.id", ondelete="CASCADE"), index=True)


class Item(Base):
    """A thing one can listen to."""

    __tablename__ = "items"
    __table_args__ = (
        Index("ix_items_type_language", "type", "language"),
        CheckConstraint("fame between 1 and 5", name="item_fame"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(unique=True)
    """Stable and readable, such as "show:serial" (`catalog.names.item_key`)."""
    type: Mapped[str] = mapped_column(ForeignKey("item_types.name"))
    title: Mapped[str]
    language: Mapped[str]
    """ISO 639-1 code of the language it is spoken in (639-3 where there is none, "und" where nobody knows)."""
    year: Mapped[int | None]
    """First release; negative before our era."""
    minutes: Mapped[int | None]
    """A show's typical episode, an audiobook's whole length."""
    fame: Mapped[int]
    """1 to 5: how widely known, 5 is almost everyone."""
    description: Mapped[str]
    part_of_id: Mapped[int | None] = mapped_column(ForeignKey("items.id", ondelete="SET NULL"), index=True)
    """The item that this one is a part of: an episode's show."""
    explicit: Mapped[bool | None]
    """Whether it has explicit words or scenes, as those say who publish it; None where nobody says."""
    added: Mapped[datetime | None] = mapped_column(default=now)
    """When it came into the catalog, UTC; None of what was there before this was kept."""

    part_of: Mapped["Item | None"] = relationship(remote_side=id)
    maker_links: Mapped[list[ItemMaker]] = relationship(
        order_by=ItemMaker.position,
        collection_class=ordering_list("position"),
        cascade="all, delete-orphan",
        passive_deletes=True,
    )
    facet_links: Mapped[list[ItemFacet]] = relationship(
        order_by=ItemFacet.position,
        collection_class=ordering_list("position"),
        cascade="all, delete-orphan",
        passive_deletes=True,
    )
    sid_row: Mapped[SidRow | None] = relationship(cascade="all, delete-orphan", passive_deletes=True)
    refs: Mapped[list[ItemRef]] = relationship(
        order_by=(ItemRef.scheme, ItemRef.value), cascade="all, delete-orphan", passive_deletes=True
    )

    makers: AssociationProxy[list[Maker]] = association_proxy(
        "maker_links", "maker", creator=lambda maker: ItemMaker(maker=maker)
    )
    facets: AssociationProxy[list[Facet]] = association_proxy(
        "facet_links", "facet", creator=lambda facet: ItemFacet(facet=facet)
    )

    @property
    def sid(self) -> str | None:
        """The item's semantic ID as text, or None before SIDs were built."""
        return self.sid_row.sid if self.sid_row else None

    @property
    def topics(self) -> tuple[str, ...]:
        return self._facet_names("topic")

    @property
    def tones(self) -> tuple[str, ...]:
        return self._facet_names("tone")

    @property
    def format(self) -> str | None:
        return next(iter(self._facet_names("format")), None)

    def _facet_names(self, kind: str) -> tuple[str, ...]:
        return tuple(facet.name for facet in self.facets if facet.kind == kind)


class Listener(Base):
    """A person, or a simulated one."""

    __tablename__ = "listeners"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    about: Mapped[str] = mapped_column(default="")
    simulated: Mapped[bool] = mapped_column(default=False)

    listens: Mapped[list["Listen"]] = relationship(
        back_populates="listener",
        order_by="Listen.at, Listen.id",
        cascade="all, delete-orphan",
        passive_deletes=True,
    )


class Listen(Base):
    """One listener played one item."""

    __tablename__ = "listens"
    __table_args__ = (
        Index("ix_listens_listener_at", "listener_id", "at"),
        Index("ux_listens_event", "listener_id", "item_id", "at", unique=True),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    listener_id: Mapped[int] = mapped_column(ForeignKey("listeners.id", ondelete="CASCADE"))
    item_id: Mapped[int] = mapped_column(ForeignKey("items.id", ondelete="CASCADE"), index=True)
    at: Mapped[datetime]
    """UTC, without a zone: SQLite keeps none."""
    weight: Mapped[float] = mapped_column(default=1.0)
    """How much the listen says of the listener's taste; 1 is an ordinary one."""

    listener: Mapped[Listener] = relationship(back_populates="listens")
    item: Mapped[Item] = relationship()


class Meta(Base):
    """Facts about the database itself, such as its schema version."""

    __tablename__ = "meta"

    key: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[str]


keep_index(Item.__table__)
keep_index(Maker.__table__)
