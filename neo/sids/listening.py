"""What recorded listeners hear together, brought into the items' vectors without leaving the encoder's space.

An item's vector is moved towards the mean of its listeners, each of whom is the mean of what they heard: one step of
smoothing over the listener-item graph, as in LightGCN (arXiv 2002.02126), whose input here is content. An item that
nobody heard keeps its own vector, and a message's vector stays comparable with both.
"""

import zlib
from collections.abc import Iterable, Sequence

import numpy as np
from scipy.sparse import csr_matrix, diags
from sqlalchemy.orm import Session

from catalog import queries
from neo.items import CatalogItem

FEWEST_LISTENERS = 50
"""Recorded listeners that say enough about a catalog."""
HELD_OUT = 10
"""One listener of so many, by name, is kept for evaluation."""
SHORTEST = 2
"""Items that a listener must have heard to say what goes together."""
IN_SIDS, IN_TASTES = 1.0, 4.0
"""Weight of what is heard together against content (1): in SIDs, which search needs too, and in what a listener's own
vector is the mean of. `neo/training/LOG.md` has the figures."""


def recorded_histories(session: Session, items: Sequence[CatalogItem]) -> dict[str, list[int]]:
    """Listener -> positions among `items` of what they heard, oldest first, none twice; simulated listeners are left
    out, and so is who heard fewer than SHORTEST. Empty where fewer than FEWEST_LISTENERS are left."""
    at = {item.id: index for index, item in enumerate(items)}
    heard: dict[str, dict[int, None]] = {}
    for name, item_id in session.execute(queries.recorded_listens()):
        if item_id in at:
            heard.setdefault(name, {})[at[item_id]] = None
    found = {name: list(indices) for name, indices in heard.items() if len(indices) >= SHORTEST}
    return found if len(found) >= FEWEST_LISTENERS else {}


def is_held_out(name: str) -> bool:
    return zlib.crc32(name.encode()) % HELD_OUT == 0


def kept_histories(session: Session, items: Sequence[CatalogItem]) -> list[list[int]]:
    """The recorded histories that models may learn from."""
    return [heard for name, heard in recorded_histories(session, items).items() if not is_held_out(name)]


class Together:
    """What goes together in the ears of listeners. `vectors` [items, width] are content, `histories` positions."""

    def __init__(self, vectors: np.ndarray, histories: Iterable[Sequence[int]]):
        self.vectors, heard = vectors, list(histories)
        rows = np.repeat(np.arange(len(heard)), [len(items) for items in heard])
        columns = np.concatenate(heard) if heard else rows
        listens = csr_matrix((np.ones(len(rows), np.float32), (rows, columns)), (len(heard), len(vectors)))
        self._means = diags(1 / np.maximum(np.asarray(listens.sum(1)).ravel(), 1)) @ listens @ vectors
        self._sums, self._counts = listens.T @ self._means, np.asarray(listens.sum(0)).ravel()

    def moved(self, weight: float) -> np.ndarray:
        """Unit vectors [items, width]: content plus `weight` times the direction of an item's listeners."""
        return _moved(self.vectors, self._sums, weight)

    def moved_without(self, heard: Sequence[int], weight: float) -> np.ndarray:
        """The same of the items [heard, width] of one listener, as they would be without this listener: what is learned
        from somebody must not be told by the listens that are to be guessed."""
        at = list(heard)
        own = self.vectors[at].mean(0)
        others = np.where(self._counts[at, None] > 1, self._sums[at] - own, 0)
        return _moved(self.vectors[at], others, weight)


def blended(vectors: np.ndarray, histories: Iterable[Sequence[int]], weight: float) -> np.ndarray:
    """Unit vectors [items, width], moved by what the listeners of these histories hear together."""
    heard = list(histories)
    return Together(vectors, heard).moved(weight) if heard else vectors


def _moved(vectors: np.ndarray, towards: np.ndarray, weight: float) -> np.ndarray:
    return _units(vectors + weight * _units(towards)).astype(np.float32)


def _units(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)
