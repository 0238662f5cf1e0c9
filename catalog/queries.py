"""Questions to the catalog. Every function returns a statement; the caller runs it in a session of its own.

Statements that load whole items fetch makers, facets and SID in the same query. Joined rows repeat the item, so read
them with `session.scalars(statement).unique()`.
"""

from collections.abc import Iterable, Sequence

from sqlalchemy import Select, false, func, literal_column, or_, select
from sqlalchemy.orm import joinedload, selectinload

from catalog.fulltext import has_word, words_of
from catalog.tables import (
    Base,
    DisabledItem,
    Facet,
    Item,
    ItemFacet,
    ItemMaker,
    ItemRef,
    ItemType,
    Listen,
    Listener,
    Maker,
    SidRow,
)
from catalog.wish import Wish

WHOLE_ITEM = (
    joinedload(Item.maker_links).joinedload(ItemMaker.maker),
    joinedload(Item.facet_links).joinedload(ItemFacet.facet),
    joinedload(Item.sid_row),
    joinedload(Item.part_of),
)


def all_items(types: Sequence[str] = ()) -> Select[tuple[Item]]:
    """Every item (of these types, if any are given), in the order of ids."""
    statement = select(Item).options(*WHOLE_ITEM).order_by(Item.id)
    return statement.where(Item.type.in_(types)) if types else statement


def items_by_id(ids: Iterable[int]) -> Select[tuple[Item]]:
    return select(Item).options(*WHOLE_ITEM).where(Item.id.in_(tuple(ids)))


def items_by_key(keys: Iterable[str]) -> Select[tuple[Item]]:
    return select(Item).options(*WHOLE_ITEM).where(Item.key.in_(tuple(keys)))


def items_by_sid(sids: Iterable[str], wishes: Sequence[Wish] = ()) -> Select[tuple[Item]]:
    """The items of a whole reply in one query; of those that share a SID and satisfy all wishes the most popular is
    first.

    Not in the order of `sids`: a caller groups by `item.sid`.
    """
    statement = select(Item).join(SidRow, SidRow.item_id == Item.id).options(*WHOLE_ITEM)
    return _satisfying(statement.where(SidRow.sid.in_(tuple(sids))), wishes).order_by(SidRow.rank, SidRow.sid)


def items_by_sid_prefix(prefix: str) -> Select[tuple[Item]]:
    """Items whose SID's text starts so, such as "show:12-3-", best known first."""
    statement = (
        all_items().join(SidRow, SidRow.item_id == Item.id).where(SidRow.sid.startswith(prefix, autoescape=True))
    )
    return statement.order_by(None).order_by(Item.fame.desc(), Item.id)


def sids_by_key() -> Select[tuple[str, str, str | None]]:
    """(item key, item type, SID or None) of every item."""
    return select(Item.key, Item.type, SidRow.sid).outerjoin(SidRow, SidRow.item_id == Item.id)


def alternatives_of(sid: str) -> Select[tuple[Item]]:
    """The other items that share a SID, most popular first."""
    return items_by_sid([sid]).where(SidRow.rank > 0)


def items_after(item_id: int, limit: int, parts: bool) -> Select[tuple[Item]]:
    """The next items by id, with what others call them: wholes, or those that are parts of one."""
    of_a_whole = Item.part_of_id.is_not(None) if parts else Item.part_of_id.is_(None)
    return all_items().options(selectinload(Item.refs)).where(of_a_whole, Item.id > item_id).limit(limit)


def search_titles(text: str, types: Sequence[str] = (), limit: int = 20) -> Select[tuple[Item]]:
    """Items in whose title or makers every word begins a word (case and accents aside), best known first.

    For a title picker: the last word may be half typed. For a title that somebody *said*, typos and all, see
    `catalog.lookup.find_items`.
    """
    statement = all_items(types)
    for word in words_of(text):
        makers = select(ItemMaker.item_id).join(Maker).where(has_word(Maker.__table__, word))
        statement = statement.where(or_(has_word(Item.__table__, word), Item.id.in_(makers)))
    if not words_of(text):
        statement = statement.where(false())
    return statement.order_by(None).order_by(Item.fame.desc(), Item.title, Item.id).limit(limit)


def matching_sids(*wishes: Wish) -> Select[tuple[str]]:
    """The distinct SIDs a reply may use: those of which one item satisfies all the wishes."""
    return _satisfying(select(SidRow.sid).distinct().join(Item, Item.id == SidRow.item_id), wishes)


def _satisfying(statement: Select, wishes: Iterable[Wish]) -> Select:
    """A statement over items, narrowed to those that satisfy every wish and are not disabled."""
    statement = statement.where(Item.id.not_in(select(DisabledItem.item_id)))
    for wish in wishes:
        statement = _narrowed(statement, wish)
    return statement


