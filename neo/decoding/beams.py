"""Beam search over one item span: the levels' own rows scored, the trie's children kept, everything else impossible.

A beam's score is the sum of its codes' log-probabilities under a softmax over each level's rows alone; the trie masks
after the softmax. The prompt is read once; a level costs one forward pass for all beams together.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from neo.errors import NothingAllowed
from neo.sids.sid import Sid
from neo.sids.vocabulary import TypeShape, Vocabulary


class Children(Protocol):
    """What a span may hold: a filtered trie, or `Unconstrained`."""

    def children(self, level: int, node: int) -> tuple[np.ndarray, Sequence[int]]:
        """(codes, nodes) that may follow `node` at `level`."""
        ...

    def check(self, sid: Sid) -> None:
        """Raise SidOutsideCatalog for a SID that should never have been reached."""
        ...

    def without(self, sids: list[Sid]) -> "Children":
        """The same, less what a reply already holds."""
        ...


@dataclass(frozen=True)
class Unconstrained:
    """Any code at any level: how steering is measured with the trie off. Never used to serve."""

    shape: TypeShape

    def children(self, level: int, node: int) -> tuple[np.ndarray, Sequence[int]]:
        codes = np.arange(self.shape.codes)
        return codes, range(self.shape.codes)

    def check(self, sid: Sid) -> None:
        pass

    def without(self, sids: list[Sid]) -> "Unconstrained":
        return self


@dataclass(frozen=True)
class Beam:
    """A partial or whole SID. `slots` are where its codes lie in the branched context, without the latest."""

    score: float
    codes: tuple[int, ...] = ()
    node: int = 0
    slots: tuple[int, ...] = ()


def search(context, vocabulary: Vocabulary, type_: str, children: Children, width: int) -> list[Beam]:
    """The `width` best SIDs of `type_`, best first; the context reads the span's opener.

    Leaves the branches in the context: the caller settles on one. Raises NothingAllowed when no SID is left.
    """
    shape = vocabulary.shape(type_)
    context.open(vocabulary.opener(type_))
    beams, stored = [Beam(0.0)], 0
    for level in range(shape.levels):
        if level:
            ids = [vocabulary.level_ids(type_, level - 1)[beam.codes[-1]] for beam in beams]
            context.branch(ids, [beam.slots for beam in beams], level - 1)
            beams = [
                Beam(beam.score, beam.codes, beam.node, (*beam.slots, stored + row)) for row, beam in enumerate(beams)
            ]
            stored += len(ids)
        beams = _best(beams, context.code_scores(type_, level), level, children, width)
        if not beams:
            raise NothingAllowed(
                f"no {type_} is left under the filter at level {level}: expected the caller to check first"
            )
    return beams


def _best(beams: list[Beam], scores: np.ndarray, level: int, children: Children, width: int) -> list[Beam]:
    """The best continuations; `scores` [beams, codes]. Ties go to the earlier beam, then to the lower code."""
    below = [children.children(level, beam.node) for beam in beams]
    totals = np.concatenate([beam.score + scores[row][below[row][0]] for row, beam in enumerate(beams)])
    ends = np.cumsum([len(codes) for codes, _ in below])
    best = []
    for at in np.argsort(-totals, kind="stable")[:width]:
        row = int(np.searchsorted(ends, at, side="right"))
        (codes, nodes), beam = below[row], beams[row]
        at_child = int(at - ends[row])  # counted from the end
        best.append(Beam(float(totals[at]), (*beam.codes, int(codes[at_child])), int(nodes[at_child]), beam.slots))
    return best


def as_sid(beam: Beam, type_: str) -> Sid:
    return Sid(type_, beam.codes)
