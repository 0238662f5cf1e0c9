"""Hints: what the sentence encoder and the catalog recognise in a message, put behind its words for the model to read.

A title or maker of the catalog that stands in the words, and the topics, tones and formats that the probe hears in the
message or in a part of it, in any of the encoder's languages. A hint is an input, as the soft tokens are: the model
still writes the plan itself, and says what of a hint is wanted, what refused and what was not meant.
"""

import re
from collections.abc import Container, Sequence

import numpy as np
import torch

from catalog.mentions import Mentions
from neo.model.probe import FacetProbe
from neo.plan import Term
from neo.sids.encoder import TextEncoder

MOST, LEAST = 4, 0.1  # facets of a hint, and the least probability of one
WINDOW, STEP, MOST_PIECES = 4, 2, 16  # words of a piece, words between two pieces, pieces of a message
FIELDS = {"title": "title", "maker": "by"}


class Hints:
    """Finds the hints of messages. `known`: (field, name) of the facets that the catalog has, None for those of the
    probe: it may have learned another catalog."""

    def __init__(
        self,
        probe: FacetProbe,
        encoder: TextEncoder,
        mentions: Mentions,
        known: Container[tuple[str, str]] | None = None,
    ):
        self.probe, self.encoder, self.mentions = probe, encoder, mentions
        self._known = np.array([known is None or facet in known for facet in probe.facets], bool)

    def of(self, texts: Sequence[str]) -> list[tuple[Term, ...]]:
        """The hints of each text: names in the order they stand, then facets, the likeliest first."""
        return [
            (*(Term(FIELDS[one.kind], one.said) for one in self.mentions.find(text)), *facets)
            for text, facets in zip(texts, self._facets(texts), strict=True)
        ]

    @torch.inference_mode()
    def _facets(self, texts: Sequence[str]) -> list[list[Term]]:
        """A facet is as likely in a message as in the piece of it where it is likeliest."""
        if not self.probe.facets or not texts:
            return [[] for _ in texts]
        cut = [pieces(text) for text in texts]
        known = sorted({piece for each in cut for piece in each})
        vectors = torch.from_numpy(self.encoder.encode(known))
        chances = torch.cat([torch.sigmoid(self.probe(part)) for part in vectors.split(4096)]).numpy()
        at = {piece: row for row, piece in enumerate(known)}
        return [self._likeliest(chances[[at[piece] for piece in each]].max(0) * self._known) for each in cut]

    def _likeliest(self, chances: np.ndarray) -> list[Term]:
        best = np.argsort(-chances, kind="stable")[:MOST]
        return [Term(*self.probe.facets[index]) for index in best if chances[index] >= LEAST]


def pieces(text: str) -> list[str]:
    """A message, its clauses, and windows of some words: a facet may be named in passing."""
    words = text.split()
    clauses = [part.strip() for part in re.split(r"[.,;:!?()/]+|\s[-–—]\s", text)]
    starts = [*range(0, len(words) - WINDOW, STEP), max(0, len(words) - WINDOW)]
    windows = [" ".join(words[at : at + WINDOW]) for at in starts]
    return list(dict.fromkeys((text, *(piece for piece in (*clauses, *windows) if len(piece) > 2))))[:MOST_PIECES]
