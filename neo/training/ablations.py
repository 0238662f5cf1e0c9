"""Ablations: what each part of the method is worth, by models that are trained without it.

All have the same small budget, in steps of the same tokens, and hear messages with the same probe. Their figures say
how they differ, not how good a trained model gets. On the demo catalog, in a database of each model's own: some have
other SIDs than the rest.
"""

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import numpy as np
from sqlalchemy.orm import Session

from catalog.database import open_database
from neo.chat.assistant import Assistant
from neo.errors import NeoError
from neo.evaluation.bench import Bench
from neo.evaluation.planning import plans
from neo.evaluation.recommending import recommend
from neo.evaluation.suites import SUITES
from neo.format import Facts, Format
from neo.items import CatalogItem
from neo.model import load
from neo.model.probe import Probe
from neo.plan import Plan
from neo.prepare import prepare_catalog
from neo.settings import Settings
from neo.sids.build import assign
from neo.sids.encoder import TextEncoder
from neo.sids.pairs import Pairs
from neo.sids.quantizer import ResidualQuantizer
from neo.sids.store import SidBook
from neo.training.listeners import listeners_of
from neo.training.recipe import Mixture, Recipe, StageConfig
from neo.training.shelf import Shelf
from neo.training.train import Run, run

STAGES = {"grounding": 0.25, "capability": 0.5, "steering": 0.25}
"""Those that an ablation has, and their shares of its steps."""
EXAMPLES = 24  # of a batch, and more than it takes
MEASURES = {
    **SUITES,
    # so few plans are spent on what most of the training is
    "plans": partial(plans, unhinted=False, tasks=("recommend", "search", "refine", "history")),
    "recommend": partial(recommend, alone=True),
}
QUERIES = {"plans": 48, "search": 24, "recommend": 100, "explain": 8}
Figures = dict[str, dict]


class Planless(Format):
    """Of a plan, the act alone is written: nothing says beforehand what a reply is going to hold."""

    def plan(self, plan: Plan, said: list[str], copied: bool = True) -> list[int]:
        return super().plan(Plan(plan.act), said, copied)


class Factless(Format):
    """No facts are read behind an item: what is said of it has to be known."""

    def facts(self, facts: Facts) -> list[int]:
        return []


@dataclass(frozen=True)
class Variant:
    """One model of the table, by what of it differs from the whole one."""

    recipe: Callable[[Recipe], Recipe] = lambda recipe: recipe
    format: type[Format] = Format
    book: Callable[[SidBook, list[CatalogItem], np.ndarray], SidBook] = lambda book, items, vectors: book
    """Of the usual SIDs, the catalog's items and their vectors [items, width]."""
    stages: tuple[str, ...] = tuple(STAGES)
    own_shortcut: bool = False
    """Whether the whole model's shortcut will not do: it never sees plans, facts or stages."""


def _shuffled(book: SidBook, items: list[CatalogItem], vectors: np.ndarray) -> SidBook:
    """The same SIDs, each of another item of the type: they are names and no more."""
    rng, assigned = np.random.default_rng(0), {}
    for type_ in book.quantizers:
        keys = sorted(key for key, (sid, _) in book.assigned.items() if sid.type == type_)
        assigned |= zip(keys, (book.assigned[keys[at]] for at in rng.permutation(len(keys))), strict=True)
    return replace(book, assigned=assigned)


def _one_quantizer(book: SidBook, items: list[CatalogItem], vectors: np.ndarray) -> SidBook:
    """One set of codebooks, of the largest shape, fitted to the items of all types together."""
    shape = max((shape.levels, shape.codes) for shape in book.shapes)
    quantizer = ResidualQuantizer.fit(vectors, *shape, 0)
    assigned = {}
    for type_ in book.quantizers:
        rows = [row for row, item in enumerate(items) if item.type == type_]
        sids, ranks = assign(type_, quantizer, vectors[rows], np.array([items[row].fame for row in rows]))
        assigned |= {items[row].key: (sid, rank) for row, sid, rank in zip(rows, sids, ranks, strict=True)}
    return replace(book, quantizers=dict.fromkeys(book.quantizers, quantizer), assigned=assigned)


