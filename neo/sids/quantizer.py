"""Residual k-means: a vector becomes one code per level, each level quantizing what the levels before it left over.

Source: NEO (arXiv 2603.17533), section on SIDs; residual quantization as in RQ-VAE, with k-means for each codebook.
One quantizer per item type. Vectors may lie in a memory-mapped file: they are read some
thousands at a time.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

LEARNED_FROM = 50_000
"""Vectors that centroids are fitted to, drawn at random where there are more: about 200 for each of 256 codes. FAISS
(Johnson et al. 2017) takes 39 to 256."""
AT_ONCE = 16_384
"""Vectors that are encoded together."""


def parts(vectors: np.ndarray) -> Iterator[slice]:
    """Slices that cover the items, each small enough to be in memory."""
    return (slice(start, start + AT_ONCE) for start in range(0, len(vectors), AT_ONCE))


@dataclass(frozen=True)
class ResidualQuantizer:
    """`codebooks` [levels, codes, width]: the centroids of each level, in the space of that level's residuals."""

    codebooks: np.ndarray

    @property
    def levels(self) -> int:
        return self.codebooks.shape[0]

    @property
    def codes(self) -> int:
        return self.codebooks.shape[1]

    @classmethod
    def fit(cls, vectors: np.ndarray, levels: int, codes: int, seed: int = 0, progress=lambda level: None):
        """Fit to `vectors` [items, width]. Fewer items than codes repeat the last centroid, which then stays unused."""
        from sklearn.cluster import KMeans  # 80 MB that a chat has no use for

        codebooks = np.zeros((levels, codes, vectors.shape[1]), dtype=np.float32)
        trials = 4  # the best of them; where there is so much to learn from they hardly differ
        if len(vectors) > LEARNED_FROM:
            chosen = np.random.default_rng(seed).choice(len(vectors), LEARNED_FROM, replace=False)
            vectors, trials = vectors[np.sort(chosen)], 1
        residual = vectors.astype(np.float32)
        for level in range(levels):
            distinct = len(np.unique(residual, axis=0))
            means = KMeans(min(codes, distinct), n_init=trials, random_state=seed).fit(residual)
            found = means.cluster_centers_
            codebooks[level, : len(found)] = found
            codebooks[level, len(found) :] = found[-1]
            residual = residual - codebooks[level][means.labels_]
            progress(level)
        return cls(codebooks)

    def encode(self, vectors: np.ndarray) -> np.ndarray:
        """[items, width] -> codes [items, levels], the nearest centroid at each level."""
        chosen = np.empty((len(vectors), self.levels), dtype=np.int64)
        for part in parts(vectors):
            residual = vectors[part].astype(np.float32)
            for level in range(self.levels):
                chosen[part, level] = self.distances(residual, level).argmin(1)
                residual = residual - self.codebooks[level][chosen[part, level]]
        return chosen

    def decode(self, codes: np.ndarray) -> np.ndarray:
        """Codes [items, levels] (or a prefix of the levels) -> the rebuilt vectors [items, width]."""
        return sum(self.codebooks[level][codes[:, level]] for level in range(codes.shape[1]))

    def distances(self, residual: np.ndarray, level: int) -> np.ndarray:
        """Squared distances [items, codes] from a level's residuals [items, width], up to a constant per row."""
        book = self.codebooks[level]
        return (book**2).sum(1)[None, :] - 2 * residual @ book.T
