"""The catalog's SIDs as a trie per item type, built offline; a filter is a view of it, made without rebuilding.

Two parts. A marisa-trie of all SIDs is the authority on what exists. Beside it stand flat arrays of children: nodes
are numbered level by level in the order of their SIDs, so the children of a node are a slice, and a beam that carries
its node finds them without a search. Filters are one bit per node, folded up from the leaves. A folder holds both as
files that are mapped into memory, not read.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import marisa_trie
import numpy as np

from neo.decoding.starts import Starts
from neo.errors import SidOutsideCatalog
from neo.sids.sid import Sid


@dataclass(frozen=True)
class TypeTrie:
    """The SIDs of one item type. Level l has nodes `codes[l]`; `starts[l].span(n)` are the children of node n of
    level l - 1 (level 0 hangs from the one root)."""

    type: str
    names: marisa_trie.Trie
    codes: tuple[np.ndarray, ...]
    starts: tuple[Starts, ...]

    @classmethod
    def build(cls, type_: str, sids: Iterable[tuple[int, ...]] | np.ndarray) -> "TypeTrie":
        """From code tuples of equal length or rows [SIDs, levels], in any order; repeats count once."""
        table = np.asarray(sids if isinstance(sids, np.ndarray) else list(sids), dtype=np.uint16)
        table = table[np.lexsort(table.T[::-1])]
        new = np.ones(len(table), dtype=bool)
        new[1:] = (table[1:] != table[:-1]).any(1)
        table = table[new]
        codes, starts = [], []
        parents = np.zeros(len(table), dtype=np.int64)
        for level in range(table.shape[1]):
            fresh = np.ones(len(table), dtype=bool)
            fresh[1:] = (parents[1:] != parents[:-1]) | (table[1:, level] != table[:-1, level])
            owners = parents[fresh]
            count = int(parents[-1]) + 1
            starts.append(Starts.of(np.searchsorted(owners, np.arange(count + 1))))
            codes.append(table[fresh, level].astype(np.min_scalar_type(table[:, level].max())))
            parents = np.cumsum(fresh) - 1
        return cls(type_, marisa_trie.Trie(_keys(table)), tuple(codes), tuple(starts))

    def save(self, folder: Path) -> None:
        """Write the files that `open` maps."""
        folder.mkdir(parents=True, exist_ok=True)
        self.names.save(str(folder / f"{self.type}.marisa"))
        for level in range(self.levels):
            np.save(folder / f"{self.type}.codes{level}.npy", self.codes[level])
            self.starts[level].save(folder / f"{self.type}.starts{level}")

    @classmethod
    def open(cls, folder: Path, type_: str) -> "TypeTrie":
        """A trie that `save` wrote, mapped into memory. Raises FileNotFoundError where there is none."""
        if not (path := folder / f"{type_}.marisa").exists():
            raise FileNotFoundError(f"{path} is missing: expected a folder that TypeTrie.save wrote")
        names = marisa_trie.Trie()
        names.mmap(str(path))
        levels = range(len(list(folder.glob(f"{type_}.codes*.npy"))))
        codes = (np.asarray(np.load(folder / f"{type_}.codes{level}.npy", mmap_mode="r")) for level in levels)
        starts = (Starts.open(folder / f"{type_}.starts{level}") for level in levels)
        return cls(type_, names, tuple(codes), tuple(starts))

    @property
    def levels(self) -> int:
        return len(self.codes)

    def __len__(self) -> int:
        return len(self.codes[-1])

    def __contains__(self, sid: Sid) -> bool:
        return sid.type == self.type and _key(sid.codes) in self.names

    def leaf(self, sid: Sid) -> int:
        """The number of a SID among the type's SIDs in order. Raises SidOutsideCatalog."""
        if sid not in self:
            raise SidOutsideCatalog(f'{sid} is no item of the catalog: run "python -m neo sids build" after importing')
        node = 0
        for level, code in enumerate(sid.codes):
            start, stop = self.starts[level].span(node)
            node = start + int(np.searchsorted(self.codes[level][start:stop], code))
        return node

    def everything(self) -> "View":
        return View(self)

    def only(self, sids: Iterable[Sid]) -> "View":
        """The view in which just these SIDs are left; SIDs of other types are passed over."""
        leaves = np.zeros(len(self), dtype=bool)
        leaves[[self.leaf(sid) for sid in sids if sid.type == self.type]] = True
        return self._folded(leaves)

    def _folded(self, leaves: np.ndarray) -> "View":
        """A node is open if any of its children is."""
        bits = [leaves]
        for level in range(self.levels - 1, 0, -1):
            bits.append(np.logical_or.reduceat(bits[-1], self.starts[level].offsets()[:-1]))
        return View(self, tuple(reversed(bits)))


