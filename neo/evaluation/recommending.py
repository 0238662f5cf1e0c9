"""recommend: the last listen of held-out listeners, among all items of its type that they had not heard before.

The demo's listeners are simulated, so the figures say whether the model learns a behaviour, not how people behave.
"""

import numpy as np

from neo.evaluation.baselines import CoListening, Neighbours, Popularity, SequenceModel, ranked
from neo.evaluation.bench import Bench
from neo.evaluation.metrics import hit_rate, ndcg, share
from neo.format import HISTORY, Message
from neo.plan import Plan
from neo.training.listeners import FIRST_HELD_OUT

TRAINING_LISTENERS, K = 4000, 10


def scores(rankings: list[tuple[list[int], set[int]]]) -> dict:
    """HR@10 and NDCG@10 of (ranked, right) pairs."""
    return {
        f"HR@{K}": share([hit_rate(order, right, K) for order, right in rankings]),
        f"NDCG@{K}": share([ndcg(order, right, K) for order, right in rankings]),
    }


def recommend(bench: Bench, queries: int, progress=lambda: None) -> dict:
    """The model and the baselines, which learn from as many training listeners as the model's shortcut did."""
    shelf = bench.shelf
    train = [bench.listeners.history(seed) for seed in range(1_000_001, 1_000_001 + TRAINING_LISTENERS)]
    rivals = {
        "popularity": Popularity(train, len(shelf.items)),
        "neighbours": Neighbours(shelf.vectors),
        "co-listening": CoListening(train, len(shelf.items)),
        "SASRec": SequenceModel(train, len(shelf.items)),
    }
    rankings: dict[str, list] = {name: [] for name in ("model", *rivals)}
    for seed in range(FIRST_HELD_OUT, FIRST_HELD_OUT + queries):
        *heard, target = bench.listeners.history(seed)
        type_ = shelf.items[target].type
        text = f"Recommend one {type_} for me."
        message = Message(
            text, bench.encode(text), tuple(shelf.items[i].sid for i in heard[-HISTORY:]), shelf.tastes[heard].mean(0)
        )
        view = bench.tries.by_type[type_].everything().without([shelf.items[i].sid for i in heard])
        plan = Plan("recommend", types=((type_, 1),), ids_only=True)
        rankings["model"].append((bench.rank(message, plan, type_, view), {target}))
        allowed = np.array([item.type == type_ for item in shelf.items])
        allowed[heard] = False
        for name, rival in rivals.items():
            rankings[name].append((ranked(rival.score(heard), allowed, K), {target}))
        progress()
    return {name: scores(found) for name, found in rankings.items()}
