"""Ranking metrics, for one query with one or more right answers. Ranks count from 1."""

import math
from collections.abc import Collection, Sequence


def hit_rate(ranked: Sequence, relevant: Collection, k: int) -> float:
    """1 if any of the first k is relevant, else 0 (HR@k)."""
    return float(any(item in relevant for item in ranked[:k]))


def ndcg(ranked: Sequence, relevant: Collection, k: int) -> float:
    """Discounted gain of the relevant ones among the first k, over the best possible (NDCG@k, binary gains, log2)."""
    gain = sum(1 / math.log2(rank + 1) for rank, item in enumerate(ranked[:k], start=1) if item in relevant)
    ideal = sum(1 / math.log2(rank + 1) for rank in range(1, min(k, len(relevant)) + 1))
    return gain / ideal if ideal else 0.0


def mean(values: Collection[float]) -> float:
    return sum(values) / len(values) if values else 0.0
