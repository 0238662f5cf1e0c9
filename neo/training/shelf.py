"""The catalog as training and evaluation use it: items, their vectors, and which items fulfil a plan."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from sqlalchemy.orm import Session

from catalog import queries
from catalog.lookup import MakerIndex, TitleIndex
from catalog.mentions import Mentions
from neo.items import CatalogItem
from neo.plan import ANY, Plan
from neo.sids.encoder import TextEncoder
from neo.sids.listening import IN_TASTES, Together, kept_histories
from neo.sids.store import SidBook, item_text


@dataclass
class Shelf:
    """`items` that have SIDs, their unit vectors [items, width], and what a listener's vector is the mean of."""

    items: list[CatalogItem]
    vectors: np.ndarray
    tastes: np.ndarray | None = None
    """[items, width + features]: the vectors moved by what is heard together, themselves where nothing is known; and
    the features that the model knows items by."""
    together: Together | None = None
    """What moved them."""

    def __post_init__(self) -> None:
        if self.tastes is None:
            self.tastes = self.vectors

    @classmethod
    def of(cls, session: Session, encoder: TextEncoder, book: SidBook) -> "Shelf":
        items = [CatalogItem.of(row) for row in session.scalars(queries.all_items()).unique() if row.sid]
        vectors = encoder.encode([item_text(item) for item in items])
        moved = [book.tastes.get(item.key, vector) for item, vector in zip(items, vectors, strict=True)]
        together = Together(vectors, kept_histories(session, items)) if book.tastes else None
        tastes = np.hstack([np.array(moved, np.float32).reshape(vectors.shape), book.features.rows(items)])
        return cls(items, vectors, tastes, together)

    def tastes_of(self, heard: list[int]) -> np.ndarray:
        """[heard, width + features]: what the items of a listener to learn from say of their taste, that listener left
        out."""
        tastes = self.tastes[heard]
        if self.together:
            tastes[:, : self.vectors.shape[1]] = self.together.moved_without(heard, IN_TASTES)
        return tastes

    @cached_property
    def types(self) -> tuple[str, ...]:
        return tuple(sorted({item.type for item in self.items}))

    @cached_property
    def facets(self) -> dict[str, set[str]]:
        """The topics, tones, formats and makers that some item has."""
        out: dict[str, set[str]] = {"topic": set(), "tone": set(), "format": set(), "by": set()}
        for field, name in self._index:
            if field in out and name:
                out[field].add(name)
        return out | {"maker": out["by"]}

    @cached_property
    def mentions(self) -> Mentions:
        """Finds the names of the shelf's titles and makers in messages."""
        titles = TitleIndex((i.id, i.key, i.type, i.title, i.language, i.fame) for i in self.items)
        return Mentions(titles, MakerIndex(enumerate(sorted(self.facets["by"]))))

    def fitting(self, plan: Plan, type_: str, languages: tuple[str, ...]) -> np.ndarray:
        """Positions of the items that are of the type and one of the languages, if any are given, and agree with every
        term: any of the wanted, none of the unwanted.

        Titles are not looked at: whoever asks knows which items they mean."""
        fits = np.ones(len(self.items), bool) if type_ == ANY else self._having("type", (type_,))
        if languages:
            fits = fits & self._having("language", languages)
        for field in ("topic", "tone", "format", "by"):
            wanted = plan.values(field)
            fits = fits & ~self._having(field, plan.values(field, wanted=False))
            fits = fits & self._having(field, wanted) if wanted else fits
        return np.flatnonzero(fits & self.within(plan.most_minutes()))

    def within(self, most: int | None) -> np.ndarray:
        """[items], true where an item takes at most so many minutes; an unknown length is no short one."""
        return np.ones(len(self.items), bool) if most is None else self._minutes <= most

    @cached_property
    def _minutes(self) -> np.ndarray:
        """[items], infinite where nobody knows."""
        return np.array([item.minutes or np.inf for item in self.items])

    def _having(self, field: str, names: tuple[str, ...]) -> np.ndarray:
        """[items], true where one of the names holds."""
        out = np.zeros(len(self.items), bool)
        for name in names:
            out[self._index.get((field, name), [])] = True
        return out

    @cached_property
    def _index(self) -> dict[tuple[str, str], list[int]]:
        """(field, name) -> positions of the items that have it."""
        out: dict[tuple[str, str], list[int]] = {}
        for index, item in enumerate(self.items):
            for field, names in (
                ("type", (item.type,)),
                ("language", (item.language,)),
                ("topic", item.topics),
                ("tone", item.tones),
                ("format", (item.format,)),
                ("by", item.makers),
            ):
                for name in names:
                    out.setdefault((field, name), []).append(index)
        return out
