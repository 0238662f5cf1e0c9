"""The probe's stage: which facets a composed request speaks of, learned from encoder vectors alone, in minutes."""

import torch
from torch.nn import functional as F

from neo.format import Message, Reply
from neo.model.probe import FacetProbe
from neo.sids.encoder import TextEncoder
from neo.training.fitting import Fit, fit
from neo.training.meaning import FACET_KIND
from neo.training.recipe import ProbeConfig
from neo.training.shelf import Shelf
from neo.training.tasks import Composer
from neo.wording import Wording

FIT = Fit(epochs=12, batch=256, rate=2e-3, decay=0.05, held_out=0.05, one_cycle=True)
NAMES_REPEATED = 4  # how often each name of a facet stands alone among the samples


def facets_of(shelf: Shelf) -> tuple[tuple[str, str], ...]:
    """(field, name) of the topics, tones and formats that some item has."""
    return tuple((field, name) for field in FACET_KIND for name in sorted(shelf.facets[field]))


def fit_probe(
    probe: FacetProbe,
    composer: Composer,
    encoder: TextEncoder,
    config: ProbeConfig,
    seed: int = 0,
    progress=lambda done, total, loss: None,
) -> tuple[float, float]:
    """Fit the probe in place; returns the held-out loss (before, after)."""
    texts, facets = _samples(composer, config)
    at = {facet: column for column, facet in enumerate(probe.facets)}
    wanted = torch.zeros(len(texts), len(at))
    for row, named in enumerate(facets):
        wanted[row, [at[facet] for facet in named if facet in at]] = 1
    vectors = torch.from_numpy(encoder.encode(texts))
    probe.train()
    losses = fit(
        list(probe.parameters()),
        lambda rows: F.binary_cross_entropy_with_logits(probe(vectors[rows]), wanted[rows]),
        len(texts),
        FIT,
        seed,
        progress,
    )
    probe.eval()
    return losses


def _samples(composer: Composer, config: ProbeConfig) -> tuple[list[str], list[set[tuple[str, str]]]]:
    """Messages, and the facets that each of them names beyond those of the turn before; then every name alone."""
    texts, facets = [], []
    for task in composer.draw.rng.choice(config.tasks, config.conversations):
        *before, message, reply = composer.compose(str(task), "plan")
        assert isinstance(message, Message) and isinstance(reply, Reply)
        old = {(term.field, term.value) for turn in before if isinstance(turn, Reply) for term in turn.plan.terms}
        texts.append(message.text)
        facets.append({(term.field, term.value) for term in reply.plan.terms} - old)
    for language in composer.languages:
        phrases = Wording.load(language).phrases
        for field, kind in FACET_KIND.items():
            for name in composer.shelf.facets[field]:
                for said in phrases[kind].get(name, [name]):
                    texts += [said] * NAMES_REPEATED
                    facets += [{(field, name)}] * NAMES_REPEATED
    return texts, facets
