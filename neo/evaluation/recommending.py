"""recommend: the last listen of held-out listeners, among all items of its type that they had not heard before.

The demo's listeners are simulated, so the figures say whether the model learns a behaviour, not how people behave.
"""

import numpy as np

from neo.decoding.trie import View
from neo.evaluation.baselines import CoListening, Neighbours, Popularity, SequenceModel, ranked
from neo.evaluation.bench import Bench
from neo.evaluation.metrics import hit_rate, ndcg, share
from neo.format import HISTORY, Message
from neo.plan import Plan
from neo.training.listeners import FIRST_HELD_OUT, Recorded
from neo.training.recipe import Recipe

TRAINING_LISTENERS, K = Recipe().shortcut.listeners, 10


def scores(rankings: list[tuple[list[int], set[int]]]) -> dict:
    """HR@10 and NDCG@10 of (ranked, right) pairs."""
    return {
        f"HR@{K}": share([hit_rate(order, right, K) for order, right in rankings]),
        f"NDCG@{K}": share([ndcg(order, right, K) for order, right in rankings]),
    }


def recommend(bench: Bench, queries: int, progress=lambda: None, alone: bool = False) -> dict:
    """The model and, unless `alone`, the baselines.

    Of recorded listeners also "from one listen": all that they heard, told by their first listen alone.
    """
    shelf, rivals = bench.shelf, {} if alone else _baselines(bench)
    recorded = isinstance(bench.listeners, Recorded)
    following, from_one = ({name: [] for name in ("model", *rivals)} for _ in range(2))
    for seed in range(FIRST_HELD_OUT, FIRST_HELD_OUT + queries):
        first, *others = history = bench.listeners.history(seed)
        _rank(bench, rivals, history[:-1], history[-1:], following)
        alike = [index for index in others if shelf.items[index].type == shelf.items[first].type]
        if recorded and alike:
            _rank(bench, rivals, [first], alike, from_one)
        progress()
    found = {name: scores(rankings) for name, rankings in following.items()}
    return found | ({"from one listen": {n: scores(r) for n, r in from_one.items()}} if recorded else {})


def _baselines(bench: Bench) -> dict:
    """They learn from as many training listeners as the shortcut of the recipe does."""
    seeds = range(1_000_001, 1_000_001 + bench.listeners.up_to(TRAINING_LISTENERS))
    drawn = (tuple(bench.listeners.history(seed)) for seed in seeds)
    train = list(map(list, dict.fromkeys(drawn)))  # few recorded listeners are drawn more than once
    count = len(bench.shelf.items)
    return {
        "popularity": Popularity(train, count),
        "neighbours": Neighbours(bench.shelf.vectors),
        "co-listening": CoListening(train, count),
        "SASRec": SequenceModel(train, count),
    }


def next_listen(bench: Bench, heard: list[int], type_: str) -> tuple[Message, Plan, str, View]:
    """What `Bench.rank` needs for an item of a type that somebody with this history has not heard."""
    shelf = bench.shelf
    spans = tuple(shelf.items[i].sid for i in heard[-HISTORY:])
    taste = bench.assistant.mean_vector(tuple(shelf.items[i] for i in heard))
    message = bench.assistant.message(f"Recommend one {type_} for me.", spans, taste)
    view = bench.tries.by_type[type_].everything().without([shelf.items[i].sid for i in heard])
    return message, Plan("recommend", types=((type_, 1),), ids_only=True), type_, view


def _rank(bench: Bench, rivals: dict, heard: list[int], targets: list[int], rankings: dict[str, list]) -> None:
    """Add what the model and its rivals make of a history; the targets are of one type."""
    shelf, type_ = bench.shelf, bench.shelf.items[targets[0]].type
    rankings["model"].append((bench.rank(*next_listen(bench, heard, type_)), set(targets)))
    allowed = np.array([item.type == type_ for item in shelf.items])
    allowed[heard] = False
    for name, rival in rivals.items():
        rankings[name].append((ranked(rival.score(heard), allowed, K), set(targets)))
