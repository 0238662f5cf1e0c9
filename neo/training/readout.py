"""The last stage: the codes' output rows alone, over many epochs, on hidden states that are computed once.

With few tokens, output rows see each code too seldom. Everything before them is frozen here, so a state costs one
forward pass and then serves every epoch; a tenth of the states is held out and decides when to stop.
"""

import numpy as np
import torch
from torch import Tensor, nn

from neo.model.neo import Batch, NeoModel
from neo.training.batches import Example, bucketed, collate

EPOCHS, BATCH, RATE, DECAY, HELD_OUT = 20, 256, 1e-3, 0.1, 0.1
MOST = 4000  # examples; more of them cost minutes and gained little


def fit_readout(model: NeoModel, examples: list[Example], pad: int, seed: int, progress=lambda done, total, loss: None):
    """Fit `map_out` and `free_out` in place; returns held-out loss (before, after)."""
    useful = [example for example in examples if (example.labels >= model.vocabulary.control_ids.stop).any()]
    drawn = np.random.default_rng(seed).permutation(len(useful))[:MOST]
    useful = [useful[index] for index in drawn]
    batches = bucketed(useful, 4096, np.random.default_rng(seed))
    found = []
    model.eval()
    for done, batch in enumerate(batches):
        found.append(_states(model, collate([useful[index] for index in batch], pad)))
        progress(done + 1, len(batches) + EPOCHS, 0.0)
    states = tuple(map(torch.cat, zip(*found, strict=True)))
    labels = states[-1]
    order = torch.randperm(len(labels), generator=torch.Generator().manual_seed(seed))
    held, kept = order[: int(len(order) * HELD_OUT)], order[int(len(order) * HELD_OUT) :]
    parameters = [model.rows.map_out.weight, model.rows.free_out]
    optimizer = torch.optim.AdamW(parameters, lr=RATE, weight_decay=DECAY)
    with torch.no_grad():
        before = best = _loss(model, states, held).item()
    chosen = [p.detach().clone() for p in parameters]
    shuffle = torch.Generator().manual_seed(seed + 1)
    for epoch in range(EPOCHS):
        for rows in kept[torch.randperm(len(kept), generator=shuffle)].split(BATCH):
            optimizer.zero_grad()
            _loss(model, states, rows).backward()
            nn.utils.clip_grad_norm_(parameters, 1.0)
            optimizer.step()
        with torch.no_grad():
            loss = _loss(model, states, held).item()
        progress(len(batches) + epoch + 1, len(batches) + EPOCHS, loss)
        if loss < best:
            best, chosen = loss, [p.detach().clone() for p in parameters]
    with torch.no_grad():
        for parameter, value in zip(parameters, chosen, strict=True):
            parameter.copy_(value)
    return before, best


@torch.no_grad()
def _states(model: NeoModel, batch: Batch) -> tuple[Tensor, Tensor, Tensor]:
    """What the codes to be written are scored from, and their ids (`NeoModel.code_states`)."""
    hidden, shortcut, ids = model.code_states(batch, model.read(batch))
    return hidden.float(), shortcut.float(), ids


def _loss(model: NeoModel, states: tuple[Tensor, Tensor, Tensor], rows: Tensor) -> Tensor:
    """Mean cross-entropy of the codes in `rows`."""
    return model.code_loss(*(part[rows] for part in states), model.rows.code_outputs()) / len(rows)
