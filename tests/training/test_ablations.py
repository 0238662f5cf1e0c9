"""Ablations in miniature: a variant differs from the whole model in what it is named after, and is measured alike."""

from dataclasses import replace

import numpy as np
import pytest
from typer.testing import CliRunner

from neo.__main__ import app
from neo.errors import NeoError
from neo.format import Facts
from neo.model.probe import Probe
from neo.plan import Plan, Term
from neo.settings import SHIPPED_WEIGHTS, Settings
from neo.sids.encoder import TextEncoder
from neo.sids.store import SidBook
from neo.training.ablations import STAGES, VARIANTS, Factless, Planless, Setup, _merged, ablate, small, table
from neo.training.recipe import ShortcutConfig
from tests import tiny

BOOK = SidBook.load(SHIPPED_WEIGHTS)


def test_every_variant_has_the_same_steps():
    usual = small(100)
    for name, variant in VARIANTS.items():
        recipe = variant.recipe(usual)
        assert sum(getattr(recipe, stage).most_steps for stage in variant.stages) == 100, name
        assert all(getattr(recipe, stage).conversations > 0 for stage in variant.stages)
        assert 8 <= sum(getattr(recipe, stage).warmup for stage in variant.stages) <= 10, name


def test_merged_stages_have_every_part_as_often_as_before():
    usual = small(100)
    shares = {}
    for name in STAGES:
        stage = getattr(usual, name)
        whole = sum(sum(depths.values()) for depths in stage.mixture.values())
        for task, depths in stage.mixture.items():
            shares[task] = shares.get(task, 0) + STAGES[name] * sum(depths.values()) / whole
    merged = {task: sum(depths.values()) for task, depths in _merged(usual).capability.mixture.items()}
    assert merged == pytest.approx(shares)


def test_shuffled_sids_are_the_same_ones_of_other_items():
    shuffled = VARIANTS["SIDs shuffled"].book(BOOK, [], np.zeros((0, 512)))
    assert sorted(map(str, shuffled.assigned.values())) == sorted(map(str, BOOK.assigned.values()))
    moved = [shuffled.assigned[key] != sid for key, sid in BOOK.assigned.items()]
    assert np.mean(moved) > 0.9 and all(
        shuffled.assigned[key][0].type == sid.type for key, (sid, _) in BOOK.assigned.items()
    )


def test_a_format_without_plans_or_facts_writes_none():
    _, plain = tiny.model(tiny.book({"show": (2, 8)}))
    plan = Plan("recommend", (("show", 2),), terms=(Term("topic", "sea"),))
    bare = Planless(plain.tokenizer, plain.vocabulary)
    assert bare.parse_plan(bare.plan(plan, [])) == Plan("recommend")
    assert Factless(plain.tokenizer, plain.vocabulary).facts(Facts("all of it")) == []


def test_variants_are_trained_measured_and_not_made_twice(tmp_path):
    settings = Settings(base=tiny.saved_base(tmp_path / "base"), dtype="float32", device="cpu")
    shortcut = ShortcutConfig(conversations=20, mixture={"ground": {"codes": 1.0}}, listeners=2, epochs=1)
    recipe = replace(small(4, "float32"), shortcut=shortcut)
    encoder = TextEncoder(BOOK.encoder)
    setup = Setup(settings, BOOK, encoder, recipe, Probe(encoder.width, ()), {"plans": 1})
    figures = ablate(tmp_path / "out", ["whole"], setup)
    assert set(figures["whole"]) == {"plans"}
    assert len(table({name: found | _nothing() for name, found in figures.items()})) == 2
    pairs = SidBook.load(tmp_path / "out" / "whole" / "weights").pairs
    assert 0 < pairs.counts.max() <= 2 < BOOK.pairs.counts.max(), "of its own two listeners, not of the shipped model's"
    again = ablate(tmp_path / "out", ["whole"], replace(setup, book=None))
    assert again == figures, "what is there is read"
    with pytest.raises(NeoError, match="another recipe"):
        ablate(tmp_path / "out", ["whole"], replace(setup, recipe=small(8)))


def test_the_table_by_hand():
    """Two groups of plans, one right in four and three in four; without plans none are told."""
    plans = {group: {"all of it": {"mean": mean}} for group, mean in (("English", 0.25), ("others", 0.75))}
    search = {"title": {"model": {"HR@10": {"mean": 0.5}}, "served": {"HR@1": {"mean": 1.0}}}, "clue": {"model": {}}}
    found = _nothing() | {"plans": plans, "search": search}
    heading, *rows = table({"whole": found, "no plan": found})
    assert heading[:2] == ("", "plan right") and heading[5] == "served title HR@1"
    assert rows == [
        ("whole", "0.50", "-", "0.50", "-", "1.00", "-", "-"),
        ("no plan", "-", "-", "0.50", "-", "1.00", "-", "-"),
    ]


def test_a_folder_of_sids_alone_is_refused(tmp_path):
    BOOK.save(tmp_path / "sids")
    where = ["--out", str(tmp_path / "out"), "--sids", str(tmp_path / "sids")]
    result = CliRunner().invoke(app, ["ablate", *where])
    assert isinstance(result.exception, NeoError) and "has no probe" in str(result.exception)
    assert not (tmp_path / "out").exists()


def _nothing():
    return {
        "search": {"title": {"model": {}, "served": {}}, "clue": {"model": {}}},
        "recommend": {"model": {}},
        "explain": {},
    }
