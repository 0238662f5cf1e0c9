"""Prompts that were read lately, so that the next turn, a retry or a changed plan reads only what is new to it.

What a token leaves in the cache depends on the tokens before it and on nothing else: who begins with the same ones,
soft vectors included, may copy it. Least recently used ones go first when the bound is reached.

Only prompts are kept, not what a reply wrote, and a few of their last tokens are always read again: where few tokens
are read the arithmetic may be coarser, and a reply must not depend on what was asked before it.
"""

from collections import OrderedDict
from threading import Lock

from neo.model.backbone import Backbone
from neo.model.product import FEW

MOST_BYTES = 64 << 20
READ_AGAIN = FEW + 1

Mark = tuple[int, bytes]
"""A token's id, and its vector if it is a soft one."""


class Prefixes:
    """Caches by the tokens they have read. Threads may share one."""

    def __init__(self, most_bytes: int = MOST_BYTES):
        self.most_bytes = most_bytes
        self._stored: OrderedDict[tuple[Mark, ...], Backbone] = OrderedDict()
        self._lock = Lock()

    def longest(self, marks: tuple[Mark, ...]) -> Backbone | None:
        """A copy of what has read the most of `marks` from their beginning, but not the last few; None if none has."""
        most = len(marks) - READ_AGAIN
        with self._lock:
            shared = {known: min(_shared(known, marks), most) for known in self._stored}
            best = max(reversed(shared), key=shared.get, default=None)  # of equals the one used last
            if best is None or shared[best] < 1:
                return None
            self._stored.move_to_end(best)
            return self._stored[best].copy(shared[best])

    def keep(self, marks: tuple[Mark, ...], cache: Backbone) -> None:
        """Store a copy of `cache`, which has read `marks`; not of one that is larger than all may be together."""
        stored = cache.copy(len(marks))
        if stored.bytes > self.most_bytes:
            return
        with self._lock:
            for known in [known for known in self._stored if known == marks[: len(known)]]:
                del self._stored[known]
            self._stored[marks] = stored
            while sum(each.bytes for each in self._stored.values()) > self.most_bytes:
                self._stored.popitem(last=False)


def _shared(one: tuple[Mark, ...], other: tuple[Mark, ...]) -> int:
    return next((at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
