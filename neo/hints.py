"""Hints: what the sentence encoder and the catalog recognise in a message, put behind its words for the model to read.

A title or maker of the catalog that stands in the words; the topics, tones and formats that the probe hears in the
message or in a part of it, in any of the encoder's languages; and what the message as a whole seems to ask for: the
act, item types, how many, in which language, known or new, which of those suggested last, whether it refuses something.
A hint is an input, as the soft tokens are: the model still writes the plan itself, and says what of a hint is wanted,
what refused and what was not meant.
"""

import re
from collections.abc import Container, Sequence
from dataclasses import replace

import numpy as np
import torch

from catalog.mentions import Mention, Mentions
from catalog.names import plain
from neo.model.probe import BARE, FACETS, FOLLOWS, REFUSES, Probe, letters
from neo.plan import Hint, Term
from neo.sids.encoder import TextEncoder
from neo.sids.vocabulary import MOST as LAST_POSITION

MOST, LEAST = 4, 0.2  # facets of a hint, and the least probability of one
LIKELY = 0.5  # the least probability of what the whole message seems to be
WINDOW, STEP, MOST_PIECES = 4, 2, 16  # words of a piece, words between two pieces, pieces of a message
FIELDS = {"title": "title", "maker": "by"}
NAME = "Xx"  # stands for a title or maker where letters are read: those of names say nothing of a request


class Hints:
    """Finds the hints of messages. `known`: (field, name) of the facets that the catalog has, None for those of the
    probe: it may have learned another catalog."""

    def __init__(
        self,
        probe: Probe,
        encoder: TextEncoder,
        mentions: Mentions,
        known: Container[tuple[str, str]] | None = None,
    ):
        self.probe, self.encoder, self.mentions = probe, encoder, mentions
        self._is_facet = np.array(
            [out[0] in FACETS and (known is None or out in known) for out in probe.outputs], dtype=bool
        )

    def of(self, texts: Sequence[str]) -> list[Hint]:
        """The hint of each text; its terms are names in the order they stand, then facets, the likeliest first."""
        named = list(map(self.mentions.find, texts))
        spelled = [letters(unnamed(text, names)) for text, names in zip(texts, named, strict=True)]
        return [
            replace(heard, terms=(*(Term(FIELDS[one.kind], one.said) for one in names), *heard.terms))
            for names, heard in zip(named, self._heard(texts, spelled), strict=True)
        ]

    @torch.inference_mode()
    def _heard(self, texts: Sequence[str], spelled: list[torch.Tensor]) -> list[Hint]:
        """What the probe hears. A facet is as likely in a message as in the piece of it where it is likeliest."""
        if not self.probe.outputs or not texts:
            return [Hint() for _ in texts]
        cut = [pieces(text) for text in texts]
        known = sorted({piece for each in cut for piece in each})
        vectors = torch.from_numpy(self.encoder.encode(known))
        chances = torch.cat([torch.sigmoid(self.probe(part)) for part in vectors.split(4096)]).numpy()
        at = {piece: row for row, piece in enumerate(known)}
        whole = torch.sigmoid(self.probe(vectors[[at[text] for text in texts]], spelled)).numpy()
        return [
            self._hint(one, chances[at[each[0]]], chances[[at[piece] for piece in each]].max(0))
            for one, each in zip(whole, cut, strict=True)
        ]

    def _hint(self, whole: np.ndarray, alone: np.ndarray, anywhere: np.ndarray) -> Hint:
        """`whole`: the chances in the message itself, `alone`: by its vector alone, `anywhere`: the best of all its
        pieces; each [outputs]. An act is heard where letters and vector agree: who speaks of a bad night may use the
        words of those who ask for something to hear."""
        outputs = self.probe.outputs
        likely = [outputs[at] for at in np.argsort(-whole, kind="stable") if whole[at] >= LIKELY]

        def names(of: str) -> tuple[str, ...]:
            return tuple(name for field, name in likely if field == of)

        facets = anywhere * self._is_facet
        best = np.argsort(-facets, kind="stable")[:MOST]
        return Hint(
            act=next((name for name in names("act") if alone[outputs.index(("act", name))] >= LIKELY), None),
            follows=FOLLOWS in likely,
            refuses=REFUSES in likely,
            types=names("type"),
            counts=tuple(map(int, names("count"))),
            languages=names("language"),
            familiarity=next(iter(names("familiarity")), None),
            ids_only=BARE in likely,
            refs=tuple(map(int, names("ref"))),
            terms=(
                *(Term(*outputs[at]) for at in best if facets[at] >= LEAST),
                *(Term("length", name) for name in names("length")),
            ),
        )


def placed(hint: Hint, slate: Sequence[str]) -> Hint:
    """A hint whose positions are those in `slate`, the titles suggested last: of the titles in it, or else those that
    were heard and that the slate has."""
    named = {plain(term.value) for term in hint.terms if term.field == "title"}
    refs = [
        at
        for at, title in enumerate(slate[:LAST_POSITION], start=1)
        if named & {plain(title), plain(title.split(":")[0])}
    ]
    return replace(hint, refs=tuple(refs or (ref for ref in hint.refs if ref <= len(slate))))


def unnamed(text: str, names: Sequence[Mention]) -> str:
    """A text without the names that stand in it."""
    for one in reversed(names):
        text = text[: one.start] + NAME + text[one.stop :]
    return text


def pieces(text: str) -> list[str]:
    """A message, its clauses, and windows of some words: a facet may be named in passing."""
    words = text.split()
    clauses = [part.strip() for part in re.split(r"[.,;:!?()/]+|\s[-–—]\s", text)]
    starts = [*range(0, len(words) - WINDOW, STEP), max(0, len(words) - WINDOW)]
    windows = [" ".join(words[at : at + WINDOW]) for at in starts]
    return list(dict.fromkeys((text, *(piece for piece in (*clauses, *windows) if len(piece) > 2))))[:MOST_PIECES]
