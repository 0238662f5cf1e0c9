"""Ranking metrics for one query with one or more right answers, and means with their uncertainty. Ranks from 1 on."""

import math
from collections.abc import Collection, Sequence

import numpy as np

RESAMPLES, COVERED = 1000, 0.95


def hit_rate(ranked: Sequence, relevant: Collection, k: int) -> float:
    """1 if any of the first k is relevant, else 0 (HR@k)."""
    return float(any(item in relevant for item in ranked[:k]))


def ndcg(ranked: Sequence, relevant: Collection, k: int) -> float:
    """Discounted gain of the relevant ones among the first k, over the best possible (NDCG@k, binary gains, log2)."""
    gain = sum(1 / math.log2(rank + 1) for rank, item in enumerate(ranked[:k], start=1) if item in relevant)
    ideal = sum(1 / math.log2(rank + 1) for rank in range(1, min(k, len(relevant)) + 1))
    return gain / ideal if ideal else 0.0


def share(values: Collection[float]) -> dict[str, float | int | list[float]]:
    """The mean of `values` with a 95 % bootstrap interval (seeded), and how many there were."""
    drawn = np.asarray(list(values), dtype=float)
    if not len(drawn):
        return {"n": 0}
    resampled = np.random.default_rng(0).choice(drawn, (RESAMPLES, len(drawn))).mean(1)
    low, high = np.quantile(resampled, [(1 - COVERED) / 2, (1 + COVERED) / 2])
    return {"mean": round(drawn.mean(), 3), "interval": [round(low, 3), round(high, 3)], "n": len(drawn)}
