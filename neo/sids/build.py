"""From item vectors to SIDs: the shape is chosen, every item gets codes, collisions are settled and reported.

Shape. The smallest (levels, codes) that after spreading has a collision rate of at most 2 % and keeps items apart: 95 %
are found by their own vector in the top 10 by rebuilt vectors. Millions of items get NEO's 4 x 256.
Spreading. Items take their codes in order of popularity; one whose SID is taken moves to the next nearest centroid of
the last level, at most `SPREAD` of them, so that a small catalog hardly collides. Where items still share a SID, the
most popular is canonical (rank 0) and the others follow as its alternatives.
"""

from dataclasses import dataclass

import numpy as np

from neo.sids.quantizer import ResidualQuantizer, parts
from neo.sids.sid import Sid

SPREAD = 8
SHAPES = ((3, 16), (3, 32), (3, 64), (3, 128), (4, 128), (4, 256))
MOST_COLLISIONS, LEAST_CEILING = 0.02, 0.95
CODES_PER_ITEM = 12  # a codebook is only as fine as this many items a code can teach


@dataclass(frozen=True)
class TypeSids:
    """The SIDs of one item type, in the order of its vectors."""

    quantizer: ResidualQuantizer
    sids: list[Sid]
    ranks: list[int]


def build_type(
    type_: str,
    vectors: np.ndarray,
    popularity: np.ndarray,
    shape: tuple[int, int] | None = None,
    seed: int = 0,
    progress=lambda text: None,
) -> TypeSids:
    """SIDs for items of one type from unit vectors [items, width] and popularity [items] (higher wins a collision)."""
    for levels, codes in [shape] if shape else _shapes_for(len(vectors)):
        progress(f"{type_}: {levels} levels x {codes} codes")
        quantizer = ResidualQuantizer.fit(vectors, levels, codes, seed)
        sids, ranks = assign(type_, quantizer, vectors, popularity)
        built = TypeSids(quantizer, sids, ranks)
        found = stats(built, vectors)
        if found.collision_rate <= MOST_COLLISIONS and found.ceiling >= LEAST_CEILING:
            break
    return built


def _shapes_for(items: int) -> list[tuple[int, int]]:
    """Candidate shapes, coarse to fine; the first is no coarser than a catalog of this size deserves."""
    worthy = [shape for shape in SHAPES if shape[1] * CODES_PER_ITEM >= min(items, 256 * CODES_PER_ITEM)]
    return worthy or [SHAPES[-1]]


def assign(
    type_: str,
    quantizer: ResidualQuantizer,
    vectors: np.ndarray,
    popularity: np.ndarray,
    taken: dict[Sid, int] | None = None,
) -> tuple[list[Sid], list[int]]:
    """SIDs and ranks of items, the popular ones first. `taken` counts the items that already have a SID."""
    codes = quantizer.encode(vectors)
    last = quantizer.levels - 1
    nearest = np.empty((len(vectors), min(SPREAD, quantizer.codes)), dtype=np.int64)
    for part in parts(vectors):
        residual = vectors[part] - (quantizer.decode(codes[part, :last]) if last else 0)
        nearest[part] = np.argsort(quantizer.distances(residual.astype(np.float32), last), axis=1)[:, :SPREAD]
    taken = dict(taken or {})
    sids: list[Sid] = [None] * len(vectors)
    ranks = [0] * len(vectors)
    for index in np.argsort(-popularity, kind="stable"):
        prefix = tuple(map(int, codes[index, :last]))
        options = (Sid(type_, (*prefix, int(code))) for code in nearest[index])
        sid = next((option for option in options if option not in taken), None)
        sid = sid or Sid(type_, (*prefix, int(nearest[index][0])))
        sids[index], ranks[index] = sid, taken.get(sid, 0)
        taken[sid] = taken.get(sid, 0) + 1
    return sids, ranks


@dataclass(frozen=True)
class TypeStats:
    """What SIDs of a type are worth, before any training."""

    items: int
    levels: int
    codes: int
    collision_rate: float
    """Share of items that are not the canonical one of their SID."""
    coherence: float
    """Mean cosine of items that share the first code."""
    baseline: float
    """Mean cosine of any two items."""
    ceiling: float
    """Of items searched by their own vector, the share found in the top 10 by vectors rebuilt from SIDs."""


def stats(built: TypeSids, vectors: np.ndarray) -> TypeStats:
    """What `built` is worth for unit vectors [items, width], by at most 2,000 items of them against all."""
    codes, quantizer = np.array([sid.codes for sid in built.sids]), built.quantizer
    chosen = np.random.default_rng(0).permutation(len(vectors))[:2000]
    asked, asked_code = vectors[chosen], codes[chosen, 0]
    own = (asked * rebuilt(quantizer, codes[chosen])).sum(1)
    sums, better = np.zeros((quantizer.codes, vectors.shape[1])), np.zeros(len(chosen), dtype=int)
    for part in parts(vectors):
        np.add.at(sums, codes[part, 0], vectors[part])
        # an item's own score may differ in its last digit when it is taken in a larger product
        better += (asked @ rebuilt(quantizer, codes[part]).T > own[:, None] + 1e-6).sum(1)
    alike = (asked * sums[asked_code]).sum() - (
        asked**2
    ).sum()  # cosines with all that share the first code, but itself
    pairs = (np.bincount(codes[:, 0], minlength=quantizer.codes)[asked_code] - 1).sum()
    return TypeStats(
        len(vectors),
        quantizer.levels,
        quantizer.codes,
        float(np.mean(np.asarray(built.ranks) > 0)),
        float(alike / pairs) if pairs else 0.0,
        float(asked.mean(0) @ sums.sum(0) / len(vectors)),
        float((better < 10).mean()),
    )


def rebuilt(quantizer: ResidualQuantizer, codes: np.ndarray) -> np.ndarray:
    """Unit vectors [n, width] of codes [n, levels]."""
    vectors = quantizer.decode(codes)
    return vectors / (np.linalg.norm(vectors, axis=1, keepdims=True) + 1e-9)