def _ungrounded(recipe: Recipe) -> Recipe:
    steps = recipe.grounding.most_steps + recipe.capability.most_steps
    return replace(recipe, capability=_of(recipe.capability, steps))


def _merged(recipe: Recipe) -> Recipe:
    """One stage with everything in it, each part as often as it was."""
    parts = [getattr(recipe, name) for name in STAGES]
    steps = sum(part.most_steps for part in parts)
    mixture: Mixture = {}
    for part in parts:
        whole = sum(share for depths in part.mixture.values() for share in depths.values())
        for task, depths in part.mixture.items():
            for depth, share in depths.items():
                before = mixture.setdefault(task, {}).get(depth, 0.0)
                mixture[task][depth] = before + share / whole * part.most_steps / steps
    return replace(recipe, capability=replace(_of(recipe.capability, steps), mixture=mixture))


def _only(task: str) -> Callable[[Recipe], Recipe]:
    def narrowed(recipe: Recipe) -> Recipe:
        stages = {name: getattr(recipe, name) for name in STAGES}
        stages = {name: replace(stage, mixture={task: stage.mixture[task]}) for name, stage in stages.items()}
        listeners = recipe.shortcut.listeners if task == "history" else 1
        shortcut = replace(recipe.shortcut, mixture={task: {"codes": 1.0}}, listeners=listeners)
        return replace(recipe, shortcut=shortcut, **stages)

    return narrowed


VARIANTS: dict[str, Variant] = {
    "whole": Variant(),
    "no plan": Variant(format=Planless),
    "no facts": Variant(format=Factless),
    "SIDs shuffled": Variant(book=_shuffled, own_shortcut=True),
    "one quantizer": Variant(book=_one_quantizer, own_shortcut=True),
    "no grounding": Variant(_ungrounded, stages=("capability", "steering")),
    "stages merged": Variant(_merged, stages=("capability",)),
    "search alone": Variant(_only("search"), own_shortcut=True),
    "history alone": Variant(_only("history"), own_shortcut=True),
}


def small(steps: int, dtype: str = "bfloat16") -> Recipe:
    """The recipe of the whole model for `steps` of its first stages."""
    recipe = Recipe(dtype=dtype, rehearsal=0)
    stages = {name: _of(getattr(recipe, name), max(1, round(share * steps))) for name, share in STAGES.items()}
    shortcut = replace(recipe.shortcut, conversations=20 * steps, listeners=5 * steps, epochs=6, item_epochs=4)
    return replace(recipe, shortcut=shortcut, probe=replace(recipe.probe, folds=1), **stages)