def _narrowed(statement: Select, wish: Wish) -> Select:
    if wish.types:
        statement = statement.where(Item.type.in_(wish.types))
    if wish.languages:
        statement = statement.where(Item.language.in_(wish.languages))
    if wish.only_items is not None:
        statement = statement.where(Item.id.in_(wish.only_items))
    if wish.without_items:
        statement = statement.where(Item.id.not_in(wish.without_items))
    for kind, wanted, unwanted in (
        ("topic", wish.topics, wish.without_topics),
        ("tone", wish.tones, wish.without_tones),
        ("format", wish.formats, wish.without_formats),
    ):
        if wanted:
            statement = statement.where(Item.id.in_(_item_ids_with_facets(kind, wanted)))
        if unwanted:
            statement = statement.where(Item.id.not_in(_item_ids_with_facets(kind, unwanted)))
    if wish.most_minutes is not None:
        statement = statement.where(Item.minutes <= wish.most_minutes)
    if wish.added_since is not None:
        statement = statement.where(Item.added >= wish.added_since)
    if wish.without_explicit:
        statement = statement.where(Item.explicit.is_not(True))
    if wish.where:
        condition = literal_column(f"({wish.where}\n)")  # a comment at its end must not hide the bracket
        statement = statement.where(Item.id.in_(select(Item.id).where(condition)))
    if wish.makers:
        statement = statement.where(Item.id.in_(_item_ids_by_makers(wish.makers)))
    if wish.without_makers:
        statement = statement.where(Item.id.not_in(_item_ids_by_makers(wish.without_makers)))
    return statement


def _item_ids_with_facets(kind: str, names: Sequence[str]) -> Select[tuple[int]]:
    return select(ItemFacet.item_id).join(Facet).where(Facet.kind == kind, Facet.name.in_(names))


def _item_ids_by_makers(maker_ids: Sequence[int]) -> Select[tuple[int]]:
    return select(ItemMaker.item_id).where(ItemMaker.maker_id.in_(maker_ids))


def addresses_of(item_ids: Iterable[int]) -> Select[tuple[str, str]]:
    """(item key, address without its scheme) of the items that have one."""
    return (
        select(Item.key, ItemRef.value)
        .join(ItemRef, ItemRef.item_id == Item.id)
        .where(ItemRef.scheme == "url", Item.id.in_(tuple(item_ids)))
        .order_by(Item.key, ItemRef.value.desc())
    )


def facet_names() -> Select[tuple[str, str]]:
    """(kind, name) of every facet that an item has."""
    return (
        select(Facet.kind, Facet.name).where(Facet.id.in_(select(ItemFacet.facet_id))).order_by(Facet.kind, Facet.name)
    )


def item_types() -> Select[tuple[ItemType]]:
    return select(ItemType).order_by(ItemType.name)


def listeners(simulated: bool | None = None) -> Select[tuple[Listener]]:
    """Listeners by name; only simulated ones, or only real ones, if asked."""
    statement = select(Listener).order_by(Listener.name)
    return statement if simulated is None else statement.where(Listener.simulated == simulated)


def history_of(listener_id: int, limit: int | None = None) -> Select[tuple[Item]]:
    """The items of a listener's listens, newest *first*, so that `limit` keeps the latest; reverse it for a prompt.

    After `unique()` an item heard twice stands once, where it was heard last; `Listener.listens` has every event.
    """
    return (
        select(Item)
        .join(Listen, Listen.item_id == Item.id)
        .options(*WHOLE_ITEM)
        .where(Listen.listener_id == listener_id)
        .order_by(Listen.at.desc(), Listen.id.desc())
        .limit(limit)
    )


def listens_of(listener_id: int) -> Select[tuple[Listen]]:
    """A listener's listens with their items, oldest first."""
    statement = select(Listen).options(joinedload(Listen.item)).where(Listen.listener_id == listener_id)
    return statement.order_by(Listen.at, Listen.id)


def recorded_listens() -> Select[tuple[str, int]]:
    """(listener's name, item id) of all listens but simulated ones, oldest first."""
    statement = select(Listener.name, Listen.item_id).join(Listen, Listen.listener_id == Listener.id)
    return statement.where(Listener.simulated.is_(False)).order_by(Listen.at, Listen.id)


def counts_by_type() -> Select[tuple[str, int]]:
    """(type, number of items), for types that have any."""
    return select(Item.type, func.count()).group_by(Item.type).order_by(func.count().desc(), Item.type)


def counts_by_language() -> Select[tuple[str, int]]:
    """(language code, number of items), most items first."""
    return select(Item.language, func.count()).group_by(Item.language).order_by(func.count().desc(), Item.language)


def extent() -> Select[tuple[int, ...]]:
    """How far the catalog goes: (items, highest id, listens, highest id, disabled items, sum of their ids); an import,
    a deletion, and what is disabled or enabled change it."""
    parts = (
        *(func.count(Item.id), func.max(Item.id), func.count(Listen.id), func.max(Listen.id)),
        *(func.count(DisabledItem.item_id), func.sum(DisabledItem.item_id)),
    )
    return select(*(select(figure).scalar_subquery() for figure in parts))


def disabled_items() -> Select[tuple[Item]]:
    return select(Item).join(DisabledItem, DisabledItem.item_id == Item.id).order_by(Item.title, Item.id)


def count_of(table: type[Base]) -> Select[tuple[int]]:
    """How many rows a table has."""
    return select(func.count()).select_from(table)
