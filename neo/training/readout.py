"""The last stage: the codes' output rows alone, over many epochs, on hidden states that are computed once.

With few tokens, output rows see each code too seldom. Everything before them is frozen here, so a state costs one
forward pass and then serves every epoch; a tenth of the states is held out and decides when to stop. First all rows
together are made as long as is best: what the backbone learned beside one shortcut may say too much beside another.
"""

from dataclasses import replace

import numpy as np
import torch
from torch import Tensor, nn

from neo.model.neo import Batch, NeoModel
from neo.training.batches import Example, bucketed, collate
from neo.training.fitting import Fit, fit

FIT = Fit(epochs=20, batch=256, rate=1e-3, decay=0.1, held_out=0.1)
LENGTH = replace(FIT, epochs=10, rate=2e-2, decay=0.0)
MOST = 4000  # examples; more of them cost minutes and gained little


def fit_readout(
    model: NeoModel, examples: list[Example], pad: int, seed: int, progress=lambda done, total, loss: None
) -> tuple[float, float] | None:
    """Fit `map_out` and `free_out` in place; returns the held-out loss a code (before, after), or None where
    no example has codes to learn from."""
    useful = [example for example in examples if (example.labels >= model.vocabulary.control_ids.stop).any()]
    if not useful:
        return None
    drawn = np.random.default_rng(seed).permutation(len(useful))[:MOST]
    useful = [useful[index] for index in drawn]
    batches = bucketed(useful, 4096, np.random.default_rng(seed))
    steps = len(batches) + FIT.epochs
    found = []
    model.eval()
    for done, batch in enumerate(batches):
        found.append(_states(model, collate([useful[index] for index in batch], pad).to(model.words.device)))
        progress(done + 1, steps, 0.0)
    states = tuple(map(torch.cat, zip(*found, strict=True)))
    before = fit_length(model, states, seed)
    _, after = fit(
        [model.rows.map_out.weight, model.rows.free_out],
        lambda rows: _loss(model, states, rows, model.rows.code_outputs()),
        len(states[-1]),
        FIT,
        seed,
        lambda done, total, loss: progress(len(batches) + done, steps, loss),
    )
    return before, after


def fit_length(model: NeoModel, states: tuple[Tensor, Tensor, Tensor], seed: int) -> float:
    """Make all output rows longer or shorter, in place; returns the held-out loss a code as it was."""
    share = nn.Parameter(torch.ones((), device=states[0].device))
    outputs = model.rows.code_outputs().detach()
    before, _ = fit([share], lambda rows: _loss(model, states, rows, share * outputs), len(states[-1]), LENGTH, seed)
    with torch.no_grad():
        model.rows.map_out.weight *= share
        model.rows.free_out *= share
    return before


@torch.no_grad()
def _states(model: NeoModel, batch: Batch) -> tuple[Tensor, Tensor, Tensor]:
    """What the codes to be written are scored from, and their ids (`NeoModel.code_states`)."""
    hidden, shortcut, ids = model.code_states(batch, model.read(batch))
    return hidden.float(), shortcut.float(), ids


def _loss(model: NeoModel, states: tuple[Tensor, Tensor, Tensor], rows: Tensor, outputs: Tensor) -> Tensor:
    """Mean cross-entropy of the codes in `rows`, by these output rows of all codes."""
    return model.code_loss(*(part[rows] for part in states), outputs) / len(rows)
