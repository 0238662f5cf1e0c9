"""search: items named, named with a typo, or described from memory, with no filter and as served.

The clues (`clues.jsonl`) were written apart from the catalog's descriptions.
"""

import json
import re
from collections import Counter
from pathlib import Path

import numpy as np

from neo.decoding.trie import View
from neo.evaluation.baselines import Bm25, Neighbours, ranked
from neo.evaluation.bench import Bench
from neo.evaluation.metrics import hit_rate, share
from neo.evaluation.recommending import K, scores
from neo.format import Message
from neo.plan import Plan
from neo.sids.store import item_text

CLUES = Path(__file__).parent / "clues.jsonl"
KINDS = ("title", "misspelt title", "clue")


def search(bench: Bench, queries: int, progress=lambda: None) -> dict:
    """The model's beams without any filter beside neighbours of the words' vector, BM25 and what codes alone can tell;
    then whether a visitor who asks gets the item first, and among the card and its alternatives."""
    shelf, misspelt = bench.shelf, bench.composer(31).requests.misspelt
    bm25 = Bm25([_words(item_text(item)) for item in shelf.items])
    neighbours, rebuilt = Neighbours(shelf.vectors), Neighbours(_rebuilt(bench))
    out: dict = {}
    for kind in KINDS:
        rankings: dict[str, list] = {"model": [], "neighbours": [], "codes alone": [], "BM25": []}
        first, among = [], []
        for target, clue in known_clues(bench, queries):
            title, type_ = shelf.items[target].title, shelf.items[target].type
            text = {"title": title, "misspelt title": misspelt(title), "clue": clue}[kind]
            vector, right = bench.encode(text), {target}
            rankings["model"].append((bench.rank(*looked_for(bench, text, type_)), right))
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


def known_clues(bench: Bench, queries: int) -> list[tuple[int, str]]:
    """(position of the item, clue) of the clues to items of this catalog."""
    at = {f"{item.type}: {item.title}": index for index, item in enumerate(bench.shelf.items)}
    clues = map(json.loads, CLUES.read_text(encoding="utf-8").splitlines())
    return [(at[clue["item"]], clue["clue"]) for clue in clues if clue["item"] in at][:queries]


def looked_for(bench: Bench, text: str, type_: str) -> tuple[Message, Plan, str, View]:
    """What `Bench.rank` needs for an item of a type that words speak of."""
    view = bench.tries.by_type[type_].everything()
    return bench.assistant.message(text), Plan("search", types=((type_, 1),), ids_only=True), type_, view


def _words(text: str) -> Counter:
    return Counter(re.findall(r"\w+", text.casefold()))


def _rebuilt(bench: Bench) -> np.ndarray:
    """The unit vectors that the items' codes give back: what a model that only sees codes could tell apart."""
    quantizers = bench.assistant.book.quantizers
    vectors = np.stack([quantizers[i.type].decode(np.array([i.sid.codes]))[0] for i in bench.shelf.items])
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
