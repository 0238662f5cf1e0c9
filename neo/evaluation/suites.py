"""What is measured: recommending, searching, steering, each beside what it has to beat or with its helps taken away.

recommend  The last listen of held-out simulated listeners, among all items of its type not heard before.
search     Items described from memory (`clues.jsonl`, written apart from the catalog) and named, among all of the type.
steer      Held-out wordings whose meaning is known: is the plan right, and are type and count obeyed, once with plan
           enforcement and trie off (the model's own doing) and once as served?
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from sqlalchemy.orm import Session

from neo.decoding import beams, engine
from neo.decoding.grammar import PlanRules, ReplyState, WordTrie
from neo.decoding.trie import Tries
from neo.evaluation.baselines import CoListening, Neighbours, Popularity, ranked
from neo.evaluation.metrics import hit_rate, mean, ndcg
from neo.facets import facet_tries
from neo.format import HISTORY, Facts, Format, Message
from neo.model.load import Loaded
from neo.plan import ANY, Plan
from neo.sids.encoder import TextEncoder
from neo.training.listeners import Simulation
from neo.training.shelf import Shelf
from neo.training.tasks import Composer
from neo.wording import Wording

CLUES = Path(__file__).parent / "clues.jsonl"
TRAINING_LISTENERS, FIRST_HELD_OUT = 4000, 900_000_000
K = 10


@dataclass
class Bench:
    """What every suite works with."""

    engine: engine.Engine
    format: Format
    encoder: TextEncoder
    shelf: Shelf
    facets: dict[str, WordTrie]
    beam_width: int = 20

    @classmethod
    def of(cls, session: Session, loaded: Loaded) -> "Bench":
        shelf = Shelf.of(session, loaded.encoder)
        return cls(loaded.engine, loaded.format, loaded.encoder, shelf, facet_tries(session, loaded.format))

    def tries(self) -> Tries:
        return Tries.build(item.sid for item in self.shelf.items)

    def rank(self, message: Message, plan: Plan, type_: str, view) -> list[int]:
        """Positions of the items of the model's beams for one span after a given plan."""
        rendered = self.format.render([message])
        ids = rendered.ids + self.format.plan(plan, [message.text])
        context = self.engine.runner.start(ids, [vector for _, vector in rendered.vectors])
        context.condition(rendered.message, rendered.listener)
        context.extend([self.format.vocabulary.opener(type_)], span=1)
        found = beams.search(context, self.format.vocabulary, type_, view, self.beam_width)
        by_sid = {item.sid: index for index, item in enumerate(self.shelf.items)}
        return [by_sid[beams.as_sid(beam, type_)] for beam in found]


def scores(rankings: list[tuple[list[int], set[int]]]) -> dict[str, float]:
    return {
        f"HR@{K}": round(mean([hit_rate(order, right, K) for order, right in rankings]), 3),
        f"NDCG@{K}": round(mean([ndcg(order, right, K) for order, right in rankings]), 3),
    }


def recommend(bench: Bench, queries: int, progress=lambda: None) -> dict:
    """HR@10 and NDCG@10 of the model and the baselines on held-out simulated listeners."""
    shelf = bench.shelf
    simulation = Simulation(shelf.items, shelf.vectors)
    train = [simulation.history(seed) for seed in range(1_000_001, 1_000_001 + TRAINING_LISTENERS)]
    rivals = {
        "popularity": Popularity(train, len(shelf.items)),
        "neighbours": Neighbours(shelf.vectors),
        "co-listening": CoListening(train, len(shelf.items)),
    }
    tries = bench.tries()
    rankings: dict[str, list] = {name: [] for name in ("model", *rivals)}
    for seed in range(FIRST_HELD_OUT, FIRST_HELD_OUT + queries):
        *heard, target = simulation.history(seed)
        type_ = shelf.items[target].type
        text = f"Recommend one {type_} for me."
        message = Message(
            text,
            bench.encoder.encode([text])[0],
            tuple(shelf.items[i].sid for i in heard[-HISTORY:]),
            shelf.vectors[heard].mean(0),
        )
        view = tries.by_type[type_].everything().without([shelf.items[i].sid for i in heard])
        plan = Plan("recommend", types=((type_, 1),), ids_only=True)
        rankings["model"].append((bench.rank(message, plan, type_, view), {target}))
        allowed = np.array([item.type == type_ for item in shelf.items])
        allowed[heard] = False
        for name, rival in rivals.items():
            rankings[name].append((ranked(rival.score(heard), allowed, K), {target}))
        progress()
    return {"queries": queries, **{name: scores(found) for name, found in rankings.items()}}


def search(bench: Bench, queries: int, progress=lambda: None) -> dict:
    """HR@10 and NDCG@10 of clues and of titles: the model without any filter, and neighbours of the words' vector."""
    shelf, tries = bench.shelf, bench.tries()
    by_name = {f"{item.type}: {item.title}": index for index, item in enumerate(shelf.items)}
    clues = [json.loads(line) for line in CLUES.read_text(encoding="utf-8").splitlines()]
    clues = [clue for clue in clues if clue["item"] in by_name][:queries]
    out: dict = {"queries": len(clues)}
    for kind in ("clue", "title"):
        rankings: dict[str, list] = {"model": [], "neighbours": []}
        for clue in clues:
            target = by_name[clue["item"]]
            text, type_ = clue["clue"] if kind == "clue" else shelf.items[target].title, shelf.items[target].type
            vector = bench.encoder.encode([text])[0]
            plan = Plan("search", types=((type_, 1),), ids_only=True)
            rankings["model"].append(
                (bench.rank(Message(text, vector), plan, type_, tries.by_type[type_].everything()), {target})
            )
            allowed = np.array([item.type == type_ for item in shelf.items])
            rankings["neighbours"].append((ranked(Neighbours(shelf.vectors).score([], vector), allowed, K), {target}))
            progress()
        out[kind] = {name: scores(found) for name, found in rankings.items()}
    return out


