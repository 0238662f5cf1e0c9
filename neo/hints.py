"""Hints: what the sentence encoder and the catalog recognise in a message, put behind its words for the model to read.

A title or maker of the catalog that stands in the words; the topics, tones and formats that the probe hears in the
message or in a piece of it, in any of the encoder's languages, surely or perhaps; and what the message as a whole
seems to ask for: the act, item types, how many, in which language, known or new, which of those suggested last, whether
it refuses something. A hint is an input, as the soft tokens are: the model still writes the plan itself, and says what
of a hint is wanted, what refused and what was not meant. Which small talk it would be is heard as well, for the facts
behind such a plan.
"""

import re
from collections.abc import Container, Sequence
from dataclasses import replace

import numpy as np
import torch
from scipy.special import logit

from catalog.mentions import Mention, Mentions
from catalog.names import plain
from neo.format import Message, Reply
from neo.model.probe import BARE, FOLLOWS, REFUSES, Probe, letters
from neo.plan import CHOOSING, Hint, Term
from neo.sids.encoder import TextEncoder
from neo.sids.vocabulary import FIELDS
from neo.sids.vocabulary import MOST as LAST_POSITION

LIKELY, MOST = 0.5, 6  # the least probability of what a hint says, and the most facets
POSSIBLE, MOST_POSSIBLE = 0.15, 3  # the same of facets that it says less surely
WINDOWS = ((4, 2), (2, 1))  # words of a piece, words between two pieces: names are short, and others drown them
MOST_PIECES = 32  # of a message
REFUSAL = (-4.0, 1.0)  # the least and the most that "not" may gain
HEARD = 3.0  # what an act gains that is heard
COUNTED, FEW = 8.0, 3  # what a count gains that alone is heard, where it is of more than a few or changes another
CRISIS = ("situation", "crisis")
IN_DOUBT = 0.4  # the least chance of a crisis, by the vector alone, for help to be named
TOGETHER = 256  # messages whose pieces are scored at once
NAMED = {"title": "title", "maker": "by"}
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
        facets = [probe.outputs[at] for at in probe.facets]
        self._is_known = np.array([known is None or facet in known for facet in facets], dtype=bool)

    def of(self, texts: Sequence[str]) -> list[Hint]:
        """The hint of each text; its terms are names in the order they stand, then facets in the order of a plan."""
        named = list(map(self.mentions.find, texts))
        spelled = [letters(unnamed(text, names)) for text, names in zip(texts, named, strict=True)]
        return [
            replace(heard, terms=(*(Term(NAMED[one.kind], one.said) for one in names), *heard.terms))
            for names, heard in zip(named, self._heard(texts, spelled), strict=True)
        ]

    @torch.inference_mode()
    def _heard(self, texts: Sequence[str], spelled: list[torch.Tensor]) -> list[Hint]:
        """What the probe hears; `spelled`: the letters of each text, names left out."""
        if not self.probe.outputs or not texts:
            return [Hint() for _ in texts]
        cut = [pieces(text) for text in texts]
        known = sorted({piece for each in cut for piece in each})
        vectors = torch.from_numpy(self.encoder.encode(known))
        at = {piece: row for row, piece in enumerate(known)}
        themselves = vectors[[at[text] for text in texts]]
        alone = torch.sigmoid(self.probe(themselves)).numpy()
        whole = torch.sigmoid(self.probe(themselves, spelled)).numpy()
        heard: list[Hint] = []
        for start in range(0, len(texts), TOGETHER):
            some = slice(start, start + TOGETHER)
            rows = torch.tensor([at[piece] for each in cut[some] for piece in each])
            sizes = torch.tensor([len(each) for each in cut[some]])
            of = torch.repeat_interleave(torch.arange(len(sizes)), sizes)
            spoken = torch.sigmoid(self.probe.spoken(self.probe(vectors[rows]), of, len(sizes)))
            heard += map(self._hint, whole[some], alone[some], spoken.numpy())
        return heard

    def _hint(self, whole: np.ndarray, alone: np.ndarray, spoken: np.ndarray) -> Hint:
        """Chances: `whole` of what the message says, `alone` by its vector alone [outputs]; `spoken` of what its pieces
        speak of [facets]. An act is heard where letters and vector agree: who speaks of a bad night may use the words
        of those who ask for something to hear."""
        outputs = self.probe.outputs
        likely = [outputs[at] for at in np.argsort(-whole, kind="stable") if whole[at] >= LIKELY]

        def names(of: str) -> tuple[str, ...]:
            return tuple(name for field, name in likely if field == of)

        chances = spoken * self._is_known
        order = np.argsort(-chances, kind="stable")
        facets = [(chances[at], Term(*outputs[self.probe.facets[at]])) for at in order[: MOST + MOST_POSSIBLE]]
        sure = [term for chance, term in facets if chance >= LIKELY][:MOST]
        rest = [term for chance, term in facets if chance >= POSSIBLE and term not in sure]
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
                *sorted(sure, key=lambda term: FIELDS.index(term.field)),
                *(Term("length", name) for name in names("length")),
            ),
            perhaps=tuple(rest[:MOST_POSSIBLE]),
            situation=self._situation(whole, alone),
            refusal=float(logit(whole[outputs.index(REFUSES)])) if REFUSES in outputs else 0.0,
        )

    def _situation(self, whole: np.ndarray, alone: np.ndarray) -> str | None:
        """Which small talk it would be: the vector with letters and the vector alone count alike. A crisis wherever the
        vector alone may mean one: who is in it must be told of help, and who is not loses little."""
        outputs = self.probe.outputs
        if CRISIS in outputs and alone[outputs.index(CRISIS)] >= IN_DOUBT:
            return CRISIS[1]
        said = [at for at, (field, _) in enumerate(outputs) if field == "situation"]
        return outputs[max(said, key=lambda at: whole[at] * alone[at])][1] if said else None


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


