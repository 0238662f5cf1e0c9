"""Which items the same listeners hear: what each that was heard says of every other, counted rather than learned.

It says so by pointwise mutual information, as in item-to-item recommenders, shrunk towards nothing where little was
counted. What listeners' features have in common is learned (`neo/model/known.py`); this is what is left to say of two
particular items.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from scipy.sparse import csr_matrix, diags, triu, vstack

FILE = "pairs.npz"
MOST = 128
"""Others that are kept of an item, those that it is heard with most often: a big catalog's table stays small, and the
demo's says more so than whole (`neo/training/LOG.md`)."""
SHRUNK = 1.0  # listeners that are added to those who heard both, and to those who would by chance
AT_ONCE = 256  # items whose row is counted whole


@dataclass(frozen=True)
class Pairs:
    """`counts` [items, items]: how many listeners heard both, symmetric; `sums` [items]: an item's pairs in all, also
    those that are not kept."""

    keys: tuple[str, ...] = ()
    counts: csr_matrix = field(default_factory=lambda: csr_matrix((0, 0), dtype=np.float32))
    sums: np.ndarray = field(default_factory=lambda: np.zeros(0, np.float32))

    @classmethod
    def of(cls, keys: Sequence[str], histories: Iterable[Sequence[int]]) -> "Pairs":
        """Of the items of these keys; `histories` are positions among them, none twice in one."""
        heard = list(histories)
        rows = np.repeat(np.arange(len(heard)), [len(items) for items in heard])
        columns = np.concatenate(heard) if heard else rows
        listens = csr_matrix((np.ones(len(rows), np.float32), (rows, columns)), (len(heard), len(keys)))
        kept, sums = [], []
        for start in range(0, len(keys), AT_ONCE):
            part = slice(start, start + AT_ONCE)
            both = (listens[:, part].T @ listens).toarray()
            both[np.arange(len(both)), np.arange(start, start + len(both))] = 0
            sums.append(both.sum(1))
            seldom = np.argsort(-both, axis=1, kind="stable")[:, MOST:]
            np.put_along_axis(both, seldom, 0, axis=1)
            kept.append(csr_matrix(both))
        if not kept:
            return cls()
        counts = vstack(kept).tocsr()
        return cls(tuple(keys), counts.maximum(counts.T).tocsr(), np.concatenate(sums))

    def rows(self, keys: Iterable[str]) -> np.ndarray:
        """[keys, items]: what having heard each of `keys` says of every item, in the order of `self.keys`; nothing
        where the item is not one of these."""
        places, keys = {key: at for at, key in enumerate(self.keys)}, list(keys)
        known = [row for row, key in enumerate(keys) if key in places]
        out = np.zeros((len(keys), len(self.keys)), np.float32)
        if known and self.sums.any():
            at = [places[keys[row]] for row in known]
            by_chance = self.sums[at, None] * (self.sums / self.sums.sum())
            out[known] = np.log((self.counts[at].toarray() + SHRUNK) / (by_chance + SHRUNK))
        return out

    def save(self, folder: Path) -> None:
        if self.keys:
            half = triu(self.counts, format="csr")
            parts = {"counts": half.data.astype(np.uint32), "columns": half.indices, "starts": half.indptr}
            np.savez_compressed(folder / FILE, keys=np.array(self.keys), sums=self.sums, **parts)

    @classmethod
    def load(cls, folder: Path) -> "Pairs":
        """None are known where the folder has no such file."""
        if not (folder / FILE).exists():
            return cls()
        with np.load(folder / FILE) as stored:
            keys = tuple(stored["keys"].tolist())
            parts = stored["counts"].astype(np.float32), stored["columns"], stored["starts"]
            half = csr_matrix(parts, (len(keys), len(keys)))
            return cls(keys, (half + half.T - diags(half.diagonal())).tocsr(), stored["sums"])
