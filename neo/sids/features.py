"""What is known of items beside their words: topics, tones, format, language and fame, as numbers.

A listener's taste shows in what their items share; the model scores whole items by it (`neo/model/known.py`).
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from neo.items import CatalogItem

FILE = "features.npz"
FAME = "fame"
FULL_FAME = 5.0
FEWEST, MOST = 2, 512
"""Items that must share a feature, and how many features there are at most: those that most items have."""


@dataclass(frozen=True)
class Features:
    """`names` of the features; `values`: item key -> [features], each from 0 to 1, of the items known in training."""

    names: tuple[str, ...] = ()
    values: dict[str, np.ndarray] = field(default_factory=dict)

    @classmethod
    def of(cls, items: Iterable[CatalogItem]) -> "Features":
        items = list(items)
        having = Counter(name for item in items for name in _names(item))
        names = (FAME, *sorted(name for name, count in having.most_common(MOST) if count >= FEWEST))
        unknown = cls(names)
        return cls(names, dict(zip((item.key for item in items), unknown.rows(items), strict=True)))

    def rows(self, items: Iterable[CatalogItem]) -> np.ndarray:
        """[items, features], of items that were not known in training too."""
        items, at = list(items), {name: column for column, name in enumerate(self.names)}
        values = np.zeros((len(items), len(at)), np.float32)
        for row, item in enumerate(items if at else ()):
            values[row, [at[name] for name in _names(item) if name in at]] = 1
            values[row, at[FAME]] = min(item.fame / FULL_FAME, 1)
        return values

    def save(self, folder: Path) -> None:
        if self.values:
            stacked = np.array(list(self.values.values()), np.float16)
            np.savez_compressed(folder / FILE, names=self.names, keys=np.array(list(self.values)), values=stacked)

    @classmethod
    def load(cls, folder: Path) -> "Features":
        """None are known where the folder has no such file."""
        if not (folder / FILE).exists():
            return cls()
        with np.load(folder / FILE) as stored:
            values = dict(zip(stored["keys"].tolist(), stored["values"].astype(np.float32), strict=True))
            return cls(tuple(stored["names"].tolist()), values)


def _names(item: CatalogItem) -> set[str]:
    facets = {f"topic:{name}" for name in item.topics} | {f"tone:{name}" for name in item.tones}
    return facets | {f"format:{item.format}", f"language:{item.language}"}
