"""What a recommender must beat: popularity, nearest neighbours by content, and items heard together.

Each ranks all items of one type. Popularity and co-listening are fitted on the histories of training listeners.
"""

import numpy as np


class Popularity:
    """Items by how many training listeners heard them."""

    def __init__(self, histories: list[list[int]], items: int):
        self.scores = np.bincount([index for history in histories for index in history], minlength=items).astype(float)

    def score(self, history: list[int], query: np.ndarray | None = None) -> np.ndarray:
        return self.scores


class Neighbours:
    """Items by cosine with the mean vector of the history, or with the query's vector."""

    def __init__(self, vectors: np.ndarray):
        self.vectors = vectors

    def score(self, history: list[int], query: np.ndarray | None = None) -> np.ndarray:
        return self.vectors @ (query if query is not None else self.vectors[history].mean(0))


class CoListening:
    """Items by how often training listeners heard them together with those of the history, cosine-normalised."""

    def __init__(self, histories: list[list[int]], items: int):
        heard = np.zeros((len(histories), items), dtype=np.float32)
        for row, history in enumerate(histories):
            heard[row, history] = 1
        norms = np.sqrt(heard.sum(0)) + 1e-9
        self.together = heard.T @ heard / norms[:, None] / norms[None, :]
        np.fill_diagonal(self.together, 0)

    def score(self, history: list[int], query: np.ndarray | None = None) -> np.ndarray:
        return self.together[history].sum(0)


def ranked(scores: np.ndarray, allowed: np.ndarray, k: int) -> list[int]:
    """The k best of the allowed positions [items], best first."""
    order = np.argsort(-np.where(allowed, scores, -np.inf), kind="stable")[:k]
    return [int(index) for index in order if allowed[index]]