def leanings(turns: Sequence[Message | Reply]) -> dict[str, float]:
    """What scores of a plan's words gain, or lose, by what the probe hears in the last message of a prompt.

    An act that is heard, for behind suggestions the model takes too much for a question about them; but no act that
    asks for items: of one who names something misspelt the probe hears only the wish. A count of more than a few:
    there are many words for one ("half a dozen"), of which the model has read hardly any; and any count that changes
    what was asked for before, which the model likes to keep. And "not": composed messages refuse far more often than
    people do, and the model expects it; nothing where an earlier plan refuses something: that may stay."""
    hint = turns[-1].hint
    gains = {hint.act: HEARD} if hint.act and hint.act not in CHOOSING else {}
    changes = hint.follows and len(turns) > 1
    if len(hint.counts) == 1 and len(hint.types) < 2 and (changes or hint.counts[0] > FEW):
        gains[f"x{hint.counts[0]}"] = COUNTED
    if all(term.wanted for turn in turns if isinstance(turn, Reply) for term in turn.plan.terms):
        gains["not"] = float(np.clip(hint.refusal, *REFUSAL))
    return gains


def unnamed(text: str, names: Sequence[Mention]) -> str:
    """A text without the names that stand in it."""
    for one in reversed(names):
        text = text[: one.start] + NAME + text[one.stop :]
    return text


def pieces(text: str) -> list[str]:
    """A message, its clauses, and windows of some words, fewer of them where it is long: a facet may be named in
    passing."""
    words = text.split()
    clauses = [part.strip() for part in re.split(r"[.,;:!?()/]+|\s[-–—]\s", text)]
    windows: list[str] = []
    for size, step in WINDOWS:
        starts = (*range(0, len(words) - size, step), max(0, len(words) - size))
        room = max(1, MOST_PIECES - 1 - len(clauses) - len(windows))
        windows += [" ".join(words[at : at + size]) for at in starts[:: -(-len(starts) // room)]]
    return list(dict.fromkeys((text, *(piece for piece in (*clauses, *windows) if len(piece) > 2))))[:MOST_PIECES]