def steer(bench: Bench, queries: int, progress=lambda: None) -> dict:
    """How often a plan is right, and type and count are obeyed, on held-out wordings of recommend requests."""
    rng = np.random.default_rng(7)
    simulation = Simulation(bench.shelf.items, bench.shelf.vectors)
    out: dict = {}
    for group, languages in (("English", ("en",)), ("five other languages", ("es", "fr", "de", "pt", "it"))):
        composer = Composer(bench.shelf, simulation, rng, "heldout", languages, FIRST_HELD_OUT)
        tally: dict[str, list[float]] = {}
        for _ in range(queries // 2):
            asked, message = _request(composer, bench.encoder)
            for name, value in _steered(bench, asked, message).items():
                tally.setdefault(name, []).append(value)
            progress()
        out[group] = {"queries": queries // 2, **{name: round(mean(values), 3) for name, values in tally.items()}}
    return out


def _request(composer: Composer, encoder: TextEncoder) -> tuple[Plan, Message]:
    """A held-out request for one to three items and the plan it means."""
    while True:
        message, reply = composer.compose("recommend", "plan")
        if reply.plan.count <= 3 and not reply.plan.ids_only:
            return reply.plan, Message(message.text, encoder.encode([message.text])[0])


def _steered(bench: Bench, asked: Plan, message: Message) -> dict[str, float]:
    vocabulary = bench.format.vocabulary
    rendered = bench.format.render([message])
    rules = PlanRules(vocabulary, bench.facets, (tuple(bench.format.words(message.text)),))
    soft = [vector for _, vector in rendered.vectors]
    free, served = (_Silent(bench, enforce) for enforce in (False, True))
    sampling = engine.Sampling(beam_width=1, most_tokens=200)
    for host in (free, served):
        host.events = list(bench.engine.reply(rendered.ids, soft, rules, host, sampling))
    plan = bench.format.parse_plan(free.plan)
    wanted, written = set(asked.terms), set(plan.terms)
    named = {(term.field, term.wanted) for term in asked.terms}
    right = {
        "plan: act": plan.act == asked.act,
        "plan: types and counts": plan.types == asked.types,
        "plan: languages": plan.languages == asked.languages,
        "plan: terms found": len(
            {(t.field, t.wanted, t.value.lower()) for t in written}
            & {(t.field, t.wanted, t.value.lower()) for t in wanted}
        )
        / max(1, len(wanted)),
        "plan: no term too many": {(t.field, t.wanted) for t in written} <= named,
    }
    tries = bench.tries()
    for name, host in (("plan and trie off", free), ("as served", served)):
        sids = [event.sid for event in host.events if isinstance(event, engine.Item)]
        right[f"{name}: type obeyed"] = _types_obeyed(sids, asked)
        right[f"{name}: count obeyed"] = len(sids) == asked.count
        right[f"{name}: SIDs that exist"] = mean([float(sid in tries) for sid in sids]) if sids else 1.0
    return {key: float(value) for key, value in right.items()}


def _types_obeyed(sids: list, asked: Plan) -> bool:
    """Whether every item is of a type that was asked for, and each asked type occurs."""
    types = {type_ for type_, _ in asked.types}
    got = {sid.type for sid in sids}
    return bool(sids) and (ANY in types or got == types)


class _Silent:
    """A host without facts. Unenforced, it lets the model open what it likes and ends when the model does."""

    def __init__(self, bench: Bench, enforce: bool):
        self.bench, self.enforce, self.plan, self.events = bench, enforce, [], []

    def plan_written(self, ids: list[int]) -> engine.Decision:
        self.plan, vocabulary = ids, self.bench.format.vocabulary
        plan = self.bench.format.parse_plan(ids)
        views = (
            self.bench.tries().everything()
            if self.enforce
            else {shape.name: beams.Unconstrained(shape) for shape in vocabulary.types}
        )
        available = tuple((type_, len(view) if self.enforce else 99) for type_, view in views.items())
        state = ReplyState(vocabulary, self.bench.format.end, plan.types, available, free=not self.enforce)
        return engine.Decision(views, state)

    def item_chosen(self, sid) -> list[int]:
        item = next((item for item in self.bench.shelf.items if item.sid == sid), None)
        return self.bench.format.facts(Facts(Wording.load("en").facts(item))) if item else []

    def between_items(self, position: int) -> list[int]:
        return self.bench.format.words(f"\n{position}. ")


@dataclass(frozen=True)
class Suite:
    """A measurement and how many steps of progress it reports for a number of queries."""

    measure: Callable[..., dict]
    steps: Callable[[int], int]


SUITES = {
    "recommend": Suite(recommend, lambda queries: queries),
    "search": Suite(search, lambda queries: 2 * queries),
    "steer": Suite(steer, lambda queries: queries // 2 * 2),
}
