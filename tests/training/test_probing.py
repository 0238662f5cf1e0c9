"""The probe learns which facets a request speaks of, and what a facet is called in every language."""

import numpy as np
import torch

from neo.model.probe import FacetProbe
from neo.training.listeners import Simulation
from neo.training.probing import facets_of, fit_probe
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


def test_names_of_facets_are_heard_in_requests():
    listeners = Simulation(SHELF.items, SHELF.vectors)
    composer = Composer(SHELF, listeners, np.random.default_rng(0), "train", ("en", "es"))
    torch.manual_seed(0)
    probe = FacetProbe(Bag.width, facets_of(SHELF))
    assert {field for field, _ in probe.facets} == {"topic", "tone", "format"}
    before, after = fit_probe(probe, composer, Bag(), ProbeConfig(conversations=1500))
    assert after < before / 2
    named = [(at, name) for at, (field, name) in enumerate(probe.facets) if field == "topic"]
    for language in ("en", "es"):
        said = [Wording.load(language).phrases["topics"].get(name, [name])[0] for _, name in named]
        chances = torch.sigmoid(probe(torch.from_numpy(Bag().encode(said))))
        best = chances.argmax(1).tolist()
        assert np.mean([found == at for found, (at, _) in zip(best, named, strict=True)]) > 0.8, language
