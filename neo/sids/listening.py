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


def blended(vectors: np.ndarray, histories: Iterable[Sequence[int]], weight: float) -> np.ndarray:
    """Unit vectors [items, width]: content plus `weight` times the direction of an item's listeners."""
    heard = list(histories)
    if not heard:
        return vectors
    lengths = [len(items) for items in heard]
    rows = np.repeat(np.arange(len(heard)), lengths)
    listens = csr_matrix((np.ones(len(rows), np.float32), (rows, np.concatenate(heard))), (len(heard), len(vectors)))
    together = _means(listens.T.tocsr()) @ (_means(listens) @ vectors)
    return _units(vectors + weight * _units(together)).astype(np.float32)


def _means(listens: csr_matrix) -> csr_matrix:
    """Rows that add up to 1, or to 0 where there is nothing."""
    return diags(1 / np.maximum(np.asarray(listens.sum(1)).ravel(), 1)) @ listens


def _units(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)
