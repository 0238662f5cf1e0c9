"""The catalog as training and evaluation use it: items, their vectors, and which items fulfil a plan."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from sqlalchemy.orm import Session

from catalog import queries
from neo.items import CatalogItem
from neo.plan import ANY, Plan
from neo.sids.encoder import TextEncoder
from neo.sids.store import item_text


@dataclass
class Shelf:
    """`items` that have SIDs and their unit vectors [items, width]."""

    items: list[CatalogItem]
    vectors: np.ndarray

    @classmethod
    def of(cls, session: Session, encoder: TextEncoder, progress=lambda done: None) -> "Shelf":
        items = [CatalogItem.of(row) for row in session.scalars(queries.all_items()).unique() if row.sid]
        return cls(items, encoder.encode([item_text(item) for item in items], progress=progress))

    @cached_property
    def types(self) -> tuple[str, ...]:
        return tuple(sorted({item.type for item in self.items}))

    def fulfils(self, index: int, plan: Plan, type_: str, languages: tuple[str, ...]) -> bool:
        """Whether an item is of the type and language and agrees with every term: any of the wanted, none unwanted.

        Titles are not looked at: whoever asks knows which items they mean."""
        item = self.items[index]
        if type_ not in (ANY, item.type) or (languages and item.language not in languages):
            return False
        for field, has in (
            ("topic", item.topics),
            ("tone", item.tones),
            ("format", (item.format,)),
            ("by", item.makers),
        ):
            wanted = plan.values(field)
            if wanted and not set(wanted) & set(has) or set(plan.values(field, wanted=False)) & set(has):
                return False
        return True

    def fitting(self, plan: Plan, type_: str, languages: tuple[str, ...]) -> list[int]:
        return [index for index in range(len(self.items)) if self.fulfils(index, plan, type_, languages)]
