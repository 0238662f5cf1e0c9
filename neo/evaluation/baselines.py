"""What the model must beat: popularity, nearest neighbours, items heard together, SASRec; for words, BM25.

Each scores all items. Those that learn behaviour are fitted on the histories of training listeners.
"""

from collections import Counter

import numpy as np
import torch
from torch import nn
from torch.nn import functional


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


class Bm25:
    """Items by Okapi BM25 of a query's words (k1 1.2, b 0.75). `documents`: word counts of each item."""

    def __init__(self, documents: list[Counter], k1: float = 1.2, b: float = 0.75):
        lengths = np.array([sum(words.values()) for words in documents], dtype=float)
        self._norm = k1 * (1 - b + b * lengths / lengths.mean())
        self._k1, self._size = k1, len(documents)
        self._postings: dict[str, list[tuple[int, int]]] = {}
        for index, words in enumerate(documents):
            for word, count in words.items():
                self._postings.setdefault(word, []).append((index, count))

    def score(self, query: Counter) -> np.ndarray:
        out = np.zeros(self._size)
        for word in query:
            found = self._postings.get(word, [])
            weight = np.log(1 + (self._size - len(found) + 0.5) / (len(found) + 0.5))
            for index, count in found:
                out[index] += weight * count * (self._k1 + 1) / (count + self._norm[index])
        return out


class SequenceModel:
    """SASRec (Kang and McAuley 2018): self-attention over the latest listens, trained to tell the next from all others.

    `histories`: training listeners' items, oldest first.
    """

    def __init__(self, histories: list[list[int]], items: int, width: int = 64, longest: int = 16, epochs: int = 12):
        torch.manual_seed(0)
        self._longest, self._padding = longest, items
        self._embed = nn.Embedding(items + 1, width, padding_idx=items)
        self._place = nn.Embedding(longest, width)
        layer = nn.TransformerEncoderLayer(width, 2, 2 * width, dropout=0.2, batch_first=True, norm_first=True)
        self._blocks = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        nn.init.normal_(self._embed.weight, std=0.05)
        rows = torch.tensor([self._padded(history[-longest - 1 :], longest + 1) for history in histories])
        parts = (self._embed, self._place, self._blocks)
        optimizer = torch.optim.AdamW([p for part in parts for p in part.parameters()], lr=2e-3)
        for _ in range(epochs):
            for batch in rows[torch.randperm(len(rows))].split(128):
                known, wanted = batch[:, :-1], batch[:, 1:]
                here = (known != items) & (wanted != items)
                scores = self._states(known)[here] @ self._embed.weight[:items].T
                optimizer.zero_grad()
                functional.cross_entropy(scores, wanted[here]).backward()
                optimizer.step()
        self._blocks.eval()

    def _padded(self, history: list[int], length: int) -> list[int]:
        return [*history, *[self._padding] * (length - len(history))]

    def _states(self, known: torch.Tensor) -> torch.Tensor:
        """[n, places] -> [n, places, width]; each place sees itself and what came before."""
        mask = nn.Transformer.generate_square_subsequent_mask(known.shape[1])
        return self._blocks(self._embed(known) + self._place.weight[: known.shape[1]], mask=mask, is_causal=True)

    @torch.no_grad()
    def score(self, history: list[int], query: np.ndarray | None = None) -> np.ndarray:
        latest = history[-self._longest :]
        state = self._states(torch.tensor([self._padded(latest, self._longest)]))[0, len(latest) - 1]
        return (self._embed.weight[: self._padding] @ state).numpy()