def _of(stage: StageConfig, steps: int) -> StageConfig:
    warmup = max(1, steps // 10)
    return replace(stage, most_steps=steps, warmup=warmup, conversations=EXAMPLES * steps, rehearsed=0.0)


@dataclass(frozen=True)
class Setup:
    """What all variants have in common."""

    settings: Settings
    book: SidBook
    encoder: TextEncoder
    recipe: Recipe
    probe: Probe
    """It was taught before, by all wordings for training; that their hints are too good is the same for all."""
    queries: dict[str, int] = field(default_factory=lambda: QUERIES)
    """Suite -> queries."""


def ablate(
    folder: Path, names: list[str], setup: Setup, progress=lambda variant, stage, done, total, loss: None
) -> Figures:
    """Train and measure the variants that `folder` holds no figures of; variant -> suite -> figures, of all it holds.

    The whole model comes first where others are to have its shortcut."""
    _require_same_budget(folder, setup.recipe)
    files = {name: folder / name.replace(" ", "-") / "figures.json" for name in VARIANTS}
    for name in sorted(names, key=list(VARIANTS).index):
        if not files[name].exists():
            shortcut = files["whole"].with_name("shortcut.pt")
            found = _measured(VARIANTS[name], files[name].parent, shortcut, setup, partial(progress, name))
            beside = files[name].with_suffix(".new")
            beside.write_text(json.dumps(found, indent=1), encoding="utf-8")
            beside.replace(files[name])
    return {name: json.loads(file.read_text(encoding="utf-8")) for name, file in files.items() if file.exists()}


def _require_same_budget(folder: Path, recipe: Recipe) -> None:
    """Raises NeoError where the folder holds models of another recipe."""
    folder.mkdir(parents=True, exist_ok=True)
    kept, asked = folder / "recipe.yaml", folder / "recipe.new"
    recipe.save(asked)
    if kept.exists() and kept.read_text(encoding="utf-8") != asked.read_text(encoding="utf-8"):
        raise NeoError(f"{folder} holds models of another recipe: name another --out, or give the --steps of before")
    asked.replace(kept)


def _measured(variant: Variant, folder: Path, shortcut: Path, setup: Setup, progress) -> dict:
    settings, encoder, recipe = setup.settings, setup.encoder, variant.recipe(setup.recipe)
    folder.mkdir(parents=True, exist_ok=True)
    database = open_database(f"sqlite:///{folder / 'catalog.db'}")
    with Session(database) as session:
        prepare_catalog(session, setup.book, encoder)
        usual = Shelf.of(session, encoder, setup.book)
        own = variant.book(setup.book, usual.items, usual.vectors)
        prepare_catalog(session, own, encoder)
        shelf = Shelf.of(session, encoder, own)
        listeners = listeners_of(session, shelf.items, shelf.vectors)
    languages = tuple(dict.fromkeys((*recipe.languages, *(item.language for item in shelf.items))))
    model, plain = load.untrained(settings, own, languages, recipe.seed)
    for name in ("probe", "probe-0"):
        setup.probe.save(folder / f"{name}.safetensors")
    if not variant.own_shortcut and shortcut.exists() and shortcut.parent != folder:
        shutil.copy(shortcut, folder / "shortcut.pt")
        Pairs.load(shortcut.parent).save(folder)  # those of the listeners that it learned from
    format_ = variant.format(plain.tokenizer, plain.vocabulary)
    trained = Run(folder, recipe, model, format_, shelf, listeners, encoder, stages=variant.stages)
    run(trained, progress)
    own = replace(own, pairs=trained.pairs)
    load.save(folder / "weights", model, trained.probe, own, settings.base)
    served = replace(settings, weights=folder / "weights", dtype="auto")
    loaded = load.load(served)
    loaded.format = variant.format(loaded.format.tokenizer, loaded.format.vocabulary)
    bench = Bench.of(Assistant(loaded, database), served)
    return {suite: MEASURES[suite](bench, count) for suite, count in setup.queries.items()}


def table(figures: Figures) -> list[tuple[str, ...]]:
    """Rows for people to read, the heading first: means of English and the other languages alike. Models that write no
    plans have none that could be right."""
    plans: dict[str, Callable[[dict], list[float]]] = {
        "plan right": lambda found: _means(found["plans"], "all of it"),
        "types and counts right": lambda found: _means(found["plans"], "types and counts"),
    }
    columns = {
        **plans,
        "title HR@10": lambda found: _means(found["search"]["title"]["model"], "HR@10"),
        "clue HR@10": lambda found: _means(found["search"]["clue"]["model"], "HR@10"),
        "served title HR@1": lambda found: _means(found["search"]["title"]["served"], "HR@1"),
        "next listen NDCG@10": lambda found: _means(found["recommend"]["model"], "NDCG@10"),
        "replies with unsupported topics": lambda found: _means(found["explain"], "replies with unsupported topics"),
    }
    rows = [("", *columns)]
    for name, found in figures.items():
        planless = VARIANTS[name].format is Planless
        means = [[] if planless and column in plans else values(found) for column, values in columns.items()]
        rows.append((name, *(f"{np.mean(each):.2f}" if each else "-" for each in means)))
    return rows


def _means(found: dict, name: str) -> list[float]:
    """The means of all figures of a name, however deep."""
    if "mean" in found.get(name, {}):
        return [found[name]["mean"]]
    return [mean for value in found.values() if isinstance(value, dict) for mean in _means(value, name)]
