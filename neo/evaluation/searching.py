"""search: items named, named with a typo, or described from memory, with no filter and as served.

The clues (`clues.jsonl`) were written apart from the catalog's descriptions.
"""

import json
import re
from collections import Counter
from pathlib import Path

import numpy as np

from neo.evaluation.baselines import Bm25, Neighbours, ranked
from neo.evaluation.bench import Bench
from neo.evaluation.metrics import hit_rate, share
from neo.evaluation.recommending import K, scores
from neo.plan import Plan
from neo.sids.store import item_text

CLUES = Path(__file__).parent / "clues.jsonl"
KINDS = ("title", "misspelt title", "clue")


def search(bench: Bench, queries: int, progress=lambda: None) -> dict:
    """The model's beams without any filter beside neighbours of the words' vector, BM25 and what codes alone can tell;
    then whether a visitor who asks gets the item first, and among the card and its alternatives."""
    shelf, misspelt = bench.shelf, bench.composer(31).requests.misspelt
    by_name = {f"{item.type}: {item.title}": index for index, item in enumerate(shelf.items)}
    clues = [json.loads(line) for line in CLUES.read_text(encoding="utf-8").splitlines()]
    clues = [clue for clue in clues if clue["item"] in by_name][:queries]
    bm25 = Bm25([_words(item_text(item)) for item in shelf.items])
    neighbours, rebuilt = Neighbours(shelf.vectors), Neighbours(_rebuilt(bench))
    out: dict = {}
    for kind in KINDS:
        rankings: dict[str, list] = {"model": [], "neighbours": [], "codes alone": [], "BM25": []}
        first, among = [], []
        for clue in clues:
            target = by_name[clue["item"]]
            title, type_ = shelf.items[target].title, shelf.items[target].type
            text = {"title": title, "misspelt title": misspelt(title), "clue": clue["clue"]}[kind]
            vector, right = bench.encode(text), {target}
            plan = Plan("search", types=((type_, 1),), ids_only=True)
            view = bench.tries.by_type[type_].everything()
            rankings["model"].append((bench.rank(bench.assistant.message(text), plan, type_, view), right))
            allowed = np.array([item.type == type_ for item in shelf.items])
            for name, found in (
                ("neighbours", neighbours.score([], vector)),
                ("codes alone", rebuilt.score([], vector)),
                ("BM25", bm25.score(_words(text))),
            ):
                rankings[name].append((ranked(found, allowed, K), right))
            asked = f"Do you have {text}?" if kind != "clue" else f"What is it called? {text}"
            cards = bench.serve(asked, words=0).cards
            shown = [card.item.id for card in cards]
            others = [item.id for card in cards for item, _ in card.alternatives]
            first.append(hit_rate(shown, {shelf.items[target].id}, 1))
            among.append(hit_rate(shown + others, {shelf.items[target].id}, K))
            progress()
        out[kind] = {name: scores(found) for name, found in rankings.items()}
        out[kind]["served"] = {"HR@1": share(first), f"HR@{K}": share(among)}
    return out


def _words(text: str) -> Counter:
    return Counter(re.findall(r"\w+", text.casefold()))


def _rebuilt(bench: Bench) -> np.ndarray:
    """The unit vectors that the items' codes give back: what a model that only sees codes could tell apart."""
    quantizers = bench.assistant.book.quantizers
    vectors = np.stack([quantizers[i.type].decode(np.array([i.sid.codes]))[0] for i in bench.shelf.items])
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
