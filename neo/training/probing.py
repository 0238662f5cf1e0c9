"""The probe's stage: what a composed request speaks of and asks for, learned from vectors and letters, in minutes.

What the model learns from must be told as unsurely as what it will be told of requests that nobody composed. So the
hints of training come from probes that have not seen the wording: one for each fold of the wordings, fitted to the
other folds. (Stacked generalisation, Wolpert 1992.)
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import torch
from torch.nn import functional as F

from neo.hints import pieces, unnamed
from neo.model.probe import BARE, FOLLOWS, REFUSES, Probe, letters
from neo.plan import ANY, SHORTER, Plan
from neo.sids.encoder import TextEncoder
from neo.sids.vocabulary import ACTS, FAMILIARITIES, MOST
from neo.training.fitting import Fit, fit
from neo.training.meaning import FACET_KIND
from neo.training.recipe import ProbeConfig
from neo.training.shelf import Shelf
from neo.training.tasks import Composer
from neo.wording import Wording

FIT = Fit(epochs=7, batch=256, rate=2e-3, decay=0.05, held_out=0.05, one_cycle=True)
NOISE, LOST = 0.25, 0.4
"""Standard deviation of what is added to vectors of root mean square 1, and the share of letters that is left out: no
wording shall be learned by heart."""
NAMES_REPEATED = 4  # how often each name of a facet stands alone among the samples


@dataclass(frozen=True)
class Heard:
    """Messages to learn from, in pieces: `vectors` [pieces, encoder width] in half precision; for each message the rows
    of its pieces, itself first, its letters, what it says as `wanted` [messages, outputs], and the fold of the wordings
    that it is of, -1 for names alone."""

    vectors: torch.Tensor
    pieces: list[torch.Tensor]
    spelled: list[torch.Tensor]
    wanted: torch.Tensor
    folds: torch.Tensor

    def without(self, fold: int) -> "Heard":
        return self._of(self.folds != fold)

    def only(self, fold: int) -> "Heard":
        return self._of(self.folds == fold)

    def _of(self, rows: torch.Tensor) -> "Heard":
        at = rows.nonzero().flatten().tolist()
        kept, spelled = [self.pieces[row] for row in at], [self.spelled[row] for row in at]
        return Heard(self.vectors, kept, spelled, self.wanted[rows], self.folds[rows])


def outputs_of(shelf: Shelf) -> tuple[tuple[str, str], ...]:
    """(field, name) of the topics, tones and formats that some item has, of acts, item types, counts, languages,
    positions, familiarities and situations of small talk, SHORTER, FOLLOWS, REFUSES and BARE."""
    facets = [(field, name) for field in FACET_KIND for name in sorted(shelf.facets[field])]
    numbers = [str(number) for number in range(1, MOST + 1)]
    languages = sorted({item.language for item in shelf.items})
    asked = {
        **{"act": ACTS, "type": shelf.types, "count": numbers, "language": languages, "ref": numbers},
        **{"familiarity": FAMILIARITIES, "length": (SHORTER,), "situation": Wording.load("en").replies["talk"]},
    }
    said = ((field, name) for field, names in asked.items() for name in names)
    return (*facets, *said, FOLLOWS, REFUSES, BARE)


def heard_in(composers: list[Composer], encoder: TextEncoder, config: ProbeConfig) -> Heard:
    """Composed messages, the composers' each of their fold, and every name of a facet alone."""
    texts, said, folds = [], [], []
    for fold, composer in enumerate(composers):
        for text, outputs in _composed(composer, config, -(-config.conversations // len(composers))):
            texts.append(text)
            said.append(outputs)
            folds.append(fold)
    for text, outputs in _names(composers[0]):
        texts.append(text)
        said.append(outputs)
        folds.append(-1)
    at = {output: column for column, output in enumerate(outputs_of(composers[0].shelf))}
    wanted = torch.zeros(len(texts), len(at))
    for row, outputs in enumerate(said):
        wanted[row, [at[output] for output in outputs if output in at]] = 1
    find, cut = composers[0].shelf.mentions.find, list(map(pieces, texts))
    spelled = {text: letters(unnamed(text, find(text))) for text in dict.fromkeys(texts)}
    rows = {piece: row for row, piece in enumerate(sorted({piece for each in cut for piece in each}))}
    return Heard(
        torch.from_numpy(encoder.encode(list(rows)).astype(np.float16)),
        [torch.tensor([rows[piece] for piece in each]) for each in cut],
        [spelled[text] for text in texts],
        wanted,
        torch.tensor(folds),
    )


def fit_probe(
    probe: Probe, heard: Heard, seed: int = 0, progress=lambda done, total, loss: None
) -> tuple[float, float]:
    """Fit the probe in place; returns the held-out loss (before, after)."""
    facets = torch.tensor(probe.facets, dtype=torch.long)

    def loss_of(messages: torch.Tensor) -> torch.Tensor:
        at = messages.tolist()
        sizes = torch.tensor([len(heard.pieces[row]) for row in at])
        of = torch.repeat_interleave(torch.arange(len(at)), sizes)
        vectors = heard.vectors[torch.cat([heard.pieces[row] for row in at])].float()
        vectors = vectors + NOISE * torch.randn_like(vectors) / vectors.shape[-1] ** 0.5
        spelled = [ids[torch.rand(len(ids)) >= LOST] for ids in (heard.spelled[row] for row in at)]
        spoken = probe.spoken(probe(vectors), of, len(at))
        whole = probe(vectors[sizes.cumsum(0) - sizes], spelled).index_copy(1, facets, spoken)
        return F.binary_cross_entropy_with_logits(whole, heard.wanted[messages])

    probe.train()
    losses = fit(list(probe.parameters()), loss_of, len(heard.pieces), FIT, seed, progress)
    probe.eval()
    return losses


@torch.inference_mode()
def act_accuracy(probe: Probe, heard: Heard) -> float:
    """Share of messages whose act is the likeliest."""
    columns = [at for at, (field, _) in enumerate(probe.outputs) if field == "act"]
    wholes = torch.stack([rows[0] for rows in heard.pieces])
    found = probe(heard.vectors[wholes].float(), heard.spelled)[:, columns].argmax(1)
    return (found == heard.wanted[:, columns].argmax(1)).float().mean().item()


def _composed(composer: Composer, config: ProbeConfig, count: int) -> Iterable[tuple[str, set[tuple[str, str]]]]:
    """Messages, and what each says, whatever was said before."""
    tasks, shares = zip(*config.tasks.items(), strict=True)
    for task in map(str, composer.draw.rng.choice(tasks, count, p=np.array(shares) / sum(shares))):
        if task == "refine":
            wording = composer.requests.wording()
            asked, chosen, _ = composer.first_turn(wording)
            follow = composer.follow(asked, chosen, wording)
            yield follow.text, _said(follow.said) | {FOLLOWS}
        else:
            *_, message, reply = composer.compose(task, "plan")
            situation = message.hint.situation
            yield message.text, _said(reply.plan) | ({("situation", situation)} if situation else set())


def _said(plan: Plan) -> set[tuple[str, str]]:
    return {
        ("act", plan.act),
        *(("type", type_) for type_, _ in plan.types if type_ != ANY),
        *(("count", str(count)) for _, count in plan.types),
        *(("language", code) for code in plan.languages),
        *([("familiarity", plan.familiarity)] if plan.familiarity else []),
        *([BARE] if plan.ids_only else []),
        *(("ref", str(ref)) for ref in plan.refs),
        *((term.field, term.value) for term in plan.terms),
        *([REFUSES] if not all(term.wanted for term in plan.terms) else []),
    }


def _names(composer: Composer) -> Iterable[tuple[str, set[tuple[str, str]]]]:
    """What facets are called, in every language: who says no more wants something of it."""
    for language in composer.languages:
        phrases = Wording.load(language).phrases
        for field, kind in FACET_KIND.items():
            for name in sorted(composer.shelf.facets[field]):
                for said in phrases[kind].get(name, [name]):
                    yield from [(said, {(field, name), ("act", "recommend")})] * NAMES_REPEATED
