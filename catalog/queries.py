"""Questions to the catalog. Every function returns a statement; the caller runs it in a session of its own.

Statements that load whole items fetch makers, facets and SID in the same query. Joined rows repeat the item, so read
them with `session.scalars(statement).unique()`.
"""

from collections.abc import Iterable, Sequence

from sqlalchemy import Select, func, select
from sqlalchemy.orm import joinedload

from catalog.tables import Facet, Item, ItemFacet, ItemMaker, ItemType, Listen, Listener, Maker, SidRow
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


def items_by_sid(sids: Iterable[str]) -> Select[tuple[Item]]:
    """The items of a whole reply in one query; of those that share a SID the canonical one is first.

    Not in the order of `sids`: a caller groups by `item.sid`.
    """
    return (
        select(Item)
        .join(SidRow, SidRow.item_id == Item.id)
        .options(*WHOLE_ITEM)
        .where(SidRow.sid.in_(tuple(sids)))
        .order_by(SidRow.rank, SidRow.sid)
    )


def items_by_sid_prefix(prefix: str) -> Select[tuple[Item]]:
    """Items whose SID's text starts so, such as "show:12-3-", best known first."""
    statement = (
        all_items().join(SidRow, SidRow.item_id == Item.id).where(SidRow.sid.startswith(prefix, autoescape=True))
    )
    return statement.order_by(None).order_by(Item.fame.desc(), Item.id)


def sids_by_key() -> Select[tuple[str, str | None]]:
    """(item key, its SID or None) of every item."""
    return select(Item.key, SidRow.sid).outerjoin(SidRow, SidRow.item_id == Item.id)


def alternatives_of(sid: str) -> Select[tuple[Item]]:
    """The other items that share a SID, most popular first."""
    return items_by_sid([sid]).where(SidRow.rank > 0)


def search_titles(text: str, types: Sequence[str] = (), limit: int = 20) -> Select[tuple[Item]]:
    """Items whose title contains the text as it is spelled (case aside), best known first.

    For a title that somebody *said*, typos and all, see `catalog.lookup.find_items`.
    """
    statement = all_items(types).where(Item.title.icontains(text, autoescape=True))
    return statement.order_by(None).order_by(Item.fame.desc(), Item.title, Item.id).limit(limit)


def matching_sids(wish: Wish) -> Select[tuple[str]]:
    """The distinct SIDs a reply may use: those whose canonical item satisfies the wish."""
    statement = select(SidRow.sid).distinct().join(Item, Item.id == SidRow.item_id).where(SidRow.rank == 0)
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
    if wish.makers:
        statement = statement.where(Item.id.in_(_item_ids_by_makers(wish.makers)))
    if wish.without_makers:
        statement = statement.where(Item.id.not_in(_item_ids_by_makers(wish.without_makers)))
    return statement


def _item_ids_with_facets(kind: str, names: Sequence[str]) -> Select[tuple[int]]:
    return select(ItemFacet.item_id).join(Facet).where(Facet.kind == kind, Facet.name.in_(names))


def _item_ids_by_makers(maker_ids: Sequence[int]) -> Select[tuple[int]]:
    return select(ItemMaker.item_id).where(ItemMaker.maker_id.in_(maker_ids))


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


def counts_by_type() -> Select[tuple[str, int]]:
    """(type, number of items), for types that have any."""
    return select(Item.type, func.count()).group_by(Item.type).order_by(func.count().desc(), Item.type)


def counts_by_language() -> Select[tuple[str, int]]:
    """(language code, number of items), most items first."""
    return select(Item.language, func.count()).group_by(Item.language).order_by(func.count().desc(), Item.language)


def count_of(table: type[Item] | type[Maker] | type[Listener] | type[Listen] | type[SidRow]) -> Select[tuple[int]]:
    """How many rows a table has."""
    return select(func.count()).select_from(table)