@dataclass(frozen=True)
class View:
    """A trie under a filter. `open` [levels][nodes]: whether anything is left below a node; None for no filter."""

    trie: TypeTrie
    open: tuple[np.ndarray, ...] | None = None

    def __len__(self) -> int:
        """How many SIDs are left."""
        return len(self.trie) if self.open is None else int(self.open[-1].sum())

    def children(self, level: int, node: int) -> tuple[np.ndarray, Sequence[int]]:
        """(codes, nodes of `level`) below `node` of the level before; for level 0 `node` is 0, the root."""
        start, stop = self.trie.starts[level].span(node)
        if self.open is None:
            return self.trie.codes[level][start:stop], range(start, stop)
        kept = np.flatnonzero(self.open[level][start:stop])
        return self.trie.codes[level][start:stop][kept], kept + start

    def check(self, sid: Sid) -> None:
        """Ask the marisa-trie about a SID that the arrays led to. Raises SidOutsideCatalog."""
        self.trie.leaf(sid)

    def without(self, sids: Iterable[Sid]) -> "View":
        leaves = np.ones(len(self.trie), dtype=bool) if self.open is None else self.open[-1].copy()
        leaves[[self.trie.leaf(sid) for sid in sids if sid.type == self.trie.type]] = False
        return self.trie._folded(leaves)

    def sids(self) -> list[Sid]:
        """What is left, in order."""
        starts = [level.offsets() for level in self.trie.starts]
        return [Sid(self.trie.type, tuple(map(int, self._path(leaf, starts)))) for leaf in self._leaves()]

    def _leaves(self) -> np.ndarray:
        return np.arange(len(self.trie)) if self.open is None else np.flatnonzero(self.open[-1])

    def _path(self, leaf: int, starts: list[np.ndarray]) -> list[int]:
        path, node = [], leaf
        for level in range(self.trie.levels - 1, -1, -1):
            path.append(self.trie.codes[level][node])
            node = int(np.searchsorted(starts[level], node, side="right")) - 1
        return path[::-1]


@dataclass(frozen=True)
class Tries:
    """One trie per item type."""

    by_type: dict[str, TypeTrie]

    @classmethod
    def build(cls, sids: Iterable[Sid]) -> "Tries":
        grouped: dict[str, set[tuple[int, ...]]] = {}
        for sid in sids:
            grouped.setdefault(sid.type, set()).add(sid.codes)
        return cls({type_: TypeTrie.build(type_, codes) for type_, codes in sorted(grouped.items())})

    def __contains__(self, sid: Sid) -> bool:
        return sid.type in self.by_type and sid in self.by_type[sid.type]

    def everything(self) -> dict[str, View]:
        return {type_: trie.everything() for type_, trie in self.by_type.items()}

    def only(self, sids: Iterable[Sid]) -> dict[str, View]:
        sids = list(sids)
        return {type_: trie.only(sids) for type_, trie in self.by_type.items()}


def _keys(table: np.ndarray, together: int = 1_000_000) -> Iterator[str]:
    """The keys of rows [SIDs, levels], made a million at a time."""
    for start in range(0, len(table), together):
        rows = np.ascontiguousarray(table[start : start + together] + np.uint32(0x100), dtype=np.uint32)
        yield from rows.view(f"<U{table.shape[1]}").ravel().tolist()


def _key(codes) -> str:
    """Codes as characters from U+0100 on, clear of NUL and of the surrogates."""
    return "".join(chr(int(code) + 0x100) for code in codes)
