"""Where each node's children begin: a whole number per block of nodes, and a small rest per node."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

BLOCK = 6  # bits of a node's number within its block


@dataclass(frozen=True)
class Starts:
    """The children of node n begin at `blocks[n >> BLOCK] + rests[n]` and end where those of n + 1 begin: two bytes a
    node in place of eight while codebooks have up to a thousand codes."""

    blocks: np.ndarray
    """[blocks], int64"""
    rests: np.ndarray
    """[nodes + 1], of the smallest type that holds them"""

    @classmethod
    def of(cls, offsets: np.ndarray) -> "Starts":
        """From ascending offsets [nodes + 1]."""
        blocks = offsets[:: 1 << BLOCK].astype(np.int64)
        rests = offsets - np.repeat(blocks, 1 << BLOCK)[: len(offsets)]
        return cls(blocks, rests.astype(np.min_scalar_type(rests.max())))

    @classmethod
    def open(cls, stem: Path) -> "Starts":
        """What `save` wrote, mapped into memory."""
        return cls(*(np.asarray(np.load(f"{stem}.{part}.npy", mmap_mode="r")) for part in ("blocks", "rests")))

    def save(self, stem: Path) -> None:
        np.save(f"{stem}.blocks.npy", self.blocks)
        np.save(f"{stem}.rests.npy", self.rests)

    def span(self, node: int) -> tuple[int, int]:
        """(first, behind the last) of the children of `node`."""
        blocks, rests = self._numbers
        after = node + 1
        return blocks[node >> BLOCK] + rests[node], blocks[after >> BLOCK] + rests[after]

    @cached_property
    def _numbers(self) -> tuple[memoryview, memoryview]:
        """Both, as a view that gives plain numbers: half the price of asking numpy for one."""
        return memoryview(self.blocks), memoryview(self.rests)

    def offsets(self) -> np.ndarray:
        """[nodes + 1], as `of` was given them."""
        return np.repeat(self.blocks, 1 << BLOCK)[: len(self.rests)] + self.rests
