"""The probe learns which facets a request speaks of, and what a facet is called in every language."""

from dataclasses import replace

import numpy as np
import torch

from neo.hints import Hints
from neo.model.probe import FOLLOWS, REFUSES, Probe
from neo.plan import Term
from neo.training.batches import conversations
from neo.training.listeners import Simulation
from neo.training.probing import act_accuracy, fit_probe, heard_in, outputs_of
from neo.training.recipe import ProbeConfig
from neo.training.tasks import Composer
from neo.wording import Wording
from tests.training.test_tasks import SHELF


class Bag:
    """A dimension for every few words: what is said, without order."""

    width = 512

    def encode(self, texts, batch=64, progress=lambda done: None):
        out = np.zeros((len(texts), self.width), np.float32)
        for row, text in enumerate(texts):
            for word in text.lower().replace(",", " ").replace(".", " ").split():
                out[row, sum(map(ord, word)) * len(word) % self.width] += 1
        return out / np.maximum(np.linalg.norm(out, axis=1, keepdims=True), 1e-9)


def composers(folds: int) -> list[Composer]:
    listeners = Simulation(SHELF.items, SHELF.vectors)
    return [
        Composer(SHELF, listeners, np.random.default_rng(fold), "train", ("en", "es"), fold=(fold, folds))
        for fold in range(folds)
    ]


def test_names_of_facets_and_acts_are_heard_in_requests():
    heard = heard_in(composers(2), Bag(), ProbeConfig(conversations=1500))
    torch.manual_seed(0)
    probe = Probe(Bag.width, outputs_of(SHELF))
    assert {field for field, _ in probe.outputs} == {
        *("topic", "tone", "format"),
        *("act", "type", "count", "language", "ref", "familiarity", "length"),
        *("follows", "refuses", "ids", "situation"),
    }
    guessed = act_accuracy(probe, heard.only(0))
    before, after = fit_probe(probe, heard)
    assert after < before / 2 and act_accuracy(probe, heard.only(0)) > max(0.8, guessed)
    named = [(at, name) for at, (field, name) in enumerate(probe.outputs) if field == "topic"]
    columns = [at for at, _ in named]
    for language in ("en", "es"):
        said = [Wording.load(language).phrases["topics"].get(name, [name])[0] for _, name in named]
        best = probe(torch.from_numpy(Bag().encode(said)))[:, columns].argmax(1).tolist()
        assert np.mean([found == at for at, found in enumerate(best)]) > 0.8, language


def test_what_a_message_says_is_what_its_plan_has_beyond_the_turn_before():
    config = ProbeConfig(conversations=60, tasks={"refine": 0.5, "why": 0.5})
    heard, outputs = heard_in(composers(1), Bag(), config), outputs_of(SHELF)
    composed = heard.only(0).wanted
    follows, why, asks = (outputs.index(output) for output in (FOLLOWS, ("act", "why"), ("act", "recommend")))
    assert 0 < composed[:, follows].sum() < len(composed)
    assert torch.equal(composed[:, follows], composed[:, asks]) and torch.equal(composed[:, why], 1 - composed[:, asks])
    assert 0 < composed[:, outputs.index(REFUSES)].sum() < composed[:, asks].sum(), "some refuse, not all"
    assert heard.only(-1).wanted[:, asks].all(), "a name alone wants something of it"


def test_small_talk_is_heard_by_its_situation():
    heard, outputs = heard_in(composers(1), Bag(), ProbeConfig(60, {"talk": 0.5, "why": 0.5})), outputs_of(SHELF)
    composed = heard.only(0).wanted
    situations = [at for at, (field, _) in enumerate(outputs) if field == "situation"]
    assert {outputs[at][1] for at in situations} == Wording.load("en").replies["talk"].keys()
    assert torch.equal(composed[:, situations].sum(1), composed[:, outputs.index(("act", "talk"))])


def test_folds_part_the_wordings():
    parts = [{str(each) for each in c.requests.wordings.of("why", Wording.load("en"))} for c in composers(3)]
    every = {str(each) for each in Wording.load("en").requests("train")["why"]}
    assert set.union(*parts) == every and sum(map(len, parts)) == len(every)
    heard = heard_in(composers(3), Bag(), ProbeConfig(conversations=30))
    left = heard.without(1)
    assert set(left.folds.tolist()) == {-1, 0, 2} and len(left.wanted) == len(left.pieces) < len(heard.pieces)


def test_what_is_named_in_passing_is_heard():
    heard = heard_in(composers(1), Bag(), ProbeConfig(2000, {"recommend": 0.7, "vocabulary": 0.3}))
    torch.manual_seed(0)
    probe = Probe(Bag.width, outputs_of(SHELF))
    fit_probe(probe, heard)
    hints = Hints(probe, Bag(), SHELF.mentions)
    (found,) = hints.of(["for the way home two podcasts about law"])
    assert Term("topic", "law") in (*found.terms, *found.perhaps)


def test_a_catalog_without_facets_has_a_probe_too():
    heard = heard_in(composers(1), Bag(), ProbeConfig(conversations=40))
    columns = [at for at, (field, _) in enumerate(outputs_of(SHELF)) if field == "act"]
    probe = Probe(Bag.width, tuple(outputs_of(SHELF)[at] for at in columns))
    before, after = fit_probe(probe, replace(heard, wanted=heard.wanted[:, columns]))
    assert after < before and Hints(probe, Bag(), SHELF.mentions).of(["two about law"])[0].terms == ()


def test_a_title_of_the_slate_is_hinted_with_its_position():
    hints = Hints(Probe(Bag.width, ()), Bag(), SHELF.mentions)
    made = conversations(composers(1)[0], Bag(), 300, {"why": {"plan": 1.0}}, hints)
    placed = [(message.hint.refs, reply.plan.refs) for *_, message, reply in made if message.hint.refs]
    assert placed and all(refs == meant for refs, meant in placed)
